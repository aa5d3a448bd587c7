"""The real server, started as it is shipped, on a free loopback port."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from service.web.headers import ALWAYS

from .conftest import strict_loads
from .fakes import ANSWER
from .test_canary import Canary

ROOT = Path(__file__).resolve().parents[2]
HOST = b"Host: localhost\r\n"
_JSON = b"Content-Type: application/json\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
_POST = b"POST /v1/feedback HTTP/1.1\r\n" + HOST + _JSON


@dataclass
class Server:
    """A running service."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send one request; return the status and the reply, parsed where it is JSON."""
        data = None if body is None else json.dumps(body).encode()
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            reply, media_type = response.read(), response.headers["Content-Type"]
        return response.status, strict_loads(reply) if "json" in media_type else reply.decode()

    def send(self, message: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send bytes, then read to the end; return the last status, its headers and its body."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(message)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = received.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        return int(first.split()[1]), dict(line.split(": ", 1) for line in rest), body

    def events(self) -> list[dict[str, Any]]:
        """Return what was logged; a line that is just being written is left out."""
        whole_lines = self.log.read_bytes().rpartition(b"\n")[0]
        return [dict(strict_loads(line)) for line in whole_lines.splitlines()]

    def processes(self, event: str, **fields: object) -> set[int]:
        """Return the ids of the processes that logged ``event`` with ``fields``."""
        return {
            found["process"] for found in self.events() if found.items() >= {"event": event, **fields}.items()
        }

    def total(self, metric: str) -> float:
        """Return one number of ``/metrics``."""
        lines = self.ask("GET", "/metrics")[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(metric))

    def workers(self) -> list[psutil.Process]:
        return list(psutil.Process(self.process.pid).children())

    def directory(self) -> Path:
        """Return the runtime directory."""
        files = [Path(file.path) for file in psutil.Process(self.process.pid).open_files()]
        return next(path.parent for path in files if path.name == "lock")


def _until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.02)


def _answers(server: Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        return bool(server.ask("GET", "/healthz")[0] == 200)
    except OSError:
        return False


@contextmanager
def running(folder: Path, command: list[str], **settings: object) -> Iterator[Server]:
    """Start ``command`` with ``settings`` on a free port, and stop it in the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = {
        f"STAR_FEEDBACK_{name.upper()}": str(value)
        for name, value in {"port": port, "jobs_dir": "", **settings}.items()
        if name[0] != "_"
    }
    environment = {
        **os.environ,
        **variables,
        "FAKE_SECONDS": str(settings.get("_seconds", 0)),
        # The process of jobs does not look in the working directory.
        "PYTHONPATH": str(ROOT),
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    server = Server(port, process, log)
    try:
        _until(lambda: _answers(server), 30)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        finally:
            process.kill()


FAKE = ["-m", "tests.web.fake_server"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with running(
        folder, FAKE, workers=2, deadline=1.5, rate_requests=0, rate_bytes=0, _seconds=0.01
    ) as started:
        _until(lambda: len(started.processes("built")) == 2)
        yield started


def test_serves(server: Server) -> None:
    status, reply = server.ask("POST", "/v1/feedback", {"answer": ANSWER})
    assert status == 200
    assert reply["spans"][0]["text"] == ANSWER
    assert server.ask("GET", "/readyz") == (200, {"status": "ready"})


def test_listens_on_loopback_only_and_has_no_control_socket(server: Server) -> None:
    processes = [psutil.Process(server.process.pid), *server.workers()]
    assert len(processes) == 3
    sockets = [c for process in processes for c in process.net_connections(kind="all")]
    listening = {c.laddr for c in sockets if c.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", server.port)}
    assert {c.laddr[0] for c in sockets if c.family == socket.AF_INET} == {"127.0.0.1"}
    assert not [c for c in sockets if c.family in (socket.AF_UNIX, socket.AF_INET6)]


def test_processes_leave_no_core_and_use_one_thread_each(server: Server) -> None:
    for process in server.workers():
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    built = [event for event in server.events() if event["event"] == "built"]
    assert len(built) >= 2
    for event in built:
        assert event["OMP_NUM_THREADS"] == event["OPENBLAS_NUM_THREADS"] == event["MKL_NUM_THREADS"] == "1"


#: name: (message, status)
BROKEN: dict[str, tuple[bytes, int]] = {
    "length and chunked": (_POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (_POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "length with a sign": (_POST + b"Content-Length: +2\r\n\r\n{}", 400),
    "negative length": (_POST + b"Content-Length: -2\r\n\r\n{}", 400),
    "length in hexadecimal": (_POST + b"Content-Length: 0x2\r\n\r\n{}", 400),
    "list of lengths": (_POST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    "unknown transfer coding": (_POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "chunked twice": (_POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "blank before the colon": (_POST + b"Content-Length : 2\r\n\r\n{}", 400),
    "bare line feeds": (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", 400),
    "folded header": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n", 400),
    "NUL in a header": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-A: b\0c\r\n\r\n", 400),
    "header of 100 KB": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n", 431),
    "200 headers": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-A: b\r\n" * 200 + b"\r\n", 431),
    "long path": (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "no version": (b"GET /healthz\r\n\r\n", 400),
    "HTTP/9.9": (b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n", 400),
    "odd expectation": (_POST + b"Expect: a miracle\r\nContent-Length: 2\r\n\r\n{}", 417),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "chunk size is no number": (_POST + _CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400),
    "chunk longer than said": (_POST + _CHUNKED + b"1\r\n{}\r\n0\r\n\r\n", 400),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_framing_is_refused_with_a_problem(server: Server, name: str) -> None:
    message, status = BROKEN[name]
    # Were the first request's end misread, this one would be answered too.
    follower = b"GET /version HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    got, headers, body = server.send(message + follower)
    assert got == status
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Connection"] == "close"
    assert headers["X-Request-Id"]
    for header, value in ALWAYS.items():
        assert headers[header] == value
    problem = strict_loads(body)
    assert problem["status"] == status
    assert problem["errors"]


def _chunked(*chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return _POST + _CHUNKED + body


def test_chunked_body_is_read(server: Server) -> None:
    status, _, body = server.send(_chunked(b'{"answer"', b': "a"}'))
    assert status == 200
    assert strict_loads(body)["spans"][0]["text"] == "a"


def test_chunked_body_over_the_limit_is_413(server: Server) -> None:
    status, _, body = server.send(_chunked(*[b" " * 50_000] * 8))
    assert status == 413
    assert strict_loads(body)["errors"][0]["code"] == "body_too_large"


def test_declared_length_over_the_limit_is_413_before_the_body_comes(server: Server) -> None:
    status, _, body = server.send(_POST + b"Connection: close\r\nContent-Length: 1000000000\r\n\r\n")
    assert status == 413
    assert strict_loads(body)["errors"][0]["code"] == "body_too_large"


@pytest.mark.parametrize(
    "message", [b"Content-Length: 50\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"]
)
def test_body_that_stops_half_way_is_400_after_the_deadline(server: Server, message: bytes) -> None:
    began = time.monotonic()
    status, _, body = server.send(_POST + b"Connection: close\r\n" + message)
    assert status == 400
    assert strict_loads(body)["errors"][0]["code"] == "incomplete_body"
    assert 1.5 <= time.monotonic() - began < 8


def test_slow_clients_do_not_stop_the_others(server: Server) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
    for number, connection in enumerate(slow):
        connection.sendall(_POST + b"Content-Length: 50\r\n\r\n{" if number % 2 else b"POST /v1/feed")
    began = time.monotonic()
    assert server.ask("POST", "/v1/feedback", {"answer": ANSWER})[0] == 200
    assert time.monotonic() - began < 8  # both workers' threads were all taken; the deadline freed them
    for connection in slow:
        connection.close()


def test_counts_of_all_workers_are_added_up(server: Server) -> None:
    metric = 'star_feedback_requests_total{route="/v1/feedback",status="2xx"}'
    before = server.total(metric)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: server.ask("POST", "/v1/feedback", {"answer": "a"})[0], range(60)))
    assert statuses == [200] * 60
    assert server.total(metric) == before + 60
    assert len(server.processes("request", status=200, route="/v1/feedback")) == 2
    assert {path.name for path in (server.directory() / "metrics").iterdir()} == {
        f"{kind}_{slot}.db" for kind in ("counter", "histogram", "gauge_livesum") for slot in (0, 1)
    }


def test_killed_worker_is_replaced_and_its_counts_stay(server: Server) -> None:
    metric = "star_feedback_answers_total"
    before = server.total(metric)
    assert before > 0
    victim = server.workers()[0]
    victim.kill()
    _until(lambda: victim.pid not in [w.pid for w in server.workers()] and len(server.workers()) == 2)
    assert server.ask("POST", "/v1/feedback", {"answer": "a"})[0] == 200
    assert server.total(metric) == before + 1
    assert len(list((server.directory() / "metrics").iterdir())) <= 6


def test_runtime_directory_is_private(server: Server) -> None:
    directory = server.directory()
    assert directory.stat().st_mode & 0o077 == 0
    assert {path.name for path in directory.iterdir()} >= {"lock", "metrics", "rates.sqlite"}


def test_canary_is_in_no_log_file_or_metric(server: Server) -> None:
    canary = Canary()
    text = canary.text.encode()
    messages = [
        _POST + b"Content-Length: 60\r\nConnection: close\r\n\r\n" + (b'{"answer": "%s"}' % text).ljust(60),
        _POST + b"Content-Length: 400\r\n\r\n" + text,
        _POST + b"Transfer-Encoding: chunked\r\n\r\n" + text + b"\r\n",
        _POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + text + b"\0\r\n{\r\n",
        _POST + b"Content-Length: " + text + b"\r\n\r\n",
        _POST + b"Transfer-Encoding: " + text + b"\r\n\r\n",
        _POST + b"Expect: " + text + b"\r\n\r\n",
        b"GET /" + text + b"?" + text + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        b"GET /" + text + b" HTTP/7\r\n\r\n",
        text + b"\r\n\r\n",
        text + b" / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + text + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + text + b" : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: " + text * 1_000 + b"\r\n\r\n",
    ]
    for message in messages:
        status, headers, body = server.send(message)
        if status >= 400:
            assert not canary.is_in(body + repr(headers).encode())
    found = server.log.read_bytes() + server.ask("GET", "/metrics")[1].encode()
    found += b"".join(path.read_bytes() for path in server.directory().rglob("*") if path.is_file())
    assert b"unreadable_request" in found
    assert not canary.is_in(found)


def test_every_line_of_the_log_is_json(server: Server) -> None:
    events = server.events()
    assert {"request", "unreadable_request"} <= {event["event"] for event in events}
    for event in events:
        assert {"time", "level", "process", "event"} <= event.keys()
    assert not [event for event in events if event["event"] == "failure"]


def test_term_lets_the_last_request_finish_and_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, FAKE, workers=1, waiting_line=1, _seconds=0.8) as server:
        directory = server.directory()
        with ThreadPoolExecutor(6) as pool:
            replies = [pool.submit(server.ask, "POST", "/v1/feedback", {"answer": ANSWER}) for _ in range(6)]
            _until(lambda: len([event for event in server.events() if event.get("status") == 429]) == 4)
            server.process.send_signal(signal.SIGTERM)
            statuses = sorted(reply.result()[0] for reply in replies)
        assert statuses == [200, 200, 429, 429, 429, 429]
        assert server.process.wait(15) == 0
        assert not directory.exists()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=2)


def test_rate_limit_holds_over_workers(tmp_path: Path) -> None:
    with running(tmp_path, FAKE, workers=2, rate_requests=20, _seconds=0.02) as server:
        _until(lambda: len(server.processes("built")) == 2)
        with ThreadPoolExecutor(8) as pool:
            statuses = list(
                pool.map(lambda _: server.ask("POST", "/v1/feedback", {"answer": "a"})[0], range(50))
            )
        assert statuses.count(200) == 20
        assert statuses.count(429) == 30
        assert len(server.processes("request", status=200, route="/v1/feedback")) == 2


def test_without_a_model_the_shipped_service_starts_and_says_why(tmp_path: Path) -> None:
    serve = (
        "from pathlib import Path; from service.settings import Settings; from service.web import launcher; "
        "from dataclasses import replace; settings = Settings.from_environment(); "
        f"launcher.serve(replace(settings, models_dir=Path({str(tmp_path)!r})))"
    )
    with running(tmp_path, ["-c", serve], workers=1) as server:
        assert server.ask("GET", "/healthz")[0] == 200
        status, problem = server.ask("GET", "/readyz")
        assert status == 503
        assert problem["errors"][0]["code"] == "not_ready"
        assert server.ask("POST", "/v1/feedback", {"answer": ANSWER})[0] == 503
        (event,) = [event for event in server.events() if event["event"] == "not_ready"]
        assert event["reason"] == problem["detail"]
