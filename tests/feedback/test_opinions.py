"""Trained opinions are sums that can be worked out by hand, and rest on the clause that gave most."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from service.feedback.catalogue import Catalogue
from service.feedback.examples import parse_example, reading_of
from service.feedback.opinions import OpinionModel, facts, signals
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
