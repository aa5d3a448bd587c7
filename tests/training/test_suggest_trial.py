"""Picks are compared at the same price, in words, and each round is the same every time."""

from __future__ import annotations

import pytest

from training.story import PAGE
from training.suggest_trial import WAYS, affordable, gains, macro_f1, rows_of

from ..conftest import TinyModel


def test_no_way_spends_more_than_there_is(tiny: TinyModel) -> None:
    items = list(tiny.prepared)
    cost = [sum(item.words) for item in items]
    chosen = affordable(items, 100)
    assert chosen[0] is items[0]
    assert 100 - max(cost) < sum(sum(item.words) for item in chosen) <= 100
    assert affordable(items, min(cost) - 1) == []


def test_a_round_is_the_same_every_time_and_who_buys_everything_gains_the_same(tiny: TinyModel) -> None:
    items = list(tiny.prepared)
    first, again = (gains(items, items, "one", start=24, pool=30, words=200) for _ in range(2))
    assert first == again
    assert set(first) == set(WAYS)
    assert all(3 < answers < 30 for _, answers in first.values())
    everything = gains(items, items, "one", start=24, pool=30, words=10**6)
    assert [answers for _, answers in everything.values()] == [30] * len(WAYS)
    assert [gain for gain, _ in everything.values()] == pytest.approx(
        [everything["suggest"][0]] * len(WAYS), abs=0.02
    )
    nothing = gains(items, items, "one", start=24, pool=30, words=0)
    assert set(nothing.values()) == {(0.0, 0.0)}
    assert macro_f1(tiny.fitted.labeller, items) > 0.9


def test_the_table_holds_every_way_against_the_first() -> None:
    one = {"at random": (0.02, 90.0), "suggest": (0.03, 110.0), "uncertainty alone": (0.01, 100.0)}
    other = {"at random": (0.04, 92.0), "suggest": (0.06, 112.0), "uncertainty alone": (0.05, 100.0)}
    rows = rows_of([one, other])
    assert rows["at random"] == {
        "answers": 91,
        "gain": 0.03,
        "more_than_random": 0.0,
        "standard_error": 0.0,
        "better_in": "0 of 2",
    }
    assert rows["suggest"]["more_than_random"] == pytest.approx(0.015)
    assert rows["suggest"]["standard_error"] == pytest.approx(0.005)
    assert (rows["suggest"]["better_in"], rows["uncertainty alone"]["better_in"]) == ("2 of 2", "1 of 2")


def test_the_page_has_a_place_for_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("<!-- suggest -->") == page.count("<!-- /suggest -->") == 1
