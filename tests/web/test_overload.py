"""More requests than can be served: some are refused at once, the others are answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from service.errors import DeadlineExceeded, Overloaded
from service.web.limits import WaitingLine

from .conftest import MakeApp, assert_problem, strict_loads
from .fakes import ANSWER, FakeReviewer


def _post(app: Flask, ready: threading.Barrier | None = None) -> tuple[int, float, object]:
    """Send one answer; return the status, the seconds it took and the response."""
    client = app.test_client()
    if ready is not None:
        ready.wait()
    began = time.monotonic()
    response = client.post("/v1/feedback", json={"answer": ANSWER})
    return response.status_code, time.monotonic() - began, response


def _post_many(app: Flask, count: int) -> list[tuple[int, float, object]]:
    ready = threading.Barrier(count)
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: _post(app, ready), range(count)))


def _until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.002)


def test_extra_requests_are_refused_at_once_and_the_others_answered(make_app: MakeApp) -> None:
    reviewer = FakeReviewer(seconds=0.4)
    app = make_app(reviewer, waiting_line=4)
    replies = _post_many(app, 20)
    accepted = [(seconds, reply) for status, seconds, reply in replies if status == 200]
    refused = [(seconds, reply) for status, seconds, reply in replies if status == 429]
    assert len(accepted) == 5
    assert len(refused) == 15
    for seconds, reply in refused:
        assert_problem(reply, 429, "line_full")  # type: ignore[arg-type]
        assert seconds < 0.4  # sooner than one answer takes
    for _, reply in accepted:
        assert strict_loads(reply.data)["status"] == "scored"  # type: ignore[attr-defined]
    assert reviewer.most_at_once == 1
    assert reviewer.reviewed == 5
    assert _post(app)[0] == 200  # and it has recovered


def test_health_is_answered_while_the_line_is_full(make_app: MakeApp) -> None:
    app = make_app(FakeReviewer(seconds=1), waiting_line=1)
    with ThreadPoolExecutor(4) as pool:
        replies = [pool.submit(_post, app) for _ in range(4)]
        _until(lambda: "star_feedback_waiting 1.0" in app.test_client().get("/metrics").text)
        began = time.monotonic()
        assert app.test_client().get("/healthz").status_code == 200
        assert time.monotonic() - began < 0.5
    assert sorted(reply.result()[0] for reply in replies) == [200, 200, 429, 429]
    assert "star_feedback_waiting 0.0" in app.test_client().get("/metrics").text


def test_answer_that_takes_too_long_is_503(make_app: MakeApp) -> None:
    app = make_app(FakeReviewer(seconds=5), deadline=0.1)
    status, seconds, reply = _post(app)
    assert status == 503
    assert 0.1 <= seconds < 3
    assert_problem(reply, 503, "deadline")  # type: ignore[arg-type]


def test_wait_counts_towards_the_deadline(make_app: MakeApp) -> None:
    # One long stage: the second one looks up when all who wait are past their deadlines, however they started.
    reviewer = FakeReviewer(seconds=1.0, stage=1.0)
    app = make_app(reviewer, deadline=1.5, waiting_line=8)
    replies = _post_many(app, 6)
    answered = [seconds for status, seconds, _ in replies if status == 200]
    late = [seconds for status, seconds, _ in replies if status == 503]
    assert len(answered) == 1
    assert len(late) == 5
    assert max(late) < 3
    # Whoever gave up in the line never took the reviewer's time.
    assert reviewer.reviewed == 2


def test_failure_passes_the_turn_on(make_app: MakeApp) -> None:
    reviewer = FakeReviewer(failure=ValueError("x"))
    app = make_app(reviewer, waiting_line=0)
    assert [_post(app)[0] for _ in range(3)] == [500, 500, 500]
    reviewer.failure = None
    assert _post(app)[0] == 200


def test_line_is_first_come_first_served() -> None:
    waiting: list[int] = []
    line = WaitingLine(5, watch=waiting.append)
    order: list[int] = []

    def take(number: int) -> None:
        with line.turn(deadline=time.monotonic() + 5):
            order.append(number)

    with line.turn(deadline=time.monotonic() + 5):
        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            _until(lambda number=number: len(waiting) == number + 1)  # type: ignore[misc]
        with pytest.raises(Overloaded), line.turn(deadline=time.monotonic() + 5):
            pass
    for thread in threads:
        thread.join(5)
    assert order == [0, 1, 2, 3, 4]
    assert waiting == [1, 2, 3, 4, 5, 4, 3, 2, 1, 0]


def test_who_gives_up_leaves_the_line() -> None:
    line = WaitingLine(1)
    with line.turn(deadline=time.monotonic() + 5):
        for _ in range(3):  # the place is free again each time
            with pytest.raises(DeadlineExceeded), line.turn(deadline=time.monotonic() + 0.01):
                pass
    with line.turn(deadline=time.monotonic()):
        pass


def test_line_under_strain_never_loses_the_turn() -> None:
    line = WaitingLine(3)
    inside, most, done = [0], [0], [0]
    guard = threading.Lock()

    def take(number: int) -> None:
        for _ in range(40):
            try:
                with line.turn(deadline=time.monotonic() + 0.001 * (number % 4)):
                    with guard:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    time.sleep(0.0005)
                    with guard:
                        inside[0] -= 1
                        done[0] += 1
            except (Overloaded, DeadlineExceeded):
                continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(8)))
    assert most == [1]
    assert done[0] > 0
    with line.turn(deadline=time.monotonic()):
        pass
