"""Limits keep false alarms down: a finding that is not right often enough is never raised."""

from __future__ import annotations

import numpy as np
import pytest

from training.opinions import LEAST_PRECISION, limit


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
