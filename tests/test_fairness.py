"""The shipped model, on a sample of counterfactual pairs and changes; ``python -m training fairness`` tries them all.

A ceiling is the share of answers that break a limit, where the limit does not hold yet: it may only come down.
"""

from __future__ import annotations

import pytest

from service.reviewer import Reviewer
from training.fairness import (
    MOST_CHANGE,
    Outcome,
    compare_pairs,
    failures,
    fairness_rows,
    group_shifts,
    make_pairs,
    read_counterfactuals,
)
from training.robustness import LIMITS, Trial, broken_limits, changes, outside, try_changes
from training.second import sample
from training.splits import Split, read_split

PAIRS, ANSWERS = 300, 60


@pytest.fixture(scope="module")
def outcomes(reviewer: Reviewer) -> list[Outcome]:
    pairs = make_pairs(read_split(Split.DEVELOPMENT), read_counterfactuals(), PAIRS)
    return compare_pairs(pairs, reviewer.review)


@pytest.fixture(scope="module")
def trials(reviewer: Reviewer) -> dict[str, list[Trial]]:
    answers = sample(read_split(Split.DEVELOPMENT), ANSWERS)
    return try_changes(answers, changes(read_counterfactuals()), reviewer.review)


def test_the_pairs_are_of_many_answers_and_dimensions(outcomes: list[Outcome]) -> None:
    rows = fairness_rows(outcomes)
    assert rows["all"]["pairs"] == PAIRS
    assert len(rows) > 15
    assert len({outcome.pair.answer.id for outcome in outcomes}) > 50


def test_who_the_speaker_is_moves_no_score(outcomes: list[Outcome]) -> None:
    assert failures(outcomes) == []
    assert max(abs(outcome.change) for outcome in outcomes) <= MOST_CHANGE


def test_no_group_is_worth_points(outcomes: list[Outcome]) -> None:
    shifts = {name: abs(float(str(row["mean_shift"]))) for name, row in group_shifts(outcomes).items()}
    assert len(shifts) > 40
    # Over thousands of pairs 0.1 is the limit; here a group has a dozen, and one point in them is 0.08.
    assert {name: shift for name, shift in shifts.items() if shift > 0.2} == {}


#: Share of answers outside the limits where they do not hold yet, as measured, and why.
CEILINGS = {
    "American spelling": 1.0,  # features hold words as they are spelt: confidences move, though no score does
    "layout": 0.02,  # one answer of sixty; a detail of its judgement, not its score
    "key words added": 0.14,  # a list of nouns passes for a result or a lesson
    "off-topic paragraph added": 0.24,  # idle talk behind the story passes for what came of it
    "concrete action added": 0.14,  # a sentence between two parts moves the labels around it
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_change_keeps_to_its_limits_or_to_what_was_measured(
    name: str, trials: dict[str, list[Trial]]
) -> None:
    found, limits = trials[name], LIMITS[name]
    assert found
    if name in CEILINGS:
        assert outside(found, limits) <= CEILINGS[name]
        assert broken_limits(found, limits), "the limit holds now: take the ceiling away"
    else:
        assert broken_limits(found, limits) == []


@pytest.mark.parametrize("name", ["layout", "American spelling"])
def test_layout_and_spelling_move_no_score(name: str, trials: dict[str, list[Trial]]) -> None:
    assert {trial.change for trial in trials[name]} == {0}
