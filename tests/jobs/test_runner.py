"""The runner: every row has its outcome, whatever engine, database, model or another process do."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from service.batch.evaluation import evaluate, status_of
from service.batch.pool import Pool
from service.batch.rows import BadRow, Row
from service.jobs import runner as module
from service.jobs.database import FILE_NAME, StoreFailed
from service.jobs.runner import Runner, made_by
from service.jobs.scratch import scratch
from service.jobs.store import Store, open_store
from service.records import Versions
from service.settings import Settings
from tests.batch.fakes import ObedientReviewer, load_obedient, load_refused
from tests.web.fakes import VERSIONS

from .conftest import Clock
from .uploads import OWNER, claimed, counts_expected, counts_of, expected, found, lines_in, upload_of


class FakeEngine:
    """Judges in this process; before row ``at`` it does what ``act`` does."""

    def __init__(self, *, at: int = 0, act: Any = None, versions: Versions = VERSIONS) -> None:
        self.versions = versions
        self.entered = 0
        self.left = 0
        self.judged: list[int] = []
        self._at = at
        self._act = act

    def __enter__(self) -> FakeEngine:
        self.entered += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.left += 1

    def evaluate(self, rows: Iterable[Row | BadRow]) -> Iterator[bytes]:
        reviewer = ObedientReviewer(self.versions)
        for row in rows:
            if row.number == self._at:
                self._act()
            self.judged.append(row.number)
            yield evaluate(row, reviewer)


class Told:
    """What a runner told, by the names of events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    def names(self) -> list[str]:
        return [event for event, _ in self.events]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


MakeRunner = Callable[..., Runner]


@pytest.fixture
def make_runner(place: Settings, clock: Clock, told: Told, stop: threading.Event) -> Iterator[MakeRunner]:
    """Make a runner with an engine, or with what makes one; what it opened is closed in the end."""
    with ExitStack() as stack:

        def open_one() -> Store:
            store = open_store(place, clock=clock)
            stack.callback(store.close)
            return store

        def make(engine: Any, *, stop: threading.Event = stop, **options: Any) -> Runner:
            make_engine = engine if callable(engine) else lambda: engine
            return Runner(
                place, open_store=open_one, make_engine=make_engine, stop=stop, tell=told, **options
            )

        yield make


def run_until_done(runner: Runner, stop: threading.Event, store: Store, job_id: str) -> None:
    """Run as the process does until a job is done or has failed."""
    thread = threading.Thread(target=runner.run)
    thread.start()
    latest = threading.Event()
    for _ in range(1_500):
        if found(store, job_id).state in ("done", "failed"):
            break
        latest.wait(0.02)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_jobs_are_judged_one_after_another(
    place: Settings, store: Store, clock: Clock, told: Told, stop: threading.Event, make_runner: MakeRunner
) -> None:
    engine = FakeEngine()
    runner = make_runner(engine)
    jobs = [store.create(upload_of(count)) for count in (5, 250, 0)]
    assert [runner.turn() for _ in range(4)] == [True, True, True, False]
    for job, count in zip(jobs, (5, 250, 0), strict=True):
        done = found(store, job.id)
        assert done.state == "done"
        assert counts_of(done) == counts_expected(count)
        assert done.made_by == made_by(VERSIONS, place)
        assert lines_in(store, job.id) == expected(count)
    assert (engine.entered, engine.left) == (1, 0), "the engine is kept for the next job"
    assert told.names() == ["job"] * 3


def test_told_to_stop_it_lets_go_in_mid_job_and_another_goes_on_at_once(
    store: Store, stop: threading.Event, make_runner: MakeRunner
) -> None:
    job = store.create(upload_of(30))
    engine = FakeEngine(at=10, act=stop.set)
    make_runner(engine).run()
    assert found(store, job.id).state == "queued"
    assert len(lines_in(store, job.id)) == 10
    assert engine.left == 1
    other = FakeEngine()
    make_runner(other, stop=threading.Event()).turn()
    assert other.judged == list(range(11, 31))
    assert lines_in(store, job.id) == expected(30)


def test_an_erased_job_is_given_up_and_the_next_begun(store: Store, make_runner: MakeRunner) -> None:
    job, other = store.create(upload_of(30)), store.create(upload_of(7))
    engine = FakeEngine(at=10, act=lambda: store.erase(OWNER, job.id))
    runner = make_runner(lambda: engine)
    assert runner.turn()
    assert engine.judged == list(range(1, 11)), "not a row more is judged"
    assert engine.left == 1, "no word of it stays in the engine"
    engine._at = 0
    assert runner.turn()
    assert lines_in(store, other.id) == expected(7)


def test_a_job_that_another_has_taken_over_is_left_to_it(
    store: Store, clock: Clock, told: Told, make_runner: MakeRunner
) -> None:
    job = store.create(upload_of(5))

    def lose() -> None:
        clock.now += store.lease
        claimed(store, "another")

    runner = make_runner(FakeEngine(at=3, act=lose))
    assert runner.turn()
    assert told.names() == ["job_given_up"]
    assert len(lines_in(store, job.id)) == 2
    assert found(store, job.id).state == "running"


def test_a_long_row_does_not_cost_the_job(place: Settings, told: Told, stop: threading.Event) -> None:
    """The lease is renewed while nothing comes of the engine."""
    store = open_store(replace(place, jobs_lease=0.4))
    job = store.create(upload_of(5))
    rivals = []

    def wait() -> None:
        for _ in range(12):
            threading.Event().wait(0.1)
            rivals.append(store.claim("rival"))

    engine = FakeEngine(at=3, act=wait)
    runner = Runner(place, open_store=lambda: store, make_engine=lambda: engine, stop=stop, tell=told)
    assert runner.turn()
    assert rivals == [None] * 12
    assert found(store, job.id).state == "done"
    store.close()


def test_rows_that_another_model_judged_are_judged_again(
    store: Store, stop: threading.Event, make_runner: MakeRunner
) -> None:
    job = store.create(upload_of(10))
    older = FakeEngine(at=6, act=stop.set, versions=replace(VERSIONS, model="older"))
    make_runner(older).run()
    assert len(lines_in(store, job.id)) == 6
    make_runner(FakeEngine(), stop=threading.Event()).turn()
    assert lines_in(store, job.id) == expected(10)


def test_a_row_that_ends_three_runners_is_given_up(
    place: Settings, store: Store, clock: Clock, make_runner: MakeRunner
) -> None:
    class Killed(BaseException):
        """As when the process is killed: nothing of it goes on, not even to let go."""

    job = store.create(upload_of(8))

    def die() -> None:
        raise Killed

    for _ in range(3):
        with pytest.raises(Killed):
            make_runner(FakeEngine(at=5, act=die)).turn()
        assert len(lines_in(store, job.id)) == 4
        clock.now += store.lease
    last = FakeEngine(at=5, act=die)
    make_runner(last).turn()
    assert last.judged == [6, 7, 8]
    lines = lines_in(store, job.id)
    assert lines[:4] + lines[5:] == expected(8)[:4] + expected(8)[5:]
    assert status_of(lines[4]) == "error"
    assert b'"row":5,"id":"r5"' in lines[4]
    assert b"crashed the worker 3 times" in lines[4]
    assert found(store, job.id).state == "done"


def test_a_row_that_ends_its_process_is_given_up_by_the_pool(
    store: Store, stop: threading.Event, make_runner: MakeRunner
) -> None:
    texts = ["I led one.", "CRASH", "I led three."]
    job = store.create(upload_of(texts))
    runner = make_runner(lambda: Pool(load_obedient, 1))
    run_until_done(runner, stop, store, job.id)
    lines = lines_in(store, job.id)
    assert [status_of(line) for line in lines] == ["scored", "error", "scored"]
    assert b'"code":"crashed"' in lines[1]
    assert counts_of(found(store, job.id)) == (2, 0, 1)


def test_without_a_model_a_job_waits_and_goes_on_when_there_is_one(
    store: Store, told: Told, stop: threading.Event, monkeypatch: pytest.MonkeyPatch, make_runner: MakeRunner
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.05)
    job = store.create(upload_of(5))
    attempts = iter([load_refused, load_refused, load_obedient])
    runner = make_runner(lambda: Pool(next(attempts), 1))
    run_until_done(runner, stop, store, job.id)
    assert lines_in(store, job.id) == expected(5)
    assert told.names() == ["jobs_wait", "job"], "it is told once"
    assert told.events[0][1] == {"reason": "the model is damaged"}


def test_a_fault_of_the_service_fails_the_job_and_not_the_next(
    store: Store, told: Told, make_runner: MakeRunner
) -> None:
    def fail() -> None:
        raise ValueError("words of an answer")

    job, other = store.create(upload_of(5)), store.create(upload_of(3))
    engines: list[FakeEngine] = []

    def make() -> FakeEngine:
        engines.append(FakeEngine(at=4, act=fail))
        return engines[-1]

    runner = make_runner(make)
    for _ in range(4):
        runner.turn()
    assert found(store, job.id).state == "failed"
    assert found(store, other.id).state == "done"
    assert told.names() == ["job_fault"] * 3 + ["job"]
    assert "answer" not in repr(told.events)
    assert [engine.left for engine in engines] == [1, 1, 1, 0]


def test_a_database_that_is_away_is_waited_for(
    place: Settings,
    store: Store,
    clock: Clock,
    told: Told,
    stop: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.05)
    job = store.create(upload_of(5))
    away = iter([True, True])

    def open_or_fail() -> Store:
        if next(away, False):
            raise StoreFailed("away")
        return open_store(place, clock=clock)

    runner = Runner(place, open_store=open_or_fail, make_engine=FakeEngine, stop=stop, tell=told)
    run_until_done(runner, stop, store, job.id)
    assert lines_in(store, job.id) == expected(5)
    assert told.names() == ["jobs_wait", "job"], "it is told once"


def test_an_engine_that_is_not_used_is_let_go(
    store: Store, monkeypatch: pytest.MonkeyPatch, make_runner: MakeRunner
) -> None:
    monkeypatch.setattr(module, "IDLE", -1.0)
    engine = FakeEngine()
    runner = make_runner(engine)
    store.create(upload_of(1))
    assert runner.turn()
    assert engine.left == 0
    assert not runner.turn()
    assert engine.left == 1


def test_what_is_over_is_erased_within_the_hour(
    place: Settings,
    store: Store,
    clock: Clock,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    make_runner: MakeRunner,
) -> None:
    assert module.SWEEP <= 3600
    monkeypatch.setattr(module, "SWEEP", 0.0)
    runner = make_runner(FakeEngine())
    texts = ["I led canary-of-the-sweep."]
    job = store.create(upload_of(texts))
    runner.turn()
    clock.now += place.jobs_retention - 1
    runner.turn()
    assert found(store, job.id).state == "done"
    clock.now += 1
    runner.turn()
    assert told.names() == ["job", "jobs_erased"]
    if not place.jobs_url:
        folder = Path(place.jobs_dir)
        assert (folder / FILE_NAME).stat().st_size > 0
        assert not [path for path in folder.iterdir() if b"canary-of" in path.read_bytes()]


def test_folders_that_a_killed_process_left_are_swept(store: Store, make_runner: MakeRunner) -> None:

    left, young = store.folder / "scratch-left", store.folder / "scratch-young"
    for folder in (left, young):
        folder.mkdir()
        (folder / "table").write_text("words")
    os.utime(left, (0, 0))
    with scratch(store.folder) as used:
        os.utime(used, (0, 0))
        make_runner(FakeEngine()).turn()
        assert used.is_dir()
    assert not used.exists()
    assert not left.exists()
    assert young.exists()
