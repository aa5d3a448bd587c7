"""Trained opinions are sums that can be worked out by hand, and rest on the clause that gave most."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from service.feedback.catalogue import Catalogue
from service.feedback.examples import parse_example, reading_of
from service.feedback.opinions import ASKED, OpinionModel, asked_themes, facts, signals, tell
from service.feedback.reading import Limits
from service.labels import QuestionType
from service.language.heads import LinearHead
from service.language.nlp import Language

EXAMPLE = "[S] My boss was lazy in May. [A] I rang them and I rang them. [R] We sold 40."
VOCABULARY = {"w=lazy": 0, "A|w=rang": 1, "fact:none=TASK": 2, "w=rang": 3}
WEIGHTS = np.array([[2.0, -1.0], [0.5, 1.5], [1.0, 0.0], [0.25, 0.25]], dtype=np.float32)
MODEL = OpinionModel(
    LinearHead(
        ("language.blame", "action.ownership"), VOCABULARY, WEIGHTS, np.array([-1.0, 0.0], dtype=np.float32)
    ),
    {"language.blame": Limits(0.5, None)},
)


def logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def test_an_opinion_is_the_sum_of_what_is_there(language: Language, catalogue: Catalogue) -> None:
    with reading_of(parse_example(EXAMPLE), QuestionType.BEHAVIOURAL, language) as reading:
        opinions = MODEL.opinions(reading, catalogue.lexicons)
    # A word said twice counts once; facts count by their value.
    assert opinions["language.blame"].probability == pytest.approx(logistic(-1 + 2 + 0.5 + 0.25 + 1))
    assert opinions["action.ownership"].probability == pytest.approx(logistic(-1 + 1.5 + 0.25))
    assert opinions["language.blame"].clause == 0
    assert opinions["action.ownership"].clause == 1


def test_an_answer_without_clauses_has_opinions_without_evidence(
    language: Language, catalogue: Catalogue
) -> None:
    with reading_of(parse_example(EXAMPLE), QuestionType.BEHAVIOURAL, language) as reading:
        opinions = MODEL.opinions(replace(reading, clauses=()), catalogue.lexicons)
    assert opinions["language.blame"].clause is None
    assert opinions["language.blame"].probability == pytest.approx(logistic(-1 + 1))


def test_signals_are_features_alone_and_with_their_label(language: Language) -> None:
    with reading_of(parse_example(EXAMPLE), QuestionType.BEHAVIOURAL, language) as reading:
        told = signals(reading.clauses[-1])
    assert {"w=sold", "R|w=sold", "number", "R|number"} <= set(told)
    assert not [name for name in told if name.startswith(("t=", "at=", "from_"))], "no tags, no places"


def test_facts_count_what_was_told(language: Language, catalogue: Catalogue) -> None:
    with reading_of(parse_example(EXAMPLE), QuestionType.BEHAVIOURAL, language) as reading:
        told = facts(reading, catalogue.lexicons)
    assert told["fact:under_60"] == 1
    assert told["fact:over_350"] == 0
    assert told["fact:none=TASK"] == 1
    assert told["fact:none=ACTION"] == 0
    assert told["fact:steps"] == pytest.approx(math.log1p(2))
    assert told["fact:own_steps"] == told["fact:steps"]
    assert told["fact:first=SITUATION"] == told["fact:last=RESULT"] == 1
    assert all(math.isfinite(value) for value in told.values())
    assert sum(
        told[f"fact:share={label}"] for label in ("SITUATION", "TASK", "ACTION", "RESULT", "OTHER")
    ) == (pytest.approx(3))


def told(marked: str, kind: QuestionType, language: Language, catalogue: Catalogue) -> list[set[str]]:
    with reading_of(parse_example(marked), kind, language) as reading:
        return [set(names) for names in tell(reading, catalogue.lexicons).signals]


def test_cues_are_told_with_their_agent_and_label(language: Language, catalogue: Catalogue) -> None:
    first, second = told(
        "[S] My manager never listened. [A] I forgot the keys myself.",
        QuestionType.BEHAVIOURAL,
        language,
        catalogue,
    )
    assert {"cue=failing", "cue=failing@other", "S|cue=failing"} <= first
    assert "cue=failing@i" in second
    assert "cue=failing@other" not in second


def test_how_an_answer_opens_and_ends_is_told(language: Language, catalogue: Catalogue) -> None:
    clauses = told(EXAMPLE + " Now I check it first.", QuestionType.BEHAVIOURAL, language, catalogue)
    assert "open|tp=past|my_noun" in clauses[0]
    assert "end|tp=present|i" in clauses[-1]
    assert "end|cue=habit_now" in clauses[-1]
    assert not [name for name in clauses[-1] if name.startswith("open|")]


@pytest.mark.parametrize(
    ("said", "is_range"),
    [
        ("I think 27-31k would be right.", True),
        ("Between fifty two and fifty eight thousand a year.", True),
        ("From 900 to 1,200 a month is normal.", True),
        ("I want one hundred and eighty thousand.", False),
        ("I want 6,500 a month after two to three years.", False),
        ("I want 40,000 and have 12 years.", False),
    ],
)
def test_two_amounts_are_a_range(said: str, is_range: bool, language: Language, catalogue: Catalogue) -> None:
    for kind, expected in ((QuestionType.SALARY, is_range), (QuestionType.BEHAVIOURAL, False)):
        clauses = told("[O] " + said, kind, language, catalogue)
        assert any("cue=two_amounts" in names for names in clauses) is expected


def test_words_are_told_under_the_theme_of_the_question(language: Language, catalogue: Catalogue) -> None:
    asked = "Tell me about a mistake you made. || [S] I mixed up two samples."
    clauses = told(asked, QuestionType.BEHAVIOURAL, language, catalogue)
    assert f"{ASKED}mistake|sample" in clauses[0]
    for other, kind in (
        (asked, QuestionType.SALARY),
        ("[S] I mixed up two samples.", QuestionType.BEHAVIOURAL),
    ):
        clauses = told(other, kind, language, catalogue)
        assert not [name for names in clauses for name in names if name.startswith(ASKED)]


def test_themes_are_those_of_the_question(language: Language, catalogue: Catalogue) -> None:
    example = parse_example("How did you cope when a new manager changed the rules? || [O] I was fine.")
    with reading_of(example, QuestionType.ADAPT_TO_CHANGE, language) as reading:
        assert "change" in asked_themes(reading, catalogue.lexicons)
        known = facts(reading, catalogue.lexicons)
    assert known["fact:asks=change"] == 1
    assert known["fact:no_question_word"] == 1


def test_an_opinion_that_would_be_raised_has_its_words(language: Language, catalogue: Catalogue) -> None:
    with reading_of(parse_example(EXAMPLE), QuestionType.BEHAVIOURAL, language) as reading:
        opinions = MODEL.opinions(reading, catalogue.lexicons)
        words = opinions["language.blame"].words
        assert words is not None
        assert reading.answer.text[slice(*words)] == "My boss was lazy"
    assert opinions["action.ownership"].words is None, "it has no limit"


def test_criteria_of_other_question_types_have_no_words(language: Language, catalogue: Catalogue) -> None:
    model = OpinionModel(
        LinearHead(
            ("criterion.salary.range",), {"w=40": 0}, np.ones((1, 1), np.float32), np.ones(1, np.float32)
        ),
        {"criterion.salary.range": Limits(0.5, None)},
    )
    for kind, has_words in ((QuestionType.SALARY, True), (QuestionType.BEHAVIOURAL, False)):
        with reading_of(parse_example(EXAMPLE), kind, language) as reading:
            opinion = model.opinions(reading, catalogue.lexicons)["criterion.salary.range"]
        assert (opinion.words is not None) is has_words
