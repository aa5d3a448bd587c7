"""Evidence is the words that weigh most, cut at the edges of words, and of a sensible size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from service.feedback.evidence import LEAST_WORDS, MOST_WORDS, evidence
from service.feedback.examples import parse_example, reading_of
from service.labels import QuestionType
from service.language.nlp import Language

SAID = "Based on two surveys I would expect 21 to 24 dollars an hour with my six years as a welder here."


def shown(
    said: str,
    weights: Mapping[str, float],
    language: Language,
    *,
    cues: Sequence[tuple[str, int, int]] = (),
    taken: Sequence[tuple[int, int]] = (),
) -> str:
    with reading_of(parse_example("[O] " + said), QuestionType.SALARY, language) as reading:
        text = reading.answer.text
        start, end = evidence(reading.clauses[0], text, lambda name: weights.get(name, 0.0), cues, taken)
    return text[start:end]


def test_different_findings_rest_on_different_words(language: Language) -> None:
    assert shown(SAID, {"l=survey": 2.0}, language) == "on two surveys"
    assert "21 to 24" in shown(SAID, {"number": 1.0, "b=<num> to": 2.0, "b=to <num>": 2.0}, language)
    assert "welder" in shown(SAID, {"w=welder": 1.0}, language)


def test_a_cue_counts_where_it_stands(language: Language) -> None:
    start = SAID.index("six years")
    found = shown(SAID, {"cue=skills": 3.0, "l=survey": 1.0}, language, cues=[("skills", start, start + 9)])
    assert "six years" in found
    assert "surveys" not in found


def test_words_that_are_taken_weigh_less(language: Language) -> None:
    weights = {"l=survey": 2.0, "w=welder": 1.0}
    assert "surveys" in shown(SAID, weights, language)
    assert "welder" in shown(SAID, weights, language, taken=[(0, SAID.index("I would"))])


@pytest.mark.parametrize("word", ["based", "surveys", "dollars", "years", "here"])
def test_evidence_is_whole_words_of_a_sensible_number(word: str, language: Language) -> None:
    found = shown(SAID, {f"w={word}": 1.0}, language)
    words = found.split()
    assert LEAST_WORDS <= len(words) <= MOST_WORDS
    assert set(words) <= set(SAID.strip(".").split())
    assert word in found.lower().split()


def test_long_clauses_are_not_shown_as_a_whole(language: Language) -> None:
    listed = (
        "I brought " + ", ".join(f"a box of bolts and a bag of nails number {n}" for n in range(20)) + "."
    )
    found = shown(listed, {"w=brought": 1.0}, language)
    assert len(found.split()) <= MOST_WORDS


def test_a_short_clause_is_shown_without_its_marks(language: Language) -> None:
    assert shown("Sorry, nothing!", {"w=nothing": 1.0}, language) == "Sorry, nothing"


@pytest.mark.parametrize(
    "said", ["It\u200bpays 40\u2009k, I\u00a0think so  too", "\u2014 well \u2014 I asked the union, ok?"]
)
def test_any_layout_is_cut_at_words(said: str, language: Language) -> None:
    found = shown(said, {"w=think": 1.0, "w=union": 1.0}, language)
    assert found in said
    assert found == found.strip(" ,?\u2014")
