"""The shipped model, on a sample of counterfactual pairs and changes; ``python -m training fairness`` tries them all.

A ceiling is the share of answers that break a limit, where the limit does not hold yet: it may only come down, but
for the answers: they are drawn from the development part, and are others where that grows.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import pstdev

import pytest

from service.records import Answer
from service.reviewer import Reviewer
from service.schemas import feedback_reply, to_json
from service.settings import Settings
from training.dialects import compare_dialects, dialect_rows, read_dialects
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
from training.robustness import LIMITS, Trial, broken_limits, changes, outside, percentile, try_changes
from training.second import sample
from training.splits import Split, read_split

PAIRS, ANSWERS, DETERMINED = 300, 60, 40


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
    "typos": 0.09,  # a misspelt verb can turn the label of a short clause
    "no punctuation or capitals": 0.0,  # no answer by itself, but the 95th percentile: see below
    "told twice": 0.02,  # one answer of sixty gains more than two points
    "key words added": 0.04,  # without marks and capitals the first words of a list are left to the sentence before
    "off-topic paragraph added": 0.14,  # idle talk that shares a word with the story passes for what came of it
    "concrete action added": 0.09,  # a sentence between two parts moves the labels around it
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


def test_lost_punctuation_moves_scores_no_further_than_was_measured(trials: dict[str, list[Trial]]) -> None:
    sizes = [abs(trial.change) for trial in trials["no punctuation or capitals"]]
    assert percentile(sizes, 0.95) <= 12  # 8 is the limit


@pytest.mark.parametrize("name", ["layout", "American spelling"])
def test_layout_and_spelling_move_no_score(name: str, trials: dict[str, list[Trial]]) -> None:
    assert {trial.change for trial in trials[name]} == {0}


def test_another_english_moves_the_score_little(reviewer: Reviewer, trials: dict[str, list[Trial]]) -> None:
    pairs = read_dialects()
    assert len(pairs) >= 40
    rows = dialect_rows(compare_dialects(pairs, reviewer.review))
    spread = pstdev(trial.before for trial in trials["layout"])
    mean, low, high = (float(str(rows["all"][name])) for name in ("mean_change", "low", "high"))
    assert low <= mean <= high
    assert abs(mean) <= 0.1 * spread
    assert max(abs(low), abs(high)) <= 0.2 * spread


def test_the_same_answer_has_the_same_report_in_any_process_and_order(reviewer: Reviewer) -> None:
    other = Reviewer.from_settings(Settings())
    answers = sample(read_split(Split.DEVELOPMENT), DETERMINED)
    given = [Answer(answer.text, answer.question) for answer in answers]
    first = [_reply(reviewer, answer) for answer in given]
    assert [_reply(other, answer) for answer in reversed(given)][::-1] == first
    assert [_reply(reviewer, answer) for answer in given] == first


def test_what_is_known_beside_the_answer_moves_nothing(reviewer: Reviewer) -> None:
    for answer in sample(read_split(Split.DEVELOPMENT), 5):
        plain = reviewer.review(Answer(answer.text, answer.question))
        told = reviewer.review(Answer(answer.text, answer.question, id="Ngozi Okafor, 63", client="Lagos"))
        assert replace(told, answer=plain.answer) == plain


def _reply(reviewer: Reviewer, answer: Answer) -> bytes:
    return to_json(feedback_reply(reviewer.review(answer)))
