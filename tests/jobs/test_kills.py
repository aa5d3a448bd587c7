"""Jobs whose processes are killed at random moments end as undisturbed ones; ``KILL_ROUNDS`` says how often."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from service.batch.evaluation import status_of
from service.jobs.store import Store, open_store
from service.settings import Settings
from service.web.launcher import settings_environment
from tests.batch import fakes

from .uploads import counts_expected, counts_of, expected, found, lines_in, upload_of

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
ROWS = 40
LEASE = 1.0
#: Seconds that a row takes, so that a kill falls among them.
SECONDS = "0.01"


def start(settings: Settings, *, seconds: str = SECONDS) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.fake_process", str(os.getpid())],
        cwd=ROOT,
        env={**os.environ, **settings_environment(settings), fakes.SECONDS: seconds},
        stderr=subprocess.PIPE,
    )


@contextmanager
def started(settings: Settings, *, seconds: str = SECONDS) -> Iterator[subprocess.Popen[bytes]]:
    process = start(settings, seconds=seconds)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.005)


def judges_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):  # it may just be ending, and its children with it
        for child in psutil.Process(process.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)  # noqa: PERF401  (what was found before one ended is kept)
    return found


@pytest.fixture
def settings(place: Settings) -> Settings:
    return replace(place, jobs_lease=LEASE)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("victim", ["runner", "judge", "both"])
def test_kills_lose_and_double_nothing(victim: str, round_: int, settings: Settings, store: Store) -> None:
    chance = random.Random(1_000 * round_ + len(victim))
    job = store.create(upload_of(ROWS))
    moment = chance.randrange(1, ROWS)
    with started(settings) as process:
        until(lambda: found(store, job.id).judged >= moment)
        time.sleep(chance.random() * 0.02)
        judges = judges_of(process)
        if victim != "judge":
            process.kill()
        if victim != "runner":
            for judge in judges:
                judge.kill()
        if victim == "judge":
            until(lambda: found(store, job.id).state == "done")
    if victim != "judge":
        killed = time.monotonic()
        with started(settings, seconds="0"):
            until(lambda: found(store, job.id).state == "done")
        # The lease, the start of two processes, and a slow machine.
        assert time.monotonic() - killed < LEASE + 20
    assert lines_in(store, job.id) == expected(ROWS)
    assert counts_of(found(store, job.id)) == counts_expected(ROWS)
    until(lambda: not [judge for judge in judges if judge.is_running() and judge.status() != "zombie"])


def test_a_row_that_kills_its_process_again_and_again_is_in_error_and_the_others_are_not(
    settings: Settings, store: Store
) -> None:
    texts = [f"I led team {number}." for number in range(20)]
    texts[7] = texts[12] = "CRASH"
    job = store.create(upload_of(texts))
    with started(settings, seconds="0"):
        until(lambda: found(store, job.id).state == "done")
    lines = lines_in(store, job.id)
    assert [number for number, line in enumerate(lines) if status_of(line) == "error"] == [7, 12]
    assert all(b"the row crashed the worker 3 times" in lines[number] for number in (7, 12))


def test_told_to_end_it_lets_go_at_once(settings: Settings, store: Store) -> None:
    job = store.create(upload_of(ROWS))
    with started(settings, seconds="0.05") as process:
        until(lambda: found(store, job.id).judged >= 3)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0
    assert b"Traceback" not in said
    assert found(store, job.id).state == "queued"
    with started(settings, seconds="0"):
        until(lambda: found(store, job.id).state == "done")
    assert lines_in(store, job.id) == expected(ROWS)


def test_an_interrupt_from_the_keyboard_is_left_to_the_master(settings: Settings, store: Store) -> None:
    job = store.create(upload_of(ROWS))
    with started(settings) as process:
        until(lambda: found(store, job.id).judged >= 3)
        process.send_signal(signal.SIGINT)
        until(lambda: found(store, job.id).state == "done")
        assert process.poll() is None
    assert lines_in(store, job.id) == expected(ROWS)


def test_without_its_parent_it_ends(settings: Settings, store: Store) -> None:
    code = (
        "import subprocess, sys, os, time; process = subprocess.Popen([sys.executable, '-m', "
        "'tests.jobs.fake_process', str(os.getpid())]); print(process.pid, flush=True); time.sleep(60)"
    )
    # So slow that the job can't be done before the process sees that its parent is gone.
    environment = {**os.environ, **settings_environment(settings), fakes.SECONDS: "0.5"}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        assert parent.stdout is not None
        process = psutil.Process(int(parent.stdout.readline()))
        job = store.create(upload_of(ROWS))
        until(lambda: found(store, job.id).judged >= 3)
        parent.kill()
    until(lambda: not process.is_running() or process.status() == "zombie", 10)
    assert found(store, job.id).state == "queued"


def test_no_word_of_a_row_is_told(settings: Settings, store: Store) -> None:
    texts = ["I led canary-of-a-row.", "FAULT canary-of-a-row", "CRASH canary-of-a-row"]
    job = store.create(upload_of(texts))
    process = start(settings, seconds="0")
    until(lambda: found(store, job.id).state == "done")
    process.terminate()
    _, said = process.communicate(timeout=20)
    assert b'"event": "job"' in said
    assert b"canary" not in said
    assert job.id.encode() not in said
