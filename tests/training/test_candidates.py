"""The learners that are compared: each learns the tiny corpus, and sees what it is named for and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from service.labels import Label
from service.settings import Settings
from training.candidates import (
    LEARNERS,
    Candidate,
    Learner,
    boosted,
    chained,
    compare,
    lone,
    neighbours,
    perceptrons,
    stacked,
)
from training.card import add_ablations, add_candidates
from training.cli import FINE, main
from training.corpus import write_jsonl
from training.fit import fold_of
from training.prepare import PreparedAnswer

from ..conftest import TinyModel

PLACE = ("at=", "from_start=", "from_end=", "len=", "first_sentence", "last_sentence", "opens_sentence")


@pytest.fixture(scope="module")
def rows(tiny: TinyModel) -> dict[str, dict[str, float]]:
    return compare(tiny.prepared)


def test_every_learner_has_its_row(rows: dict[str, dict[str, float]]) -> None:
    assert list(rows) == list(LEARNERS)
    for row in rows.values():
        assert list(row) == ["macro_f1", "task_f1", "fit_s", "predict_us"]
        assert row["macro_f1"] > 0.8
        assert row["fit_s"] >= 0
        assert row["predict_us"] > 0


def test_the_last_learner_is_the_one_that_ships(tiny: TinyModel) -> None:
    candidate = perceptrons(tiny.prepared)
    for item in tiny.prepared[:9]:
        shipped = tiny.fitted.labeller.log_scores(item.features)
        np.testing.assert_allclose(candidate.scores(item), shipped, atol=1e-5)
    assert candidate.chain is not None
    np.testing.assert_allclose(candidate.chain.moves, tiny.fitted.labeller.chain.moves, atol=1e-6)


def test_no_learner_is_fitted_on_what_it_labels(tiny: TinyModel) -> None:
    seen: list[tuple[set[int], set[int]]] = []

    def learner(answers: Sequence[PreparedAnswer]) -> Candidate:
        fitted_on = {fold_of(item) for item in answers}
        labelled: set[int] = set()
        seen.append((fitted_on, labelled))

        def scores(item: PreparedAnswer) -> np.ndarray:
            labelled.add(fold_of(item))
            return np.zeros((len(item.features), len(Label)))

        return Candidate(scores)

    row = compare(tiny.prepared, {"none": learner})["none"]
    folds = {fold_of(item) for item in tiny.prepared}
    assert len(seen) == len(folds) > 1
    assert set.union(*(labelled for _, labelled in seen)) == folds
    for fitted_on, labelled in seen:
        assert len(labelled) == 1
        assert fitted_on == folds - labelled
    assert row["macro_f1"] < 0.2


@pytest.mark.parametrize(
    ("learner", "sees_others"),
    [(lone, False), (neighbours, True), (boosted, True), (stacked, True), (perceptrons, True)],
    ids=["lone", "neighbours", "boosted", "stacked", "perceptrons"],
)
def test_a_learner_sees_the_clauses_around_or_does_not(
    tiny: TinyModel, learner: Learner, sees_others: bool
) -> None:
    candidate = learner(tiny.prepared)
    changed = 0
    for item in tiny.prepared[:9]:
        emptied = replace(item, features=(item.features[0], *((),) * (len(item.features) - 1)))
        changed += not np.allclose(candidate.scores(item)[0], candidate.scores(emptied)[0])
    assert bool(changed) is sees_others


def test_without_place_no_feature_of_place_moves_a_score(tiny: TinyModel) -> None:
    blind, whole = perceptrons(tiny.prepared, place=False), perceptrons(tiny.prepared)
    moved = 0
    for item in tiny.prepared[:9]:
        kept = (tuple(name for name in clause if not name.startswith(PLACE)) for clause in item.features)
        bare = replace(item, features=tuple(kept))
        np.testing.assert_array_equal(blind.scores(item), blind.scores(bare))
        moved += not np.allclose(whole.scores(item), whole.scores(bare))
    assert moved


def test_without_place_a_lone_clause_is_alike_at_both_ends(tiny: TinyModel) -> None:
    """An answer of clauses that say nothing has nothing but their place to tell them apart."""
    nothing = replace(tiny.prepared[0], features=((),) * 8)
    blind = perceptrons(tiny.prepared, place=False).scores(nothing)
    whole = perceptrons(tiny.prepared).scores(nothing)
    assert np.ptp(blind[3:5], axis=0).max() < np.ptp(whole, axis=0).max()
    first = np.abs(blind[0] - blind[1]).max()
    assert first < np.abs(whole[0] - whole[1]).max()


def test_the_chain_decodes_what_the_learner_scored(tiny: TinyModel) -> None:
    plain, decoded = neighbours(tiny.prepared), chained(neighbours)(tiny.prepared)
    assert plain.chain is None
    assert decoded.chain is not None
    for item in tiny.prepared[:3]:
        np.testing.assert_array_equal(plain.scores(item), decoded.scores(item))


def test_a_label_without_an_example_is_named(tiny: TinyModel) -> None:
    without = [item for item in tiny.prepared if Label.RESULT not in item.gold]
    with pytest.raises(ValueError, match="no clause is labelled RESULT"):
        lone(without)


def test_one_fold_is_no_comparison(tiny: TinyModel) -> None:
    one = [item for item in tiny.prepared if fold_of(item) == fold_of(tiny.prepared[0])]
    with pytest.raises(ValueError, match="one fold"):
        compare(one)


def test_the_command_writes_the_table_into_the_card(
    tiny: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "from_environment", lambda *_: Settings(models_dir=tmp_path))
    card = tmp_path / "m" / "README.md"
    card.parent.mkdir()
    card.write_text("# Card\n", encoding="utf-8")
    data = tmp_path / "tiny.jsonl"
    write_jsonl(data, [item.answer for item in tiny.prepared])
    result = CliRunner().invoke(main, ["candidates", str(data), "--answers", "50", "--card", "m"])
    assert result.exit_code == FINE, result.output
    content = card.read_text(encoding="utf-8")
    assert "On 50 training answers" in content
    for name in LEARNERS:
        assert f"{name}: macro_f1 " in result.output
        assert f"| {name} | " in content
    assert CliRunner().invoke(main, ["candidates", str(data), "--card", "none"]).exit_code == 2


def test_a_section_of_the_card_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("# Card\n", encoding="utf-8")
    add_candidates(card, 10, {"lone": {"macro_f1": 0.1}})
    add_ablations(card, "train.jsonl", {"held, every part": {"macro_f1": 0.2}})
    add_candidates(card, 20, {"lone": {"macro_f1": 0.3}})
    content = card.read_text(encoding="utf-8")
    assert content.count("## Learners compared") == content.count("## What each part is worth") == 1
    assert "| lone | 0.3 |" in content
    assert "0.1" not in content
    assert "| held, every part | 0.2 |" in content
