"""Limits keep false alarms down: a finding that is not right often enough is never raised."""

from __future__ import annotations

import numpy as np
import pytest

from service.feedback.catalogue import Catalogue
from service.feedback.opinions import ASKED
from service.labels import Label, QuestionType
from service.language.nlp import Language
from training.corpus import LabelledAnswer
from training.opinions import LEAST_PRECISION, OFF_QUESTION, ReadAnswer, fit_opinions, limit, read_answers
from training.prepare import prepared

from .answers import marked

FLED = "[S] In May a guest shouted at me. [A] I listened and I rang the manager. [R] He booked again."
BROKE = "[S] In June our van broke down. [A] I rang the depot and I drove it home. [R] We lost nothing."
QUESTIONS = ("Tell me about a difficult customer.", "Tell me about a mistake you made.")


def test_a_limit_reaches_the_least_precision() -> None:
    chance = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05])
    gold = np.array([True, True, True, False, True, False, False, False, False, False])
    found = limit(chance, gold)
    assert found is not None
    raised = chance >= found
    assert (raised & gold).sum() / raised.sum() >= LEAST_PRECISION
    assert raised.sum() == 5


def test_no_limit_where_chance_says_nothing() -> None:
    chance = np.linspace(1, 0, 40)
    assert limit(chance, np.arange(40) % 4 == 3) is None


@pytest.mark.parametrize(("right", "is_enough"), [(14, False), (15, True)])
def test_what_is_just_right_often_enough_by_luck_is_not_enough(right: int, is_enough: bool) -> None:
    # The wrong ones come first, so that no smaller number reaches the precision.
    gold = np.array([False] * (20 - right) + [True] * right + [False] * 40)
    assert right / 20 >= LEAST_PRECISION
    assert (limit(np.linspace(1, 0, 60), gold) is not None) is is_enough


def test_everything_is_raised_where_everything_is_right() -> None:
    assert limit(np.linspace(1, 0.5, 10), np.ones(10, dtype=bool)) == 0.0


def test_few_examples_give_no_limit() -> None:
    assert limit(np.array([0.9, 0.1]), np.array([True, False])) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_limit_never_lies_outside_the_chances(seed: int) -> None:
    generator = np.random.default_rng(seed)
    chance = generator.random(50)
    found = limit(chance, chance + generator.normal(0, 0.1, 50) > 0.5)
    assert found is None or 0 <= found <= 1


def read(answers: list[LabelledAnswer], language: Language, catalogue: Catalogue) -> list[ReadAnswer]:
    items = list(prepared(answers, language))
    return read_answers(items, [item.gold for item in items], [0] * len(items), language, catalogue)


def test_an_answer_is_also_read_beside_a_question_about_something_else(
    language: Language, catalogue: Catalogue
) -> None:
    first, second = QUESTIONS
    stories = [
        marked(FLED, question=first, answer_kind="story"),
        marked(BROKE, question=second, answer_kind="story"),
        marked(BROKE, question=second, answer_kind="opinion"),
        marked(BROKE, question=second, answer_kind="story", findings=(OFF_QUESTION,)),
    ]
    told, other, opinion, off = read(stories, language, catalogue)
    assert f"{ASKED}customer|guest" in told.values
    assert told.misplaced is not None
    assert f"{ASKED}mistake|guest" in told.misplaced
    assert f"{ASKED}customer|guest" not in told.misplaced
    assert other.misplaced is not None
    assert opinion.misplaced is None
    assert off.misplaced is None


def test_rules_that_found_something_are_noted(language: Language, catalogue: Catalogue) -> None:
    (told,) = read([marked(BROKE)], language, catalogue)
    assert "answer.too_short" in told.fired
    assert "result.missing" not in told.fired


def made(number: int, catalogue: Catalogue) -> ReadAnswer:
    is_off = number % 3 == 0
    words = {f"w={'up' if number % 2 else 'down'}": 1.0, "w=the": 1.0}
    values = {**words, f"{ASKED}goal|w": 1.0, "cue=off_topic": 1.0} if is_off else words
    findings = (OFF_QUESTION,) if is_off else ("language.blame",) if number % 2 else ()
    answer = marked(BROKE, findings=findings, question_type=QuestionType.BEHAVIOURAL.value)
    return ReadAnswer(answer, number % 5, values, frozenset(), None)


def test_words_under_a_theme_count_only_for_what_is_off_the_question(catalogue: Catalogue) -> None:
    model, figures = fit_opinions([made(number, catalogue) for number in range(120)], catalogue)
    row = model.head.vocabulary[f"{ASKED}goal|w"]
    weights = dict(zip(model.head.classes, model.head.weights[row].tolist(), strict=True))
    assert weights.pop(OFF_QUESTION) > 0
    assert set(weights.values()) == {0.0}
    assert figures[OFF_QUESTION]["precision"] == figures[OFF_QUESTION]["recall"] == 1.0


def test_what_was_made_for_the_purpose_outweighs_a_word(catalogue: Catalogue) -> None:
    model, _ = fit_opinions([made(number, catalogue) for number in range(120)], catalogue)
    column = model.head.classes.index(OFF_QUESTION)
    weights = {name: model.head.weights[row, column] for name, row in model.head.vocabulary.items()}
    # Both tell exactly the same answers apart.
    assert weights["cue=off_topic"] > 4 * weights[f"{ASKED}goal|w"] > 0


def test_labels_are_those_of_the_answers(language: Language, catalogue: Catalogue) -> None:
    items = list(prepared([marked(BROKE)], language))
    labels = [[Label.OTHER] * len(items[0].gold)]
    (told,) = read_answers(items, labels, [3], language, catalogue)
    assert told.fold == 3
    assert told.values["fact:none=ACTION"] == 1
