"""A Ray cluster of two processes on loopback, with a token, for all tests that can share one.

Where Ray is not installed the tests that need it are left out, and the run says so; ``REQUIRE_RAY=1`` makes that
an error.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from service.batch.pool import ONE_THREAD
from service.batch.ray_engine import LOOPBACK_ONLY, TOKEN

REQUIRE = "REQUIRE_RAY"
ABSENT = "ray is not installed"
ROOT = Path(__file__).resolve().parents[2]
_IS_THERE = find_spec("ray") is not None
_left_out = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    if not _IS_THERE and os.environ.get(REQUIRE) == "1":
        raise pytest.UsageError(f"{REQUIRE} is 1, but {ABSENT}")


def pytest_report_header() -> str:
    if not _IS_THERE:
        return f"ray tests: left out, {ABSENT} (make test-ray installs it)"
    return "ray tests: with ray"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _IS_THERE:
        return
    out = [item for item in items if "token" in getattr(item, "fixturenames", ())]
    config.stash[_left_out] = len(out)
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    count = config.stash.get(_left_out, 0)
    if count:
        terminalreporter.write_line(f"{count} ray tests were left out: {ABSENT}", yellow=True)


@pytest.fixture(scope="session")
def token() -> Iterator[str]:
    """Set a token, in the environment of what is started too; what Ray needs beside it goes again at the end."""
    before = dict(os.environ)
    os.environ[TOKEN] = secrets.token_hex(32)
    # Processes of Ray must find the reviewers of the tests.
    os.environ["PYTHONPATH"] = str(ROOT)
    # Also for the cluster that the tests start themselves.
    os.environ[LOOPBACK_ONLY] = "0"
    yield os.environ[TOKEN]
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder for temporary files, an own one; pytest's has a name too long for the sockets of Ray.

    ``tmp_path`` is asked for because pytest would else make its folders in this one.
    """
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    # What is left of a run that was killed may still write.
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(token: str) -> Iterator[str]:
    """Start a cluster that outlives the runs on it; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="rt-", ignore_cleanup_errors=True) as folder:
        options = {
            "node-ip-address": "127.0.0.1",
            "port": address.rpartition(":")[2],
            "num-cpus": "2",
            "include-dashboard": "false",
            "object-store-memory": str(100 * 1024 * 1024),
            "temp-dir": f"{folder}/r",
            "system-config": json.dumps({"automatic_object_spilling_enabled": False}),
        }
        command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block"]
        head = subprocess.Popen(
            [*command, "--disable-usage-stats", *(f"--{name}={value}" for name, value in options.items())],
            env={**os.environ, "RAY_AUTH_MODE": "token", **dict.fromkeys(ONE_THREAD, "7")},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(head, address)
            yield address
        finally:
            head.terminate()
            head.wait(30)


def _wait_for(head: subprocess.Popen[bytes], address: str) -> None:
    host, _, port = address.rpartition(":")
    latest = time.monotonic() + 60
    while True:
        assert head.poll() is None, "the cluster did not start"
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        assert time.monotonic() < latest
        time.sleep(0.1)
