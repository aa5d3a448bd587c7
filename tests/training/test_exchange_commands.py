"""The commands that trade with labelling tools, end to end on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.settings import Settings
from training.cli import main
from training.corpus import read_jsonl, write_jsonl
from training.formats.registry import EXPORTS, SUGGESTIONS

from ..conftest import TinyModel
from .answers import marked
from .tiny import answers as tiny_answers


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def model(tiny: TinyModel, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the name of the tiny model, which the commands find."""
    monkeypatch.setattr(Settings, "from_environment", lambda *_: Settings(models_dir=tiny.folder.parent))
    return tiny.folder.name


@pytest.mark.parametrize("name", EXPORTS)
def test_what_is_exported_is_imported_as_it_was_and_passes_the_check(name: str, tmp_path: Path) -> None:
    data, foreign, back = tmp_path / "d.jsonl", tmp_path / "foreign", tmp_path / "b.jsonl"
    write_jsonl(data, tiny_answers()[:3])
    out = run("export", data, "--format", name, "--out", foreign, "--spans-key", "star")
    assert (out.exit_code, out.output) == (0, f"{foreign}: 3 answers\n")
    out = run("import", foreign, "--format", name, "--out", back, "--spans-key", "star")
    assert (out.exit_code, out.output) == (0, f"{back}: 3 answers, 0 refused, 0 left out\n")
    assert back.read_bytes() == data.read_bytes()


def test_what_cannot_be_used_is_told_line_by_line(tmp_path: Path) -> None:
    rows = [
        {"text": "I ran. Fine.", "label": [[0, 7, "Action"], [7, 12, "STAR_End"]]},
        {"text": "I ran home.", "label": [[0, 4, "ACTION"]]},
        {"text": "Well I ran.", "label": [[5, 11, "ACTION"]]},
    ]
    foreign, back = tmp_path / "team.jsonl", tmp_path / "b.jsonl"
    foreign.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out = run("import", foreign, "--format", "doccano", "--out", back)
    assert out.exit_code == 1
    assert out.output.splitlines() == [
        f"{foreign}:1: team-1: refused: span 7-12: the label 'STAR_End' is unknown; "
        "say what it is: --label NAME=SITUATION|TASK|ACTION|RESULT|OTHER|ST",
        f"{foreign}:2: team-2: refused: span 0-4: it cuts a word; move its edge to the word's",
        f"{foreign}:3: team-3: refused: 1 words have no label, the first at 0; "
        "label every word, or import with --fill other",
        f"{back}: 0 answers, 3 refused ({tmp_path / 'b.rejected.jsonl'}), 0 left out",
    ]
    options = ("--fill", "other", "--label", "STAR_End=RESULT")
    out = run("import", foreign, "--format", "doccano", "--out", back, *options)
    assert out.exit_code == 1
    assert [answer.id for answer in read_jsonl(back)] == ["team-1", "team-3"]
    assert len((tmp_path / "b.rejected.jsonl").read_bytes().splitlines()) == 1
    assert f"{foreign}:1: team-1: mended: span 0-7: the label 'Action' is read as ACTION" in out.output


def test_a_file_in_which_nobody_labelled_anything_is_no_success(tmp_path: Path) -> None:
    foreign = tmp_path / "team.json"
    foreign.write_text('[{"id": 1, "data": {"text": "I ran."}, "annotations": []}]', encoding="utf-8")
    out = run("import", foreign, "--format", "label-studio", "--out", tmp_path / "b.jsonl")
    assert out.exit_code == 1
    assert "0 answers, 0 refused, 1 left out" in out.output


def test_a_label_without_its_meaning_is_wrong_use(tmp_path: Path) -> None:
    foreign = tmp_path / "team.json"
    foreign.write_text("[]", encoding="utf-8")
    arguments = ("--format", "label-studio", "--out", tmp_path / "b.jsonl", "--label", "ACTION")
    out = run("import", foreign, *arguments)
    assert out.exit_code == 2
    assert "--label takes NAME=LABEL" in out.output


def test_broken_data_is_not_exported(tmp_path: Path) -> None:
    data = tmp_path / "broken.jsonl"
    data.write_bytes(b'{"id": "x"}\n')
    out = run("export", data, "--format", "csv", "--out", tmp_path / "x.csv")
    assert out.exit_code == 1
    assert not (tmp_path / "x.csv").exists()


def write_answers(path: Path, *, broken: bool = False) -> None:
    rows = [
        {"id": answer.id, "answer": answer.text, "question": answer.question} for answer in tiny_answers()[:9]
    ]
    if broken:
        rows += [{"id": "junk", "answer": "asdf qwer zxcv uiop hjkl vbnm tyui", "question": None}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("name", SUGGESTIONS)
def test_suggestions_are_ranked_and_written_for_the_tool(name: str, model: str, tmp_path: Path) -> None:
    given, first, second = tmp_path / "new.jsonl", tmp_path / "first", tmp_path / "second"
    write_answers(given)
    out = run("suggest", model, given, "--count", "4", "--format", name, "--out", first)
    assert out.exit_code == 0, out.output
    ranked = [line for line in out.output.splitlines() if line[0].isdigit()]
    assert [line.split(".")[0] for line in ranked] == ["1", "2", "3", "4"]
    assert out.output.endswith(f"{first}: 4 of 9 answers\n")
    assert "bakery" not in out.output
    written = first.read_text(encoding="utf-8")
    assert written.count('"suggested_by": "tiny-1+') == 4
    assert '"question": "' in written
    run("suggest", model, given, "--count", "4", "--format", name, "--out", second)
    assert first.read_bytes() == second.read_bytes()


def test_what_cannot_be_judged_is_named_and_not_suggested(model: str, tmp_path: Path) -> None:
    given = tmp_path / "new.jsonl"
    write_answers(given, broken=True)
    out = run("suggest", model, given, "--format", "doccano", "--out", tmp_path / "out")
    assert out.exit_code == 1
    assert f"{given}: junk: can't be judged (gibberish); left out" in out.output
    assert "9 of 10 answers" in out.output
    assert '"junk"' not in (tmp_path / "out").read_text(encoding="utf-8")


def test_drift_holds_answers_against_a_reference_and_draws(model: str, tmp_path: Path) -> None:
    given, reference, picture = tmp_path / "new.jsonl", tmp_path / "ref.jsonl", tmp_path / "drift.svg"
    write_answers(given)
    write_jsonl(reference, tiny_answers())
    out = run("drift", model, given, "--reference", reference, "--picture", picture)
    assert out.exit_code == 0, out.output
    assert out.output.endswith("same: 9 answers against 60 of ref.jsonl\n")
    for name in ("words of an answer", "unknown words", "abstentions", "label mix", "confidence"):
        assert f"{name}: same; PSI 0." in out.output or f"{name}: same, too few answers to tell" in out.output
    assert picture.read_bytes().startswith(b"<?xml")


def test_other_answers_are_foreign_and_the_exit_says_so(model: str, tmp_path: Path) -> None:
    given, reference = tmp_path / "new.jsonl", tmp_path / "ref.jsonl"
    text = "Violins wait for nobody, said grandfather, whose varnish peeled each humid August. " * 3
    rows = [{"id": str(number), "answer": f"{text} {number} of them."} for number in range(40)]
    given.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    write_jsonl(reference, tiny_answers())
    out = run("drift", model, given, "--reference", reference)
    assert out.exit_code == 1
    assert "unknown words: foreign; PSI" in out.output
    assert out.output.endswith("foreign: 40 answers against 60 of ref.jsonl\n")
    assert "violins" not in out.output.lower()


def test_a_file_without_answers_cannot_drift(model: str, tmp_path: Path) -> None:
    given = tmp_path / "new.jsonl"
    given.write_text('{"answer": ""}\n', encoding="utf-8")
    out = run("drift", model, given)
    assert out.exit_code == 1
    assert "no answer can be read" in out.output


def test_a_correction_is_ready_for_training_as_it_stands(tmp_path: Path) -> None:
    answer = marked(meta={"corrected_by": "coach-7", "corrected_at": "2026-03-31T09:00:00+00:00"})
    exported, back = tmp_path / "corrections.jsonl", tmp_path / "b.jsonl"
    write_jsonl(exported, [answer])
    out = run("check", exported)
    assert out.exit_code == 0, out.output
    out = run("import", exported, "--format", "corrections", "--out", back)
    assert out.exit_code == 0, out.output
    assert read_jsonl(back) == [answer]
