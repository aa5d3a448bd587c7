"""A job on the page survives what happens to a service: a killed worker, runner or master, a restart, a reload."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest

from tests.batch.conftest import answers, jsonl
from tests.web.test_gunicorn import FAKE, Server, running

from .uploads import expected

ROWS = 60
LEASE = 1.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


def options(folder: Path, *, seconds: float = 0.02) -> dict[str, Any]:
    return {
        "workers": 2,
        "rate_requests": 0,
        "rate_bytes": 0,
        "jobs_dir": folder,
        "jobs_lease": LEASE,
        "_seconds": seconds,
    }


def send(server: Server) -> str:
    """Send a file; return the address of its job."""
    request = Request(
        f"http://127.0.0.1:{server.port}/v1/jobs",
        jsonl(answers(ROWS)),
        {"Content-Type": "application/x-ndjson"},
    )
    with urlopen(request, timeout=20) as response:  # noqa: S310
        assert response.status == 202
        return str(json.load(response)["url"])


def state(server: Server, url: str) -> dict[str, Any]:
    status, reply = server.ask("GET", url)
    assert status == 200
    return dict(reply)


def judged(server: Server, url: str) -> int:
    reply = state(server, url)
    return int(reply["scored"] + reply["abstained"] + reply["errors"])


def results(server: Server, url: str) -> list[bytes]:
    address = f"http://127.0.0.1:{server.port}{url}/results"
    with urlopen(address, timeout=20) as response:
        return bytes(response.read()).splitlines()


def until(condition: Callable[[], object], seconds: float = 40.0) -> None:
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.02)


def runners(server: Server) -> list[psutil.Process]:
    return [child for child in server.workers() if _is_runner(child)]


def _is_runner(process: psutil.Process) -> bool:
    try:
        return "tests.jobs.fake_process" in process.cmdline()
    except psutil.Error:
        # It has just ended.
        return False


def test_a_job_survives_killed_workers_and_runners_and_a_reload(tmp_path: Path, folder: Path) -> None:
    with running(tmp_path, FAKE, **options(folder)) as server:
        until(lambda: len(runners(server)) == 1)
        url = send(server)
        until(lambda: judged(server, url) >= 5)
        for worker in server.workers():
            if worker not in runners(server):
                worker.kill()
        until(lambda: len(server.workers()) == 3)
        (runner,) = runners(server)
        runner.kill()
        until(lambda: runners(server) not in ([], [runner]))
        server.process.send_signal(signal.SIGHUP)
        until(lambda: state(server, url)["state"] == "done")
        assert results(server, url) == expected(ROWS)
        until(lambda: len(runners(server)) == 1)
        assert len(server.workers()) == 3


def test_a_job_survives_a_restart_of_the_service(tmp_path: Path, folder: Path) -> None:
    with running(tmp_path, FAKE, **options(folder)) as server:
        url = send(server)
        until(lambda: judged(server, url) >= 5)
        (runner,) = runners(server)
    assert server.process.returncode == 0
    assert not runner.is_running()
    began = time.monotonic()
    with running(tmp_path, FAKE, **options(folder, seconds=0)) as server:
        assert judged(server, url) >= 5
        until(lambda: state(server, url)["state"] == "done")
        assert results(server, url) == expected(ROWS)
    assert time.monotonic() - began < 30


def test_a_job_survives_a_killed_master(tmp_path: Path, folder: Path) -> None:
    with running(tmp_path, FAKE, **options(folder)) as server:
        url = send(server)
        until(lambda: judged(server, url) >= 5)
        processes = server.workers()
        server.process.kill()
        server.process.wait()
        until(lambda: not [one for one in processes if one.is_running()])
    with running(tmp_path, FAKE, **options(folder, seconds=0)) as server:
        until(lambda: state(server, url)["state"] == "done")
        assert results(server, url) == expected(ROWS)


def test_the_runner_is_quiet_small_and_private(tmp_path: Path, folder: Path) -> None:
    with running(tmp_path, FAKE, **options(folder)) as server:
        until(lambda: len(runners(server)) == 1)
        (runner,) = runners(server)
        url = send(server)
        until(lambda: state(server, url)["state"] == "done")
        assert runner.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert [socket for socket in runner.net_connections() if socket.status == psutil.CONN_LISTEN] == []
        assert not [file for file in runner.open_files() if "numpy" in file.path]
        for path in folder.iterdir():
            assert path.stat().st_mode & 0o077 == 0
        # No text, and no id with which somebody could ask for it.
        said = server.log.read_bytes()
        assert b'"event": "job"' in said
        assert b"I led" not in said
        assert url.rsplit("/", 1)[1].encode() not in said


@pytest.mark.parametrize("off", [{"jobs_dir": ""}, {"jobs_retention": 0}])
def test_without_jobs_there_is_no_runner(tmp_path: Path, folder: Path, off: dict[str, Any]) -> None:
    with running(tmp_path, FAKE, **options(folder) | off) as server:
        until(lambda: len(server.workers()) == 2)
        time.sleep(1.5)
        assert runners(server) == []
        assert server.ask("GET", "/v1/jobs/" + "0" * 32)[0] in (404, 409)
        assert not folder.exists()
