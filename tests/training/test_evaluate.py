"""Figures on cases that are small enough to be worked out by hand."""

from __future__ import annotations

import pytest

from service.labels import COMPONENTS, Label
from service.records import LabelledSpan
from training.corpus import GoldSpan, LabelledAnswer
from training.evaluate import Figures, figures

from .answers import marked

TEN = "a b c d e f g h i j"


def gold(*spans: tuple[int, int, Label], either: Label | None = None) -> LabelledAnswer:
    """Return an answer of ten words of one letter; places are counted in words."""
    return marked(
        text=TEN, spans=tuple(GoldSpan(2 * start, 2 * end - 1, label, either) for start, end, label in spans)
    )


def seen(*spans: tuple[int, int, Label]) -> tuple[LabelledSpan, ...]:
    return tuple(LabelledSpan(2 * start, 2 * end - 1, label, 1.0) for start, end, label in spans)


def compared(answer: LabelledAnswer, spans: tuple[LabelledSpan, ...]) -> Figures:
    return figures([answer], [spans])


S, A, R = Label.SITUATION, Label.ACTION, Label.RESULT


def test_a_perfect_answer() -> None:
    found = compared(gold((0, 4, S), (4, 10, A)), seen((0, 4, S), (4, 10, A)))
    assert (found.answers, found.words) == (1, 10)
    assert found.by_label == {"SITUATION": 1, "TASK": 0, "ACTION": 1, "RESULT": 0, "OTHER": 0}
    assert found.macro == pytest.approx(2 / 5)
    assert (found.span_f1, found.boundary_f1, found.absence_f1) == (1, 1, 1)


def test_a_boundary_that_is_two_words_late() -> None:
    found = compared(gold((0, 4, S), (4, 10, A)), seen((0, 6, S), (6, 10, A)))
    # SITUATION: 4 right of 6 seen and 4 gold; ACTION: 4 right of 4 seen and 6 gold.
    assert found.by_label["SITUATION"] == pytest.approx(2 * 4 / (6 + 4))
    assert found.by_label["ACTION"] == pytest.approx(2 * 4 / (4 + 6))
    assert found.macro == pytest.approx((0.8 + 0.8) / 5)
    assert found.span_f1 == 1
    assert found.boundary_f1 == 0


def test_a_part_that_is_missed() -> None:
    found = compared(gold((0, 4, S), (4, 8, A), (8, 10, R)), seen((0, 4, S), (4, 10, A)))
    assert found.by_label["RESULT"] == 0
    # Two of three gold spans are found by two seen ones.
    assert found.span_f1 == pytest.approx(2 * 2 / (3 + 2))
    # Gold lacks TASK; seen lacks TASK and RESULT.
    assert found.absence_f1 == pytest.approx(2 * 1 / (1 + 2))
    assert found.boundary_f1 == pytest.approx(2 * 1 / (2 + 1))


@pytest.mark.parametrize(
    ("start", "end", "counts"),
    [
        (0, 10, False),  # 7 of 19 characters: less than half of what is seen
        (0, 4, True),
        (1, 4, True),
        (2, 4, False),  # 3 of 7 characters of the gold span
        (2, 8, False),
        (0, 7, True),  # 7 of 13
        (0, 8, False),  # 7 of 15
    ],
)
def test_a_span_counts_where_half_of_both_overlaps(start: int, end: int, counts: bool) -> None:
    found = compared(gold((0, 4, S)), seen((start, end, S)))
    assert found.span_f1 == (1 if counts else 0)


def test_a_span_of_another_label_does_not_count() -> None:
    assert compared(gold((0, 4, S)), seen((0, 4, A))).span_f1 == 0


def test_one_seen_span_is_found_once() -> None:
    found = compared(gold((0, 4, S), (4, 5, A), (5, 10, S)), seen((0, 10, S)))
    assert found.span_f1 <= 2 * 1 / (3 + 1)


@pytest.mark.parametrize(("guess", "right"), [(S, True), (Label.TASK, True), (A, False)])
def test_a_span_that_allows_two_labels_takes_either(guess: Label, right: bool) -> None:
    answer = gold((0, 10, Label.TASK), either=S)
    found = figures([answer], [seen((0, 10, guess))], COMPONENTS)
    assert found.span_f1 == (1 if right else 0)
    assert found.by_label[guess.value] == (1 if right else 0)
    assert found.macro == pytest.approx((1 if right else 0) / 4)


def test_words_that_nobody_labelled_are_other() -> None:
    assert compared(gold((0, 5, A)), seen((0, 5, A))).by_label["OTHER"] == 1


def test_answers_are_added_up_by_word() -> None:
    answers = [gold((0, 10, A)), gold((0, 10, A))]
    found = figures(answers, [seen((0, 10, A)), seen((0, 10, S))])
    assert found.by_label["ACTION"] == pytest.approx(2 * 10 / (10 + 20))
    assert (found.answers, found.words) == (2, 20)


def test_a_row_is_rounded_and_named() -> None:
    row = compared(gold((0, 3, S), (3, 10, A)), seen((0, 4, S), (4, 10, A))).as_row()
    assert row["situation_f1"] == 0.857
    assert list(row)[:3] == ["answers", "words", "macro_f1"]
    assert {"span_f1", "absence_f1", "boundary_f1", "other_f1"} <= set(row)
