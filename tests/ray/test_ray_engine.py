"""Real processes of Ray: the bytes of one process, nothing lost or doubled, no answer where it should not be."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import stat
import subprocess
import sys
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from service.batch.evaluation import Reviews, evaluate, load_reviewer
from service.batch.pool import EngineFailed, Pool
from service.batch.ray_engine import CHUNK, FOLDER_PREFIX, LOOPBACK_ONLY, TOKEN, RayEngine
from service.batch.rows import BadRow, Row
from service.cli import Exit
from service.errors import InvalidRequest
from service.reviewer import Reviewer
from service.settings import Settings
from tests.batch import fakes
from tests.batch.conftest import answers, jsonl
from tests.batch.test_kills import lines_in, undisturbed, until
from tests.batch.test_pool import expected, rows_of
from tests.web.fakes import VERSIONS

from .conftest import ROOT
from .loads import load_broken, load_varied


def start(
    source: Path, out: Path, *arguments: str, seconds: str = "0", **environment: str
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.batch.fake_cli", "batch", str(source), "-o", str(out), *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, fakes.SECONDS: seconds, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def judges(of: int) -> list[psutil.Process]:
    """Return the processes of Ray below ``of`` that judge."""
    return [
        child
        for child in psutil.Process(of).children(recursive=True)
        if _title(child).startswith("ray::Judge")
    ]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def _has_come(process: subprocess.Popen[bytes], out: Path, lines: int) -> bool:
    return lines_in(out) > lines or process.poll() is not None


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def contents(path: Path) -> bytes:
    """Return what is in a file; nothing where it has gone since it was listed."""
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return b""


def test_two_processes_write_the_bytes_of_one(token: str, scratch: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(jsonl([*answers(100), "CRASH here", *answers(60)]) + b'{"answer": NaN}\n')
    for name, arguments in {"one": ["--workers", "1"], "ray": ["--engine", "ray", "--workers", "2"]}.items():
        process = start(source, tmp_path / f"{name}.jsonl", *arguments)
        said, complained = process.communicate(timeout=120)
        assert process.returncode == Exit.SOME_ROWS_FAILED, complained
        # What Ray says of a process that ended belongs to no result.
        assert said.startswith(b"162 rows: ")
        assert said.count(b"\n") == 1
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "one.jsonl", "ray.jsonl"]
    assert list(scratch.iterdir()) == []


def test_killed_processes_lose_and_double_nothing(token: str, tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(jsonl(answers(400)))
    process = start(source, out, "--engine", "ray", "--workers", "2", seconds="0.02")
    for moment in (20, 150, 280):
        until(partial(_has_come, process, out, moment), 60)
        assert process.poll() is None
        judges(process.pid)[0].send_signal(signal.SIGKILL)
    _, complained = process.communicate(timeout=120)
    assert process.returncode == Exit.SOME_ROWS_FAILED, complained
    assert out.read_bytes() == undisturbed(source)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in.jsonl", "out.jsonl"]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_goes_on_and_leaves_no_process(
    end: signal.Signals, token: str, scratch: Path, tmp_path: Path
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(jsonl(answers(300)))
    process = start(source, out, "--engine", "ray", "--workers", "2", seconds="0.02")
    until(partial(_has_come, process, out, 20), 60)
    # Ray's agents, which no answer reaches, take a minute to see that they are alone.
    below = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if not _title(child).endswith("Agent")
    ]
    assert len(below) > 4
    # As a terminal does, or whoever kills the run alone.
    (os.killpg if end == signal.SIGINT else os.kill)(process.pid, end)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == (Exit.FAILED if end == signal.SIGINT else -end)
    assert (b"goes on from there" in complained) == (end == signal.SIGINT)
    until(lambda: all(map(is_gone, below)), 30)
    assert not out.exists()
    again = start(source, out, "--workers", "2")
    _, complained = again.communicate(timeout=60)
    assert b"where an earlier run stopped" in complained
    assert out.read_bytes() == undisturbed(source)


def test_the_shipped_reviewer_gives_the_bytes_of_this_process(cluster: str, reviewer: Reviewer) -> None:
    stories = [
        "Last spring the till at our bakery crashed. I opened a paper ledger and I rang the support line twice.",
        "asdf jkl qwer uiop zxcv",
        "In my last job we had a conflict. I asked both of them to lunch. In the end they apologised.",
        "",
    ]
    rows = rows_of(stories * 20)
    with RayEngine(partial(load_reviewer, Settings()), address=cluster) as engine:
        assert engine.versions == reviewer.versions
        assert list(engine.evaluate(rows)) == [evaluate(row, reviewer) for row in rows]


def test_any_number_of_processes_gives_the_same_lines_in_order(cluster: str) -> None:
    rows = rows_of(answers(5 * CHUNK + 3))
    rows[10] = BadRow(11, "x", InvalidRequest(400, "line 12, column 1: bad"))
    for workers in (1, 2):
        with RayEngine(fakes.load_obedient, workers=workers, address=cluster) as engine:
            assert engine.versions == VERSIONS
            assert list(engine.evaluate(rows)) == expected(rows)
            assert list(engine.evaluate(iter(()))) == []
            assert list(engine.evaluate(iter(rows[:1]))) == expected(rows[:1])


def test_a_row_that_ends_every_process_is_the_error_of_the_pool(cluster: str) -> None:
    texts = answers(3 * CHUNK)
    texts[3] = texts[-1] = "CRASH"
    rows = rows_of(texts)
    with Pool(fakes.load_obedient, 2) as pool:
        wanted = list(pool.evaluate(rows))
    with RayEngine(fakes.load_obedient, address=cluster) as engine:
        found = list(engine.evaluate(rows))
    assert found == wanted
    assert b"crashed the worker 3 times" in found[3]


def test_rows_are_read_as_there_is_room_for_them(cluster: str) -> None:
    read = 0

    def endless() -> Iterator[Row]:
        nonlocal read
        while True:
            read += 1
            yield Row(read, {"answer": "I led."})

    with RayEngine(fakes.load_obedient, workers=2, address=cluster) as engine:
        lines = engine.evaluate(endless())
        for number in range(1, 1_001):
            next(lines)
            assert read <= number + 2 * 4 * CHUNK
    assert read >= 1_000 + CHUNK


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (fakes.load_refused, "the model is damaged"),
        (fakes.load_dying, "before they are ready"),
        (load_broken, "^a process of Ray failed: ValueError$"),
    ],
)
def test_processes_that_cannot_judge_stop_the_run(
    load: Callable[[], Reviews], said: str, cluster: str
) -> None:
    with pytest.raises(EngineFailed, match=said) as failed, RayEngine(load, workers=1, address=cluster):
        pass
    assert "Canary" not in "".join(traceback.format_exception(failed.value))


def test_machines_that_judge_by_other_versions_stop_the_run(cluster: str) -> None:
    rows = (Row(number, {"answer": "I led."}) for number in itertools.count(1))
    with (
        pytest.raises(EngineFailed, match="different versions"),
        RayEngine(load_varied, workers=2, address=cluster) as engine,
    ):
        for _ in engine.evaluate(rows):
            pass


def test_numeric_libraries_take_one_thread_whatever_the_cluster_was_started_with(cluster: str) -> None:
    with RayEngine(fakes.load_telling, workers=1, address=cluster) as engine:
        assert engine.versions.model.startswith("1/1/1 ")


def test_a_cluster_refuses_another_token(cluster: str, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(jsonl(["I led."]))
    for given, code in ((secrets.token_hex(32), Exit.FAILED), (os.environ[TOKEN], Exit.FINE)):
        process = start(
            source, tmp_path / "out.jsonl", "--engine", "ray", "--ray-address", cluster, **{TOKEN: given}
        )
        _, complained = process.communicate(timeout=120)
        assert process.returncode == code, complained
        assert (b"is the token the same?" in complained) == (code == Exit.FAILED)
        assert given.encode() not in complained


def test_a_cluster_of_this_machine_alone_is_not_reachable_from_others(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LOOPBACK_ONLY)
    code = (
        "import sys; from service.batch.ray_engine import RayEngine; from tests.batch.fakes import load_obedient\n"
        "with RayEngine(load_obedient, workers=2): print('ready', file=sys.__stdout__, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        here = psutil.Process(process.pid)
        sockets = [
            found
            for one in (here, *here.children(recursive=True))
            for found in one.net_connections(kind="inet")
            if found.status == psutil.CONN_LISTEN
        ]
        process.communicate(b"\n", timeout=60)
    assert len(sockets) > 4
    assert {found.laddr.ip.removeprefix("::ffff:") for found in sockets} == {"127.0.0.1"}


def test_no_answer_is_in_what_ray_keeps(token: str, scratch: Path, capfd: pytest.CaptureFixture[str]) -> None:
    canary = f"Canary{uuid.uuid4().hex[:18]}"
    words = ("a", "NOTHING", "TOKENS", "FAULT", "CRASH", "LATE", "x" * 20_001)
    rows: list[Row | BadRow] = [
        # The context makes it too large to travel with a call.
        Row(number, {"answer": f"{canary} {word}", "context": canary * 800, "id": canary, canary: 1.5})
        for number, word in enumerate(words * 4, start=1)
    ]
    rows += rows_of([f"{canary} {word}" for word in words[:6]])
    for number, row in enumerate(rows, start=1):
        rows[number - 1] = Row(number, row.data) if isinstance(row, Row) else row
    with RayEngine(fakes.load_obedient, workers=2) as engine:
        (folder,) = scratch.glob(f"{FOLDER_PREFIX}*")
        lines = list(engine.evaluate(rows))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        kept = [path for path in [*scratch.rglob("*"), *Path("/dev/shm").rglob("*")] if path.is_file()]  # noqa: S108
        assert len([path for path in kept if path.suffix in (".log", ".out", ".err")]) > 5
        for path in kept:
            assert canary.encode() not in contents(path), path.name
    assert len(lines) == len(rows)
    assert any(b'"scored"' in line and canary.encode() in line for line in lines)
    assert any(b"crashed" in line for line in lines)
    assert not folder.exists()
    captured = capfd.readouterr()
    assert canary not in captured.out + captured.err
