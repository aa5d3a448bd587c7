"""The rate limit: exact over processes, by key, for a minute."""

from __future__ import annotations

import hashlib
import multiprocessing
import sqlite3
import threading
from pathlib import Path

import pytest

from service.web.problems import RateExceeded
from service.web.rates import WINDOW, RateLimiter

from .conftest import MakeApp, assert_problem

KEY, OTHER = hashlib.sha256(b"a").digest(), hashlib.sha256(b"b").digest()


class _Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _limiter(path: Path | None = None, *, requests: int = 3, size: int = 0) -> tuple[RateLimiter, _Clock]:
    clock = _Clock()
    return RateLimiter(path, requests=requests, size=size, clock=clock), clock


def test_requests_are_counted_for_a_minute() -> None:
    limiter, clock = _limiter()
    for _ in range(3):
        limiter.spend(KEY, 10)
    clock.now += 20.5
    with pytest.raises(RateExceeded) as refused:
        limiter.spend(KEY, 10)
    assert refused.value.retry_after == 40
    limiter.spend(OTHER, 10)
    clock.now += refused.value.retry_after
    for _ in range(3):
        limiter.spend(KEY, 10)


def test_bytes_are_counted_too_and_a_refused_request_costs_nothing() -> None:
    limiter, _ = _limiter(requests=0, size=100)
    limiter.spend(KEY, 60)
    for _ in range(5):
        with pytest.raises(RateExceeded):
            limiter.spend(KEY, 41)
    limiter.spend(KEY, 40)
    with pytest.raises(RateExceeded):
        limiter.spend(KEY, 1)


def test_first_request_passes_whatever_its_size() -> None:
    limiter, _ = _limiter(requests=0, size=100)
    limiter.spend(KEY, 101)
    with pytest.raises(RateExceeded):
        limiter.spend(KEY, 1)


def test_zero_is_no_limit() -> None:
    limiter, _ = _limiter(requests=0, size=0)
    for _ in range(1_000):
        limiter.spend(KEY, 10**9)


def test_file_forgets_keys_after_the_minute(tmp_path: Path) -> None:
    limiter, clock = _limiter(tmp_path / "rates.sqlite")
    for number in range(50):
        limiter.spend(hashlib.sha256(bytes([number])).digest(), 1)
    clock.now += WINDOW
    limiter.spend(KEY, 1)
    rows = sqlite3.connect(tmp_path / "rates.sqlite").execute("SELECT key FROM spent").fetchall()
    assert rows == [(KEY,)]


def test_broken_file_does_not_stop_the_service(tmp_path: Path) -> None:
    limiter, _ = _limiter(tmp_path / "rates.sqlite", requests=1)
    limiter.spend(KEY, 1)
    sqlite3.connect(tmp_path / "rates.sqlite").execute("DROP TABLE spent")
    for _ in range(3):
        limiter.spend(KEY, 1)


def _open_many(folder: Path, together: threading.Barrier) -> None:
    for number in range(200):
        together.wait(15)
        RateLimiter(folder / f"{number}.sqlite", requests=1, size=0).close()


def test_processes_that_start_together_can_all_open_the_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(4)
    processes = [context.Process(target=_open_many, args=(tmp_path, together)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]


def _spend_many(
    path: Path, tries: int, start: threading.Barrier, passed: multiprocessing.Queue[tuple[int, int]]
) -> None:
    start.wait(30)
    limiter = RateLimiter(path, requests=100, size=0)
    refused = 0
    for _ in range(tries):
        try:
            limiter.spend(KEY, 1)
        except RateExceeded:
            refused += 1
    passed.put((tries - refused, refused))


def test_two_processes_share_one_limit(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    passed: multiprocessing.Queue[tuple[int, int]] = context.Queue()
    path, start = tmp_path / "rates.sqlite", context.Barrier(2)
    processes = [context.Process(target=_spend_many, args=(path, 150, start, passed)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    counts = [passed.get(timeout=5) for _ in processes]
    assert sum(ok for ok, _ in counts) == 100
    assert sum(refused for _, refused in counts) == 200
    (row,) = sqlite3.connect(path).execute("SELECT key, requests, bytes FROM spent").fetchall()
    assert row == (KEY, 100, 100)


def test_over_http_the_limit_is_429_with_retry_after(make_app: MakeApp) -> None:
    client = make_app(rate_requests=2).test_client()
    for _ in range(2):
        assert client.post("/v1/feedback", json={"answer": "a"}).status_code == 200
    response = client.post("/v1/feedback", json={"answer": "a"})
    assert_problem(response, 429, "rate_exceeded")
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    elsewhere = {"REMOTE_ADDR": "127.0.0.2"}
    assert client.post("/v1/feedback", json={"answer": "a"}, environ_overrides=elsewhere).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_malformed_requests_count_as_well(make_app: MakeApp) -> None:
    client = make_app(rate_requests=2).test_client()
    statuses = [
        client.post("/v1/feedback", data=b"{", content_type="application/json").status_code for _ in range(3)
    ]
    assert statuses == [400, 400, 429]


def test_bytes_over_http(make_app: MakeApp) -> None:
    client = make_app(rate_bytes=1_000).test_client()
    assert client.post("/v1/feedback", json={"answer": "a" * 900}).status_code == 200
    assert_problem(client.post("/v1/feedback", json={"answer": "a" * 100}), 429, "rate_exceeded")
