"""The labeller without its parts, and ``evaluate``, which puts the figures of both into the card."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.language.model_folder import load_model
from service.language.nlp import Language
from service.settings import Settings
from training.ablate import ablations, baselines
from training.card import HELD_OUT
from training.cli import FINE, main
from training.corpus import write_jsonl
from training.evaluate import by_mode, clause_of_words
from training.reliability import RELIABILITY_CURVE

from ..conftest import TinyModel

PARTS = ("every part", "without position", "without context", "without decoding")
ALONE = ("position only", "words only")


def test_every_ablation_labels_every_clause(tiny: TinyModel) -> None:
    told = {**ablations(tiny.prepared), **baselines(tiny.prepared)}
    assert tuple(told) == PARTS + ALONE
    item = tiny.prepared[0]
    assert [span.label for span in told["every part"](item)] == [span.label for span in item.answer.spans]
    for predict in told.values():
        spans = predict(item)
        assert (spans[0].start, spans[-1].end) == (item.offsets[0][0], item.offsets[-1][1])


def test_an_answer_without_clauses_has_no_spans(tiny: TinyModel) -> None:
    empty = replace(tiny.prepared[0], features=(), offsets=(), words=(), gold=())
    for name, predict in ablations([*tiny.prepared, empty]).items():
        assert predict(empty) == (), name


def test_every_word_has_its_clause(tiny: TinyModel) -> None:
    for item in tiny.prepared[:9]:
        clauses = clause_of_words(item)
        assert tuple(clauses.count(number) for number in range(len(item.words))) == item.words


def test_answers_of_one_mode_are_not_told_apart(tiny: TinyModel) -> None:
    first, second, third = tiny.prepared[:3]
    assert by_mode([first, second]) == {}
    notes = replace(third, answer=replace(third.answer, meta={"mode": "notes"}))
    assert by_mode([first, notes, second]) == {", notes": [notes]}


def test_fitting_without_data_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", "any", "--ablate", str(tmp_path)])
    assert result.exit_code == 2
    assert "--beside" in result.output


def test_evaluate_fills_the_card(
    tiny: TinyModel, language: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "from_environment", lambda *_: Settings(models_dir=tmp_path / "models"))
    folder = tmp_path / "models" / "tiny-1"
    shutil.copytree(tiny.folder, folder)
    card = folder / "README.md"
    card.write_text(f"# Card\n\n{HELD_OUT}\n\n## Limits\n\nMany.\n", encoding="utf-8")
    held, beside = tmp_path / "held.jsonl", tmp_path / "beside.jsonl"
    answers = [item.answer for item in tiny.prepared]
    modes = ("typed", "notes")
    write_jsonl(held, [replace(one, meta={"mode": modes[n % 2]}) for n, one in enumerate(answers[:12])])
    write_jsonl(beside, answers)
    command = ["evaluate", "tiny-1", str(held), "--beside", str(beside), "--ablate", "--card"]
    for _ in range(2):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == FINE, result.output
    rows = {line.partition(": ")[0]: line for line in result.output.splitlines()}
    shipped = ["held", "held bare", "held, notes", "held, typed"]
    assert list(rows) == shipped + [f"held, {name}" for name in PARTS + ALONE]
    for name in shipped:
        assert ", ece 0." in rows[name]
    content = card.read_text(encoding="utf-8")
    for name in rows:
        assert content.count(f"\n| {name} | "), name
    for heading in ("## What each part is worth", "## Confidence", "## Limits"):
        assert content.count(heading) == 1
    assert f"]({RELIABILITY_CURVE})" in content
    assert (folder / RELIABILITY_CURVE).read_bytes().startswith(b"<?xml")
    assert load_model(folder.parent, "tiny-1", language.nlp).labeller.vocabulary
