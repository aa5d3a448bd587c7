"""``star-feedback batch``: exit codes, what is said, and nothing left behind."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.batch import evaluation
from service.cli import Exit, main
from service.reviewer import Reviewer

from .conftest import WriteRows, jsonl
from .fakes import load_obedient, load_refused


@pytest.fixture(autouse=True)
def obedient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each process the loading of the model."""
    monkeypatch.setattr(evaluation, "load_reviewer", load_obedient)


def batch(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["batch", *map(str, arguments)])


def test_rows_that_are_all_fine_end_with_0(write_rows: WriteRows, tmp_path: Path) -> None:
    result = batch(write_rows(["I led.", "NOTHING"]), "-o", tmp_path / "out.jsonl", "--workers", "1")
    assert result.exit_code == Exit.FINE
    assert result.stdout.startswith("2 rows: 1 scored, 1 abstained, 0 in error; ")
    assert result.stderr.splitlines()[-1].startswith("2 of 2 rows")
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 2


def test_rows_in_error_end_with_3_and_the_others_are_written(write_rows: WriteRows, tmp_path: Path) -> None:
    result = batch(write_rows(["I led.", "TOKENS", ""]), "--out", tmp_path / "out.csv", "--workers", "2")
    assert result.exit_code == Exit.SOME_ROWS_FAILED
    assert result.stdout.startswith("3 rows: 1 scored, 0 abstained, 2 in error; ")
    assert (tmp_path / "out.csv").read_bytes().count(b"\r\n") == 4


@pytest.mark.parametrize(
    ("body", "name", "out", "said"),
    [
        (b'answer\n"secret', "in.csv", "out.jsonl", "in.csv: line 2, column 1: the quote"),
        (b"", "in.jsonl", "out.jsonl", "in.jsonl: line 1, column 1: the file is empty"),
        (b"answer\nsecret", "in.txt", "out.jsonl", "in.txt must end in"),
        (b"answer\nsecret", "in.csv", "out.pdf", "out.pdf must end in"),
        (b"answer\nsecret", "in.csv", "none/out.csv", "does not exist"),
    ],
)
def test_bad_use_ends_with_2_and_leaves_nothing(
    body: bytes, name: str, out: str, said: str, tmp_path: Path
) -> None:
    source = tmp_path / name
    source.write_bytes(body)
    result = batch(source, "-o", tmp_path / out)
    assert result.exit_code == Exit.BAD_USE
    assert said in result.stderr
    assert "secret" not in result.output
    assert list(tmp_path.iterdir()) == [source]


def test_a_bad_call_is_bad_use(
    write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_rows(1)
    assert batch(source).exit_code == Exit.BAD_USE
    assert batch(tmp_path / "none.csv", "-o", tmp_path / "out.csv").exit_code == Exit.BAD_USE
    assert batch(source, "-o", tmp_path / "out.csv", "--workers", "0").exit_code == Exit.BAD_USE
    monkeypatch.setenv("STAR_FEEDBACK_MAX_TOKENS", "many")
    result = batch(source, "-o", tmp_path / "out.csv")
    assert result.exit_code == Exit.BAD_USE
    assert "STAR_FEEDBACK_MAX_TOKENS" in result.stderr


def test_a_model_that_is_refused_is_a_failure(
    write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "load_reviewer", load_refused)
    source = write_rows(1)
    result = batch(source, "-o", tmp_path / "out.csv")
    assert result.exit_code == Exit.FAILED
    assert "the model is damaged" in result.stderr
    assert list(tmp_path.iterdir()) == [source]


def test_a_disk_that_fails_is_a_failure_and_says_how_to_go_on(
    write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    source = write_rows(3)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        result = batch(source, "-o", tmp_path / "out.csv", "--workers", "1")
    assert result.exit_code == Exit.FAILED
    assert "No space left on device" in result.stderr
    assert "the same command goes on" in result.stderr
    again = batch(source, "-o", tmp_path / "out.csv", "--workers", "1")
    assert "going on behind row 3" in again.stderr
    assert again.exit_code == Exit.SOME_ROWS_FAILED


def test_no_resume_begins_anew(
    write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_rows(3), tmp_path / "out.csv"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _file: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        assert batch(source, "-o", out, "--workers", "1").exit_code == Exit.FAILED
    result = batch(source, "-o", out, "--workers", "1", "--no-resume")
    assert "beginning with row 1" in result.stderr


def test_any_number_of_workers_writes_the_same_bytes(write_rows: WriteRows, tmp_path: Path) -> None:
    source = write_rows(60)
    for workers in (1, 2, 3):
        for ending in ("jsonl", "csv", "xlsx"):
            batch(source, "-o", tmp_path / f"{workers}.{ending}", "--workers", str(workers))
    for ending in ("jsonl", "csv", "xlsx"):
        assert len({(tmp_path / f"{workers}.{ending}").read_bytes() for workers in (1, 2, 3)}) == 1


@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx"])
def test_no_answer_is_in_a_log_or_a_temporary_file(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    canary = f"Canary{uuid.uuid4().hex[:18]}"
    texts = [
        f"{canary} {word}" for word in ("a", "NOTHING", "TOKENS", "FAULT", "CRASH", "LATE", "x" * 20_001)
    ]
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    work.mkdir()
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    source, out = work / "in.jsonl", work / f"out.{ending}"
    bad = f'{{"answer":"{canary}","{canary}":NaN}}\n{canary}\n[{{"answer":"{canary}"}}]\n'.encode()
    source.write_bytes(jsonl(texts) + bad)
    # Names of files that are made at any time, also of those that are gone again.
    made: set[str] = set()
    opened = os.open

    def watched(path: str, *arguments: object, **options: object) -> int:
        made.add(str(path))
        return opened(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", watched)
    result = batch(source, "-o", out, "--workers", "2")
    assert result.exit_code == Exit.SOME_ROWS_FAILED
    assert result.stdout.startswith("10 rows: 1 scored, 1 abstained, 8 in error")
    captured = capfd.readouterr()
    assert canary not in result.output + captured.out + captured.err
    assert sorted(path.name for path in work.iterdir()) == ["in.jsonl", out.name]
    for path in elsewhere.rglob("*"):
        assert path.is_dir() or canary.encode() not in path.read_bytes()
    assert not [path for path in made if path.startswith(str(elsewhere)) and "pymp" not in path]
    if ending == "jsonl":
        errors = [line for line in out.read_bytes().splitlines() if b'"error"' in line]
        assert len(errors) == 8
        assert canary.encode() not in b"".join(errors)


def test_the_shipped_model_judges_a_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reviewer: Reviewer
) -> None:
    monkeypatch.undo()
    source, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_text(
        "id,question,answer,date,attempt\r\n"
        "1,Tell me about a time you solved a problem.,\"Last spring the till crashed. I opened a ledger, I "
        'asked Tom to pack and I rang the support line. We lost no sale.",2026-03-31,1\r\n'
        "2,,asdf jkl qwer uiop,,\r\n"
        "3,,,,\r\n"
    )  # fmt: skip
    result = batch(source, "-o", out, "--workers", "1")
    assert result.exit_code == Exit.SOME_ROWS_FAILED, result.output
    scored, abstained, error = map(json.loads, out.read_bytes().splitlines())
    assert (scored["status"], abstained["status"], error["row"]) == ("scored", "abstained", 3)
    assert scored["versions"]["model"] == reviewer.versions.model
