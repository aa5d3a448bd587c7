"""A tiny corpus is learnt by heart, saved, loaded, and told as before; the same bytes every time."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.labels import Label
from service.language.model_folder import load_model
from service.language.model_index import current_model_name, former_model_name
from service.language.nlp import Language
from service.language.whole import question_features
from training.evaluate import figures, predict_spans
from training.fit import fit, fit_baseline, fold_of, vocabulary_of
from training.folder import data_hash, set_current, step_back
from training.prepare import clauses_of

from ..conftest import TinyModel, write_tiny


def test_a_tiny_corpus_is_learnt_by_heart(tiny: TinyModel) -> None:
    spans = [predict_spans(tiny.fitted.labeller, item) for item in tiny.prepared]
    found = figures([item.answer for item in tiny.prepared], spans)
    assert found.macro > 0.95
    assert found.span_f1 > 0.95
    assert found.absence_f1 > 0.95
    for item in tiny.prepared:
        head = tiny.fitted.heads["question_type"]
        told = head.probabilities(question_features(item.answer.question or ""))
        assert max(told, key=lambda name: told[name]) == item.answer.question_type


def test_a_loaded_model_tells_what_the_fitted_one_told(tiny: TinyModel, language: Language) -> None:
    model = load_model(tiny.folder.parent, tiny.folder.name, language.nlp)
    for item in tiny.prepared:
        clauses = clauses_of(item)
        assert model.labeller.label(clauses) == tiny.fitted.labeller.label(clauses)
        for name, head in tiny.fitted.heads.items():
            asked = question_features(item.answer.question or "")
            assert model.heads[name].probabilities(asked) == head.probabilities(asked)
    assert model.name == tiny.folder.name
    assert model.labeller.temperature == tiny.fitted.labeller.temperature


def test_the_same_model_is_the_same_bytes(tiny: TinyModel, language: Language, tmp_path: Path) -> None:
    again = tmp_path / tiny.folder.name
    write_tiny(again, tiny.fitted, tiny.prepared, language)
    files = {path.name: path.read_bytes() for path in tiny.folder.iterdir()}
    assert {path.name: path.read_bytes() for path in again.iterdir()} == files


def test_the_hash_of_the_data_knows_no_order(tiny: TinyModel) -> None:
    answers = [item.answer for item in tiny.prepared]
    assert data_hash(answers) == data_hash(answers[::-1])
    assert data_hash(answers) != data_hash(answers[1:])


def test_fitting_twice_gives_the_same_numbers(tiny: TinyModel) -> None:
    again = fit(tiny.prepared)
    np.testing.assert_array_equal(again.labeller.embedding, tiny.fitted.labeller.embedding)
    for one, other in zip(again.labeller.perceptrons, tiny.fitted.labeller.perceptrons, strict=True):
        np.testing.assert_array_equal(one.layers[0].weights, other.layers[0].weights)
    np.testing.assert_array_equal(again.labeller.chain.moves, tiny.fitted.labeller.chain.moves)
    assert again.cross_fitted == tiny.fitted.cross_fitted


def test_a_label_without_an_example_is_named(tiny: TinyModel) -> None:
    without = [item for item in tiny.prepared if Label.RESULT not in item.gold]
    with pytest.raises(ValueError, match="no clause is labelled RESULT"):
        fit(without)


def test_a_word_of_two_answers_is_not_learnt(tiny: TinyModel) -> None:
    two = [replace(item, features=(*item.features, ("w=zanzibar",))) for item in tiny.prepared[:2]]
    assert "w=zanzibar" not in vocabulary_of([*two, *tiny.prepared[2:]])
    three = [replace(item, features=(*item.features, ("w=zanzibar",))) for item in tiny.prepared[:3]]
    assert "w=zanzibar" in vocabulary_of([*three, *tiny.prepared[3:]])


def test_a_writing_batch_is_never_cut_by_a_fold(tiny: TinyModel) -> None:
    folds: dict[str, set[int]] = {}
    for item in tiny.prepared:
        folds.setdefault(item.answer.meta["batch"], set()).add(fold_of(item))
    assert all(len(found) == 1 for found in folds.values())
    assert len(set.union(*folds.values())) > 1


@pytest.mark.parametrize(
    ("sees", "seen"), [("position only", ("at=", "from_", "len=")), ("words only", ("w=", "b="))]
)
def test_a_baseline_sees_what_it_is_named_for_and_no_more(
    tiny: TinyModel, sees: str, seen: tuple[str, ...]
) -> None:
    baseline = fit_baseline(tiny.prepared, sees)
    blind = 0
    for item in tiny.prepared[:6]:
        kept = [tuple(name for name in clause if name.startswith(seen)) for clause in item.features]
        places = [
            tuple(name for name in clause if "size=" in name or "sentence" in name)
            for clause in item.features
        ]
        if sees == "position only":
            kept = [(*one, *other) for one, other in zip(kept, places, strict=True)]
        assert baseline(replace(item, features=tuple(kept))) == baseline(item)
        others = [tuple(set(clause) - set(one)) for clause, one in zip(item.features, kept, strict=True)]
        blind += baseline(replace(item, features=tuple(others))) != baseline(item)
    assert blind


def test_the_index_names_the_current_model_and_remembers_the_others(tmp_path: Path) -> None:
    for name in ("star-1", "star-2", "star-2", "star-1"):
        set_current(tmp_path, name)
    assert (tmp_path / "index.json").read_text(encoding="utf-8") == (
        '{\n  "current": "star-1",\n  "history": [\n    "star-1",\n    "star-2"\n  ]\n}\n'
    )
    assert [path.name for path in tmp_path.iterdir()] == ["index.json"]


def test_stepping_back_takes_the_model_before_out_of_the_history(tmp_path: Path) -> None:
    for name in ("star-1", "star-2", "star-3"):
        set_current(tmp_path, name)
    assert [step_back(tmp_path), step_back(tmp_path)] == ["star-2", "star-1"]
    assert former_model_name(tmp_path) is None
    with pytest.raises(LookupError, match="no model was current"):
        step_back(tmp_path)
    assert current_model_name(tmp_path) == "star-1"
    assert [path.name for path in tmp_path.iterdir()] == ["index.json"]


def test_an_index_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_current(tmp_path, "star-1")

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        set_current(tmp_path, "star-2")
    assert current_model_name(tmp_path) == "star-1"
