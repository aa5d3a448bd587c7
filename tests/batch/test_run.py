"""From file to file: whole or not at all, and going on where an earlier run stopped."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from service.batch.evaluation import STATUSES, evaluate, status_of
from service.batch.journal import Journal, JournalTaken
from service.batch.outcomes import Judged
from service.batch.rows import BadRow, Row, UnreadableFile, read_rows
from service.batch.run import BatchFailed, BatchRefused, run_batch
from service.batch.summary import Summary
from service.settings import Settings
from tests.web.fakes import VERSIONS

from .broken import FILES, Refused
from .conftest import WriteRows, answers
from .fakes import HereEngine, ObedientReviewer

SETTINGS = Settings()


def expected(path: Path) -> bytes:
    with path.open("rb") as stream:
        rows = read_rows(stream, "csv" if path.suffix == ".csv" else "jsonl")
        return b"".join(evaluate(row, ObedientReviewer()) + b"\n" for row in rows)


def run(source: Path, out: Path, engine: HereEngine | None = None) -> Summary:
    return run_batch(source, out, engine=engine or HereEngine(), settings=SETTINGS)


def part(out: Path) -> Path:
    return out.with_name(f".{out.name}.part")


def test_results_stand_in_the_order_of_the_rows(write_rows: WriteRows, tmp_path: Path) -> None:
    source, out = write_rows(), tmp_path / "out.jsonl"
    summary = run(source, out)
    assert out.read_bytes() == expected(source)
    counts = Counter(status_of(line) for line in out.read_bytes().splitlines())
    assert set(counts) == set(STATUSES)
    assert (summary.rows, summary.scored, summary.abstained, summary.errors) == (
        40,
        counts["scored"],
        counts["abstained"],
        counts["error"],
    )
    assert summary.as_data()["summary"] == {
        "rows": 40, "scored": summary.scored, "abstained": summary.abstained, "errors": summary.errors,
        "seconds": summary.seconds,
    }  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", FILES)
def test_every_broken_file_is_refused_or_wholly_accounted_for(name: str, tmp_path: Path) -> None:
    file = FILES[name]
    source, out = tmp_path / f"in.{file.media}", tmp_path / "out.jsonl"
    source.write_bytes(file.body)
    engine = HereEngine()
    if isinstance(file.comes, Refused):
        with pytest.raises(UnreadableFile):
            run(source, out, engine)
        assert engine.judged == []
        assert list(tmp_path.iterdir()) == [source]
        return
    summary = run(source, out, engine)
    assert summary.rows == summary.scored + summary.abstained + summary.errors == len(file.comes)
    assert summary.errors == sum(not isinstance(part, str) for part in file.comes)
    assert len(out.read_bytes().splitlines()) == summary.rows


@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx", "CSV"])
def test_the_form_is_that_of_the_ending(ending: str, write_rows: WriteRows, tmp_path: Path) -> None:
    out = tmp_path / f"out.{ending}"
    run(write_rows(7), out)
    if ending == "jsonl":
        assert json.loads(out.read_bytes().splitlines()[0])["status"] == "scored"
    elif ending == "xlsx":
        assert openpyxl.load_workbook(out).worksheets[0].max_row == 8
    else:
        assert out.read_bytes().count(b"\r\n") == 8
    first = out.read_bytes()
    run(tmp_path / "in.jsonl", out)
    assert out.read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", out.name]


def test_an_interrupted_run_goes_on(write_rows: WriteRows, tmp_path: Path) -> None:
    source, out = write_rows(), tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(source, out, HereEngine(stops_at=15))
    assert not out.exists()
    assert stat.S_IMODE(part(out).stat().st_mode) == 0o600
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    engine = HereEngine()
    summary = run_batch(
        source,
        out,
        engine=engine,
        settings=SETTINGS,
        say=said.append,
        progress=lambda done, rows: seen.append((done, rows)),
    )
    assert engine.judged == [*range(15, 41)]
    assert said == ["going on behind row 14, where an earlier run stopped"]
    assert seen == [(done, 40) for done in range(14, 41)]
    assert summary.rows == 40
    assert out.read_bytes() == expected(source)
    assert not part(out).exists()


@pytest.mark.parametrize("keep", [0, 1, 5, -1, -2])
def test_what_a_dying_run_left_unfinished_is_judged_again(
    keep: int, write_rows: WriteRows, tmp_path: Path
) -> None:
    source, out = write_rows(), tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(source, out, HereEngine(stops_at=15))
    whole = part(out).read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    part(out).write_bytes(whole[:start] + (whole[start:][:keep] if keep else b""))
    engine = HereEngine()
    run(source, out, engine)
    assert engine.judged[0] == 14
    assert out.read_bytes() == expected(source)


@pytest.mark.parametrize("tail", [b"\0" * 500, b"{}\n", b"\xff\n", b'{"status":"x"}\n' * 3, b"\n\n"])
def test_what_a_failing_disk_left_is_cut_off(tail: bytes, write_rows: WriteRows, tmp_path: Path) -> None:
    source, out = write_rows(), tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(source, out, HereEngine(stops_at=15))
    with part(out).open("ab") as file:
        file.write(tail)
    run(source, out)
    assert out.read_bytes() == expected(source)


@pytest.mark.parametrize("change", ["input", "versions", "limits", "torn", "told"])
def test_another_run_begins_anew_and_says_so(change: str, write_rows: WriteRows, tmp_path: Path) -> None:
    source, out = write_rows(), tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(source, out, HereEngine(stops_at=15))
    settings, versions = SETTINGS, VERSIONS
    match change:
        case "input":
            write_rows([*answers(39), "another"])
        case "versions":
            versions = replace(VERSIONS, rules="2")
        case "limits":
            settings = replace(SETTINGS, max_tokens=7)
        case "torn":
            part(out).write_bytes(part(out).read_bytes()[:30])
    said: list[str] = []
    engine = HereEngine(versions=versions)
    run_batch(source, out, engine=engine, settings=settings, resume=change != "told", say=said.append)
    assert engine.judged == [*range(1, 41)]
    assert len(said) == 1
    assert "beginning with row 1" in said[0]
    assert len(out.read_bytes().splitlines()) == 40


def test_a_run_that_only_lacks_its_end_judges_nothing_again(write_rows: WriteRows, tmp_path: Path) -> None:
    source, out = write_rows(), tmp_path / "out.jsonl"

    def fail(_rows: Iterable[Judged]) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        run_batch(source, out, engine=HereEngine(), settings=SETTINGS, readers=[fail])
    engine = HereEngine()
    assert run(source, out, engine).rows == 40
    assert engine.judged == []
    assert out.read_bytes() == expected(source)


def test_readers_get_every_row_with_its_reply(write_rows: WriteRows, tmp_path: Path) -> None:
    found: list[list[Judged]] = []

    def read(rows: Iterator[Judged]) -> None:
        found.append(list(rows))

    run_batch(
        write_rows(),
        tmp_path / "out.csv",
        engine=HereEngine(),
        settings=SETTINGS,
        readers=[read, read],
    )
    first, second = found
    assert first == second
    assert [row.row for row in first] == [*range(1, 41)]
    assert [row.answer for row in first] == answers(40)
    assert all(row.reply["id"] == f"r{row.row}" for row in first)


def test_lost_rows_are_no_result(write_rows: WriteRows, tmp_path: Path) -> None:
    with pytest.raises(BatchFailed, match="39 results came of 40 rows"):
        run(write_rows(), tmp_path / "out.jsonl", HereEngine(loses=7))
    assert not (tmp_path / "out.jsonl").exists()


def test_an_input_that_changes_meanwhile_is_noticed(write_rows: WriteRows, tmp_path: Path) -> None:
    source = write_rows()

    class Changing(HereEngine):
        def evaluate(self, rows: Iterable[Row | BadRow]) -> Iterator[bytes]:
            yield from super().evaluate(rows)
            with source.open("ab") as file:
                file.write(b'{"answer":"late"}\n')

    with pytest.raises(BatchFailed, match="changed while it was read"):
        run(source, tmp_path / "out.jsonl", Changing())
    assert not (tmp_path / "out.jsonl").exists()


def test_one_run_at_a_time_writes_a_file(write_rows: WriteRows, tmp_path: Path) -> None:
    source, out = write_rows(3), tmp_path / "out.jsonl"
    with Journal(out), pytest.raises(JournalTaken, match="another run is writing"):
        run(source, out)
    assert not part(out).exists()
    run(source, out)
    assert out.exists()


def test_a_journal_that_has_just_been_finished_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.jsonl"

    def finished_by_another(*_: object) -> None:
        part(out).unlink()

    monkeypatch.setattr(fcntl, "flock", finished_by_another)
    with pytest.raises(JournalTaken, match="has just written"):
        Journal(out)


def test_a_journal_is_not_written_through_a_link(write_rows: WriteRows, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("keep")
    part(tmp_path / "out.jsonl").symlink_to(target)
    with pytest.raises(OSError, match=r"."):
        run(write_rows(3), tmp_path / "out.jsonl")
    assert target.read_text() == "keep"


def test_a_result_that_cannot_be_written_leaves_the_old_one(
    write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_rows(3), tmp_path / "out.jsonl"
    out.write_text("old")

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            run(source, out)
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.jsonl.part", "in.jsonl", "out.jsonl"]
    run(source, out)
    assert out.read_bytes() == expected(source)


def test_what_a_killed_run_left_beside_goes(write_rows: WriteRows, tmp_path: Path) -> None:
    left = tmp_path / ".out.xlsx.tmp"
    left.mkdir()
    (left / "new").write_text("an answer")
    run(write_rows(3), tmp_path / "out.xlsx")
    assert not left.exists()


@pytest.mark.parametrize(
    ("source", "out", "said"),
    [
        ("in.txt", "out.jsonl", "in.txt must end in .csv or .jsonl or .ndjson"),
        ("in.xlsx", "out.jsonl", "in.xlsx must end in"),
        ("in.jsonl", "out.txt", "out.txt must end in .jsonl or .csv or .xlsx"),
        ("in.jsonl", "out", "out must end in"),
        ("in.jsonl", "none/out.jsonl", "folder of out.jsonl does not exist"),
        ("in.jsonl", "in.jsonl", "must be another file"),
        ("in.jsonl", "link.jsonl", "must be another file"),
        ("in.jsonl", "folder.csv", "no folder"),
        ("folder.csv", "out.jsonl", "must be a file"),
        ("none.csv", "out.jsonl", "must be a file"),
    ],
)
def test_bad_paths_are_refused_before_any_work(
    source: str, out: str, said: str, write_rows: WriteRows, tmp_path: Path
) -> None:
    write_rows(3)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "in.jsonl")
    engine = HereEngine()
    with pytest.raises(BatchRefused, match=said):
        run(tmp_path / source, tmp_path / out, engine)
    assert engine.judged == []
    assert not list(tmp_path.glob(".*"))
