"""Processes that judge: same bytes for any number of them, and nothing lost when they die."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from service.batch.evaluation import evaluate, load_reviewer
from service.batch.pool import CHUNK, EngineFailed, Pool
from service.batch.rows import BadRow, Row
from service.errors import InvalidRequest
from service.reviewer import Reviewer
from service.settings import Settings
from tests.web.fakes import VERSIONS

from . import fakes
from .conftest import answers


def rows_of(texts: list[str]) -> list[Row | BadRow]:
    return [Row(number, {"answer": text, "id": str(number)}) for number, text in enumerate(texts, start=1)]


def expected(rows: list[Row | BadRow]) -> list[bytes]:
    return [evaluate(row, fakes.ObedientReviewer()) for row in rows]


def _until(condition: object, seconds: float = 20.0) -> None:
    latest = time.monotonic() + seconds
    assert callable(condition)
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.01)


def test_any_number_of_processes_gives_the_same_lines_in_order() -> None:
    rows = rows_of(answers(5 * CHUNK + 3))
    rows[10] = BadRow(11, "x", InvalidRequest(400, "line 12, column 1: bad"))
    for workers in (1, 3):
        with Pool(fakes.load_obedient, workers) as pool:
            assert pool.versions == VERSIONS
            assert list(pool.evaluate(rows)) == expected(rows)
            assert list(pool.evaluate(iter(()))) == []
            assert list(pool.evaluate(iter(rows[:1]))) == expected(rows[:1])


def test_the_shipped_reviewer_gives_the_bytes_of_this_process(reviewer: Reviewer) -> None:
    stories = [
        "Last spring the till at our bakery crashed. I opened a paper ledger and I rang the support line twice.",
        "asdf jkl qwer uiop zxcv",
        "In my last job we had a conflict. I asked both of them to lunch. In the end they apologised.",
        "",
    ]
    rows = rows_of(stories * 6)
    here = [evaluate(row, reviewer) for row in rows]
    with Pool(partial(load_reviewer, Settings()), 2) as pool:
        assert pool.versions == reviewer.versions
        assert list(pool.evaluate(rows)) == here


def test_a_process_that_dies_is_replaced_and_its_rows_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = tmp_path / "once"
    once.touch()
    monkeypatch.setenv(fakes.CRASH_ONCE, str(once))
    texts = answers(3 * CHUNK)
    texts[CHUNK + 2] = "DROP here"
    rows = rows_of(texts)
    with Pool(fakes.load_obedient, 2) as pool:
        before = set(pool.processes())
        found = list(pool.evaluate(rows))
        assert len(before & set(pool.processes())) == 1
    assert not once.exists()
    once_done = expected(rows)
    assert found == once_done
    assert b'"status":"scored"' in found[CHUNK + 2]


def test_a_row_that_kills_every_process_is_an_error_and_the_others_are_judged() -> None:
    texts = answers(2 * CHUNK)
    texts[3] = "CRASH"
    rows = rows_of(texts)
    with Pool(fakes.load_obedient, 2) as pool:
        found = list(pool.evaluate(rows))
    reply = json.loads(found.pop(3))
    assert (reply["row"], reply["id"], reply["error"]["status"]) == (4, "4", 500)
    assert reply["error"]["errors"] == [
        {"pointer": "", "code": "crashed", "message": "the row crashed the worker 3 times"}
    ]
    del rows[3]
    assert found == expected(rows)


def test_processes_killed_from_outside_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fakes.SECONDS, "0.01")
    rows = rows_of(answers(120))
    killed = 0
    with Pool(fakes.load_obedient, 2) as pool:
        found = []
        for line in pool.evaluate(rows):
            found.append(line)
            if len(found) in (10, 50, 90):
                os.kill(pool.processes()[0], signal.SIGKILL)
                killed += 1
    assert killed == 3
    assert found == expected(rows)


def test_rows_are_read_as_there_is_room_for_them() -> None:
    read = 0

    def endless() -> Iterator[Row]:
        nonlocal read
        while True:
            read += 1
            yield Row(read, {"answer": "I led."})

    with Pool(fakes.load_obedient, 2) as pool:
        lines = pool.evaluate(endless())
        for number in range(1, 501):
            next(lines)
            assert read <= number + 2 * 8 * CHUNK


def test_a_reviewer_that_refuses_stops_the_pool() -> None:
    with pytest.raises(EngineFailed, match="the model is damaged"), Pool(fakes.load_refused, 2):
        pass
    _until(lambda: not _children())


def test_processes_that_never_start_stop_the_pool() -> None:
    with pytest.raises(EngineFailed, match="before they are ready"), Pool(fakes.load_dying, 1):
        pass
    _until(lambda: not _children())


def test_numeric_libraries_take_one_thread_and_are_loaded_after_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("OMP", "OPENBLAS", "MKL"):
        monkeypatch.setenv(f"{name}_NUM_THREADS", "7")
    with Pool(fakes.load_telling, 1) as pool:
        assert pool.versions.model == "1/1/1 numpy False"


def test_a_process_ends_with_the_one_that_asked() -> None:
    pool = Pool(fakes.load_obedient, 1)
    with pool:
        (process,) = pool.processes()
        # What the end of this process would do.
        pool._workers[0].connection.close()
        _until(lambda: not psutil.pid_exists(process) or psutil.Process(process).status() == "zombie")


def test_the_pool_can_be_used_outside_the_main_thread() -> None:
    rows = rows_of(answers(3))
    found: list[bytes] = []

    def use() -> None:
        with Pool(fakes.load_obedient, 1) as pool:
            found.extend(pool.evaluate(rows))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(30)
    assert found == expected(rows)


def test_a_pool_that_is_not_started_has_no_versions() -> None:
    with pytest.raises(EngineFailed, match="not started"):
        _ = Pool(fakes.load_obedient, 1).versions


def _children() -> list[psutil.Process]:
    """Return the processes of pools; Python's own tracker of resources stays."""
    return [
        child
        for child in psutil.Process().children()
        if child.is_running() and "spawn_main" in " ".join(child.cmdline())
    ]


def test_a_process_that_starts_with_another_model_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, model = tmp_path / "once", tmp_path / "model"
    once.touch()
    model.write_text("a+1")
    monkeypatch.setenv(fakes.CRASH_ONCE, str(once))
    monkeypatch.setenv(fakes.MODEL_FILE, str(model))
    texts = answers(3 * CHUNK)
    texts[CHUNK + 2] = "DROP here"
    with Pool(fakes.load_named, 1) as pool:
        assert pool.versions.model == "a+1"
        model.write_text("b+1")
        lines = pool.evaluate(rows_of(texts))
        with pytest.raises(EngineFailed, match="the model was changed"):
            list(lines)
