"""The sentence that gave the kind of an answer away is the one that gave most to the sum."""

from __future__ import annotations

import numpy as np
import pytest

from service.labels import AnswerKind
from service.language.heads import LinearHead
from service.language.whole import telling_sentence
from service.records import Clause

HEAD = LinearHead(
    ("story", "opinion"),
    {"habit": 0, "tense=past": 1, "l=always": 2},
    np.array([[-1.0, 2.0], [1.0, -1.0], [0.0, 9.0]], dtype=np.float32),
    np.zeros(2, dtype=np.float32),
)


def clause(sentence: int, *features: str) -> Clause:
    return Clause(10 * sentence, 10 * sentence + 8, 2, sentence, features)


def test_the_sentence_that_says_most_is_named() -> None:
    clauses = (clause(0, "tense=past"), clause(1, "habit"), clause(2, "habit", "tense=past"))
    assert telling_sentence(HEAD, clauses, AnswerKind.OPINION) == (10, 18)


def test_a_sentence_has_all_its_clauses() -> None:
    first = Clause(0, 5, 1, 0, ("habit",))
    second = Clause(6, 20, 1, 0, ())
    assert telling_sentence(HEAD, (first, second, clause(3, "tense=past")), AnswerKind.OPINION) == (0, 20)


def test_only_ways_of_telling_count() -> None:
    assert telling_sentence(HEAD, (clause(0, "l=always"), clause(1, "habit")), AnswerKind.OPINION) == (10, 18)


@pytest.mark.parametrize("kind", [AnswerKind.STORY, AnswerKind.SELF_DESCRIPTION])
def test_a_story_and_an_unknown_kind_have_none(kind: AnswerKind) -> None:
    assert telling_sentence(HEAD, (clause(0, "habit"),), kind) is None


def test_no_sentence_is_named_where_none_speaks_for_the_kind() -> None:
    assert telling_sentence(HEAD, (clause(0, "tense=past"),), AnswerKind.OPINION) is None
    assert telling_sentence(HEAD, (), AnswerKind.OPINION) is None
