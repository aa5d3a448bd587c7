"""The commands of retraining say what they did, and refuse what can't work by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.settings import Settings
from training.cli import FINE, main
from training.corpus import write_jsonl
from training.splits import Split, path_of, read_split

from .tiny import answers


def test_every_command_explains_itself() -> None:
    result = CliRunner().invoke(main, ["-h"])
    assert result.exit_code == FINE
    for command in ("check", "compile", "train", "evaluate"):
        assert command in result.output
        assert CliRunner().invoke(main, [command, "-h"]).exit_code == FINE


def test_the_frozen_part_trains_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["train", str(path_of(Split.TEST)), "--out", str(tmp_path / "m")])
    assert result.exit_code == 2
    assert "frozen test part" in result.output
    assert not (tmp_path / "m").exists()


def test_broken_data_trains_nothing(tmp_path: Path) -> None:
    data = tmp_path / "broken.jsonl"
    data.write_bytes(b'{"id": "x"}\n')
    result = CliRunner().invoke(main, ["train", str(data), "--out", str(tmp_path / "m")])
    assert result.exit_code == 1
    assert "broken.jsonl:1: not a labelled answer" in result.output
    assert not (tmp_path / "m").exists()


def test_training_writes_a_folder_with_its_card_and_evaluate_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "tiny.jsonl"
    write_jsonl(data, answers())
    out = tmp_path / "models" / "tiny-2"
    result = CliRunner().invoke(main, ["train", str(data), "--out", str(out)])
    assert result.exit_code == FINE, result.output
    assert "60 answers" in result.output
    card = (out / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# Model card: tiny-2\n")
    assert f"python -m training train {data} --out {out}" in card
    assert "60 labelled answers" in card
    assert "TODO" not in card
    assert "{" not in card

    monkeypatch.setattr(Settings, "from_environment", lambda *_: Settings(models_dir=out.parent))
    result = CliRunner().invoke(main, ["evaluate", "tiny-2", str(data)])
    assert result.exit_code == FINE, result.output
    assert "tiny: answers 60, words" in result.output
    assert "tiny bare: answers 60, words" in result.output
    assert "macro_f1 1.0" in result.output


def test_the_parts_of_the_corpus_are_kept_apart() -> None:
    sizes = {split: len(read_split(split)) for split in Split}
    whole = sum(sizes.values())
    assert whole >= 200
    assert sizes[Split.TRAIN] > 0.5 * whole
    assert min(sizes.values()) > 0.05 * whole
