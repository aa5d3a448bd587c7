"""Runs that are killed at random moments and started again end as the undisturbed one.

``KILL_ROUNDS`` says how many; each kind of kill takes its turn.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from service.batch.evaluation import evaluate
from service.batch.rows import read_rows
from service.cli import Exit

from . import fakes
from .conftest import WriteRows

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
ROWS = 40
#: Seconds that a row takes, so that a kill falls among them.
SECONDS = "0.01"


def start(source: Path, out: Path, *, seconds: str = SECONDS) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.batch.fake_cli",
            "batch",
            str(source),
            "-o",
            str(out),
            "--workers",
            "2",
        ],
        cwd=ROOT,
        env={**os.environ, fakes.SECONDS: seconds},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def undisturbed(source: Path) -> bytes:
    with source.open("rb") as stream:
        return b"".join(evaluate(row, fakes.ObedientReviewer()) + b"\n" for row in read_rows(stream, "jsonl"))


def lines_in(out: Path) -> int:
    journal = out.with_name(f".{out.name}.part")
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.005)


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):  # it may just be ending, and its children with it
        for child in psutil.Process(process.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)  # noqa: PERF401  (what was found before one ended is kept)
    return found


def blocks_interrupts(process: psutil.Process) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:"))
    return bool(int(mask, 16) >> (signal.SIGINT - 1) & 1)


def all_gone(processes: list[psutil.Process]) -> bool:
    return not [process for process in processes if process.is_running() and process.status() != "zombie"]


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("victim", ["run", "worker"])
def test_kills_lose_and_double_nothing(
    victim: str, round_: int, write_rows: WriteRows, tmp_path: Path
) -> None:
    chance = random.Random(1_000 * round_ + len(victim))
    source, out = write_rows(ROWS), tmp_path / "out.jsonl"
    process = start(source, out)
    moment = chance.randrange(2, ROWS)
    until(lambda: lines_in(out) > moment or process.poll() is not None)
    time.sleep(chance.random() * 0.02)
    if process.poll() is None:
        workers = workers_of(process)
        if victim == "run":
            process.kill()
            process.communicate()
            until(lambda: all_gone(workers))
        elif workers:
            with contextlib.suppress(psutil.NoSuchProcess):  # it may just have ended
                chance.choice(workers).kill()
    while True:
        _, said = process.communicate(timeout=60)
        if process.returncode in (Exit.FINE, Exit.SOME_ROWS_FAILED):
            break
        assert process.returncode == -signal.SIGKILL, said
        assert not out.exists() or out.read_bytes() == undisturbed(source)
        process = start(source, out, seconds="0")
    assert out.read_bytes() == undisturbed(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_an_interrupt_from_the_keyboard_leaves_the_journal_and_says_how_to_go_on(
    write_rows: WriteRows, tmp_path: Path
) -> None:
    source, out = write_rows(ROWS), tmp_path / "out.jsonl"
    process = start(source, out, seconds="0.05")
    until(lambda: lines_in(out) > 5)
    workers = workers_of(process)
    assert len(workers) == 2
    assert all(blocks_interrupts(worker) for worker in workers)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == Exit.FAILED
    assert said.decode().splitlines()[-1] == (
        "error: stopped. What is done is kept; the same command goes on from there."
    )
    assert b"Traceback" not in said
    until(lambda: all_gone(workers))
    assert not out.exists()
    kept = lines_in(out) - 1
    assert kept >= 5
    again = start(source, out, seconds="0")
    _, said = again.communicate(timeout=60)
    assert f"going on behind row {kept}," in said.decode()
    assert out.read_bytes() == undisturbed(source)


def test_an_interrupt_before_the_first_row_is_clean_too(write_rows: WriteRows, tmp_path: Path) -> None:
    source, out = write_rows(ROWS), tmp_path / "out.jsonl"
    process = start(source, out)
    until(lambda: out.with_name(".out.jsonl.part").exists())
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == Exit.FAILED
    assert b"Traceback" not in said
    assert not out.exists()
