"""Calibration on confidences that were made up, and the same figures in the card and its picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.labels import Label
from training.corpus import GoldSpan
from training.prepare import clauses_of
from training.reliability import (
    Bin,
    binned,
    calibration_error,
    curve_rows,
    draw,
    expected_error,
    judged_clauses,
    reliability,
)

from ..conftest import TinyModel
from .answers import marked


def test_bins_are_of_equal_count_and_the_least_confident_come_first() -> None:
    bins = binned([0.9, 0.1, 0.5, 0.7], [True, False, True, False], 2)
    assert [(part.clauses, part.right) for part in bins] == [(2, 0.5), (2, 0.5)]
    assert [part.confidence for part in bins] == pytest.approx([0.3, 0.8])
    assert expected_error(bins) == pytest.approx((2 * 0.2 + 2 * 0.3) / 4)


def test_more_bins_than_clauses() -> None:
    assert binned([0.5], [True], 10) == [Bin(1, 0.5, 1.0)]
    assert expected_error(binned([], [])) == 0.0


def test_confidence_that_means_what_it_says_has_no_error() -> None:
    trust = [share / 10 for share in range(1, 11) for _ in range(10)]
    right = [place < share for share in range(1, 11) for place in range(10)]
    assert expected_error(binned(trust, right)) == pytest.approx(0)
    assert expected_error(binned(trust, [True] * 100)) == pytest.approx(0.45)


def test_every_clause_is_judged_by_most_of_its_words(tiny: TinyModel) -> None:
    items = tiny.prepared[:6]
    trust, right = judged_clauses(tiny.fitted.labeller, items)
    assert len(trust) == len(right) == sum(len(item.features) for item in items)
    assert all(right)
    assert all(0 < one <= 1 for one in trust)
    assert calibration_error(tiny.fitted.labeller, items) == pytest.approx(
        1 - sum(trust) / len(trust), abs=1e-3
    )


def test_a_clause_with_two_accepted_labels_is_right_with_either(tiny: TinyModel) -> None:
    item = tiny.prepared[0]
    labeller = tiny.fitted.labeller
    told = {label for label, _ in labeller.label(clauses_of(item))}
    whole = len(item.answer.text)
    for or_label, expected in ((Label.SITUATION, {True, False}), (None, {False})):
        answer = marked(text=item.answer.text, spans=(GoldSpan(0, whole, Label.OTHER, or_label),))
        given = type(item)(answer, item.features, item.offsets, item.words, (Label.OTHER,) * len(item.words))
        assert Label.OTHER not in told
        assert set(judged_clauses(labeller, [given])[1]) == expected


def test_the_rows_tell_every_bin() -> None:
    rows = curve_rows({"held": [Bin(5, 0.25, 0.2), Bin(5, 0.75, 1.0)]})
    assert rows == {"held": {"clauses": 10, "ece": 0.15, "1": "0.25: 0.20", "2": "0.75: 1.00"}}


def test_the_picture_is_the_same_bytes_every_time(tiny: TinyModel, tmp_path: Path) -> None:
    curves = {"held": reliability(tiny.fitted.labeller, tiny.prepared[:12])}
    for name in ("one", "two"):
        draw(curves, tmp_path / name / "curve.svg")
    content = (tmp_path / "one" / "curve.svg").read_bytes()
    assert content == (tmp_path / "two" / "curve.svg").read_bytes()
    assert content.startswith(b"<?xml")
    other = {"held": [Bin(1, 0.5, 0.5)]}
    draw(other, tmp_path / "two" / "curve.svg")
    assert content != (tmp_path / "two" / "curve.svg").read_bytes()
