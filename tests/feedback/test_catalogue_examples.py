"""Every rule fires on its examples, on exactly their words, and passes the others."""

from __future__ import annotations

import pytest

from service.feedback.catalogue import load_catalogue
from service.feedback.rules import KINDS, Hit, Rule
from service.labels import QuestionType
from service.language.nlp import Language

from .examples import Example, parse_example, reading_of

CATALOGUE = load_catalogue()
#: Opinions are trained, and shown right or wrong by figures; all other rules by examples.
RULES = [rule for rule in CATALOGUE.active() if rule.kind != "model"]
#: Kinds whose finding rests on words of the answer.
ON_WORDS = {
    "crowded_out", "thin_action", "we_not_i", "passive_steps", "unmeasured", "measured", "ownership", "fillers",
}  # fmt: skip


def hits(rule: Rule, example: Example, language: Language) -> list[Hit]:
    question_type = QuestionType.BEHAVIOURAL if QuestionType.BEHAVIOURAL in rule.types else min(rule.types)
    assert rule.kind is not None
    with reading_of(example, question_type, language) as reading:
        return list(KINDS[rule.kind](reading, rule, CATALOGUE.lexicons))


def examples(which: str) -> list[object]:
    return [
        pytest.param(rule, example, id=f"{rule.id}-{number}")
        for rule in RULES
        for number, example in enumerate(rule.fire if which == "fire" else rule.passing, start=1)
    ]


def test_most_of_the_catalogue_is_held_by_examples() -> None:
    assert len(RULES) >= 15


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_three_examples_of_each_sort(rule: Rule) -> None:
    assert len(rule.fire) >= 3
    assert len(rule.passing) >= 3
    assert len({*rule.fire, *rule.passing}) == len(rule.fire) + len(rule.passing)


@pytest.mark.parametrize(("rule", "example"), examples("fire"))
def test_a_rule_fires_once_on_the_words_of_its_example(rule: Rule, example: str, language: Language) -> None:
    read = parse_example(example)
    (hit,) = hits(rule, read, language)
    assert 0 < hit.confidence <= 1
    if rule.kind in ON_WORDS:
        assert read.words is not None, "the example marks the words"
        assert hit.start is not None
        assert hit.end is not None
        start, end = read.words
        assert read.answer.text[hit.start : hit.end] == read.answer.text[start:end]
        assert (hit.start, hit.end) == read.words
    else:
        assert (hit.start, hit.end) == (None, None)
        assert read.words is None


@pytest.mark.parametrize(("rule", "example"), examples("pass"))
def test_a_rule_passes_what_it_should_not_name(rule: Rule, example: str, language: Language) -> None:
    read = parse_example(example)
    assert read.words is None
    assert hits(rule, read, language) == []
