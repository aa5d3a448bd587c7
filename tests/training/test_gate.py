"""The gate promotes what is better on the new data and not worse elsewhere, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.labels import Label
from service.language.model_folder import Model, load_model
from service.language.nlp import Language
from training.fairness import Outcome, Pair
from training.gate import (
    Comparison,
    Counts,
    Goal,
    compare_failures,
    compare_words,
    gate_rows,
    goal_of,
    judged_elsewhere,
    judged_failures,
    judged_new,
    macro_f1,
    own_part,
    read_margins,
    word_counts,
    written_counts,
)
from training.own_data import OwnData

from ..conftest import TinyModel
from .answers import marked

MARGINS = read_margins()
EVERY = tuple(Label)


def counts(right: float, answers: int = 200) -> Counts:
    """Return tables of answers of fifty words, of which the share ``right`` is seen as it is, spread unevenly."""
    chance = np.random.default_rng(3)
    table = np.zeros((answers, 5, 5), dtype=np.int64)
    for number in range(answers):
        for gold in range(5):
            seen = chance.binomial(10, right)
            table[number, gold, gold] = seen
            table[number, gold, (gold + 1) % 5] = 10 - seen
    return table


def test_macro_f1_is_the_mean_over_the_labels_asked_for() -> None:
    table = np.zeros((5, 5))
    table[0, 0], table[0, 1], table[1, 1] = 3, 1, 4
    assert macro_f1(table, EVERY[:2]) == pytest.approx((6 / 7 + 8 / 9) / 2)
    assert macro_f1(table[None], EVERY).tolist() == pytest.approx([(6 / 7 + 8 / 9) / 5])


def test_a_better_model_is_surely_better_and_a_worse_one_is_not() -> None:
    better = compare_words("x", counts(0.8), counts(0.9), EVERY, MARGINS)
    assert better.difference == pytest.approx(0.1, abs=0.02)
    assert better.low > 0
    assert better.sure == 1
    assert not judged_new(better, MARGINS).lacks
    worse = compare_words("x", counts(0.9), counts(0.8), EVERY, MARGINS)
    assert "gains -0.09" in judged_new(worse, MARGINS).lacks
    assert judged_elsewhere(worse, MARGINS).lacks.startswith("may lose 0.10")


def test_the_same_model_is_not_better_but_not_worse() -> None:
    same = compare_words("x", counts(0.8), counts(0.8), EVERY, MARGINS)
    assert (same.difference, same.low, same.high, same.sure) == (0, 0, 0, 0)
    assert judged_new(same, MARGINS).lacks
    assert not judged_elsewhere(same, MARGINS).lacks


def test_the_seed_makes_a_comparison_the_same_every_time() -> None:
    one, other = (compare_words("x", counts(0.8), counts(0.82), EVERY, MARGINS) for _ in range(2))
    assert one == other
    seeded = replace(MARGINS, seed=MARGINS.seed + 1)
    assert compare_words("x", counts(0.8), counts(0.82), EVERY, seeded) != one


def test_a_gain_on_few_answers_is_not_sure() -> None:
    one, two = np.zeros((2, 5, 5), dtype=np.int64), np.zeros((2, 5, 5), dtype=np.int64)
    one[0, 0, 0], one[1, 1, 0] = 10, 10
    two[0, 0, 1], two[1, 1, 1] = 4, 10
    two[0, 0, 0] = 6
    found = compare_words("x", one, two, EVERY[:2], MARGINS)
    assert found.difference > 0.1
    assert found.sure < MARGINS.least_sure
    assert "of the samples" in judged_new(found, MARGINS).lacks


def outcomes(failing: int, total: int = 100) -> list[Outcome]:
    return [
        Outcome(
            Pair(replace(marked(), id=f"a-{n // 4}"), "city", ("one", "other"), "x", "a", "b"),
            50,
            60 if n < failing else 50,
        )
        for n in range(total)
    ]


def test_more_failing_pairs_stop_a_model_and_fewer_do_not() -> None:
    worse = compare_failures(outcomes(0), outcomes(10), MARGINS)
    assert (worse.present, worse.new) == (0, 0.1)
    assert worse.answers == 25
    assert "more" in judged_failures(worse, MARGINS).lacks
    better = compare_failures(outcomes(10), outcomes(0), MARGINS)
    assert not judged_failures(better, MARGINS).lacks
    assert better.sure > 0.9


def test_the_table_says_what_is_lacking() -> None:
    found = Comparison("frozen test", 3, 0.8, 0.7, -0.12, -0.08, 0.0)
    rows = gate_rows([found, judged_elsewhere(found, MARGINS)])
    assert rows["frozen test"]["difference"] == -0.1
    assert rows["frozen test"]["verdict"] == "may lose 0.1200, 0.01 is the most"
    assert found.as_row()["verdict"] == "holds"


@pytest.fixture(scope="module")
def base(tiny: TinyModel, language: Language) -> Model:
    """Give a model that has seen no own data."""
    return load_model(tiny.folder.parent, tiny.folder.name, language.nlp)


def made_of(base: Model, data: OwnData, table: Counts) -> Model:
    own = {
        "base": f"{base.name}+{base.version}",
        "files": ["own.jsonl"],
        "sha256": "0",
        "agreement": {},
        "unseen": written_counts(list(table)),
    }
    return replace(base, name="own-1", manifest={**base.manifest, "own": own})


def test_all_own_answers_count_where_the_present_model_has_seen_none(base: Model) -> None:
    data = OwnData((marked(id="b"), marked(id="c")), (marked(id="a"),), {})
    table = counts(0.8, answers=3)
    model = made_of(base, data, table)
    own = own_part(model)
    assert own is not None
    goal = goal_of(data, own, base)
    assert (goal.what, [answer.id for answer in goal.answers]) == ("own unseen", ["a", "b", "c"])
    assert goal.new is not None
    assert (goal.new == table).all()


def test_only_what_is_held_out_counts_where_the_present_model_may_have_seen_the_rest(base: Model) -> None:
    data = OwnData((marked(id="b"), marked(id="c")), (marked(id="a"),), {})
    model = made_of(base, data, counts(0.8, answers=3))
    own = own_part(model)
    assert own is not None
    held_out = Goal("own held-out", data.held_out)
    assert goal_of(data, own, replace(base, version="another")) == held_out
    assert goal_of(data, own, replace(base, manifest={**base.manifest, "own": {}})) == held_out
    assert goal_of(data, own, model) == held_out


def test_words_are_counted_by_gold_and_seen_label(base: Model, language: Language, tiny: TinyModel) -> None:
    answers = [item.answer for item in tiny.prepared[:4]]
    found = word_counts(base, language.nlp, answers)
    assert found.shape == (4, 5, 5)
    assert found.sum(axis=(1, 2)).tolist() == [len(answer.text.split()) for answer in answers]
    assert word_counts(base, language.nlp, []).shape == (0, 5, 5)
