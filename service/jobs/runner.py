"""The runner of jobs: claims one after another, has their rows judged, and keeps each outcome at once.

It judges nothing itself: rows go to a pool of processes, so that one that ends its process ends only that. A
runner that is killed leaves a job that is free again when its lease is over; the next goes on behind the last
outcome. Where a job has ended three runners at the same row, that row is given up.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict

from service.batch.evaluation import error_line, status_of
from service.batch.pool import MOST_CRASHES, Engine
from service.batch.rows import BadRow, Row
from service.errors import StarFeedbackError
from service.jobs.scratch import sweep_scratch
from service.jobs.store import Lease, LeaseLost, Store
from service.problem_details import coded
from service.records import Versions
from service.schemas import to_json
from service.settings import Settings

#: Seconds between two looks for a job.
POLL = 0.5
#: Seconds before another attempt where the model or the database cannot be used.
PAUSE = 5.0
#: Seconds between two sweeps.
SWEEP = 60.0
#: Seconds without a job after which the processes that judge, and their memory, are let go.
IDLE = 300.0


class Runner:
    """Works on jobs in this process until ``stop`` is set.

    ``open_store`` and ``make_engine`` are called when they are first needed, and again after a failure. ``tell``
    gets the name of an event, and figures by name; never a word of a row. ``is_outdated`` says whether there may be
    another model since it was last asked, which is before each job: that is judged by it, where it can be used.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        open_store: Callable[[], Store],
        make_engine: Callable[[], Engine],
        stop: threading.Event,
        tell: Callable[..., object],
        is_outdated: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._open_store = open_store
        self._make_engine = make_engine
        self._stop = stop
        self._tell = tell
        self._is_outdated = is_outdated
        self._is_behind = False
        self._holder = secrets.token_hex(16)
        self._opened: Store | None = None
        self._engine: Engine | None = None
        self._used = 0.0
        self._swept: float | None = None

    def run(self) -> None:
        """Work until told to stop; nothing that goes wrong with jobs, engine or database is raised."""
        waits_for = ""
        try:
            while not self._stop.is_set():
                try:
                    worked = self.turn()
                except StarFeedbackError as error:
                    # The job goes on when the model or the database can be used again.
                    if str(error) != waits_for:
                        waits_for = str(error)
                        self._tell("jobs_wait", reason=waits_for)
                    self._stop.wait(PAUSE)
                    continue
                waits_for = ""
                if not worked:
                    self._stop.wait(POLL)
        finally:
            self._let_engine_go()
            if self._opened is not None:
                self._opened.close()

    def turn(self) -> bool:
        """Sweep where it is time to, and work on one job; say whether there was one.

        Raises ``StoreFailed`` and what keeps an engine from starting.
        """
        store = self._store()
        self._sweep_in_time(store)
        lease = store.claim(self._holder)
        if lease is None:
            if self._engine is not None and time.monotonic() - self._used > IDLE:
                self._let_engine_go()
            return False
        began = time.monotonic()
        try:
            with self._kept(store, lease):
                judged = self._judge(store, lease)
        except LeaseLost:
            self._let_engine_go()
            self._tell("job_given_up")
            return True
        except StarFeedbackError:
            self._let_engine_go()
            with suppress(StarFeedbackError):
                store.release(lease)
            raise
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with one job, the others are judged
            self._let_engine_go()
            with suppress(LeaseLost):
                self._tell("job_fault", state=store.note_fault(lease), type=type(fault).__name__)
            return True
        self._used = time.monotonic()
        self._tell("job", judged=judged, seconds=round(self._used - began, 3))
        return True

    def _judge(self, store: Store, lease: Lease) -> int:
        """Judge the rows without an outcome; return how many were."""
        engine = self._started()
        if store.begin(lease, made_by(engine.versions, self._settings)) > MOST_CRASHES:
            _give_up_first(store, lease)
        sent: deque[int] = deque()
        judged = 0
        for line in engine.evaluate(_noted(store.pending(lease), sent)):
            store.record(lease, sent.popleft(), status_of(line), line)
            judged += 1
            if self._stop.is_set():
                store.release(lease)
                self._let_engine_go()
                return judged
        store.finish(lease)
        return judged

    @contextmanager
    def _kept(self, store: Store, lease: Lease) -> Iterator[None]:
        """Say again and again that the job is held, also while a model is loaded or a row takes long."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(store.lease / 4):
                # Who records an outcome learns of the same trouble, and acts on it.
                with suppress(StarFeedbackError):
                    store.renew(lease)

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _store(self) -> Store:
        if self._opened is None:
            self._opened = self._open_store()
        return self._opened

    def _started(self) -> Engine:
        self._is_behind = self._is_outdated() or self._is_behind
        if self._engine is None:
            self._engine = self._make_engine().__enter__()
            self._is_behind = False
        elif self._is_behind:
            self._follow()
        return self._engine

    def _follow(self) -> None:
        """Put an engine of the present model in the place of the one that there is, which else stays."""
        try:
            engine = self._make_engine().__enter__()
        except StarFeedbackError as refusal:
            self._tell("model_refused", reason=str(refusal))
            return
        self._let_engine_go()
        self._engine, self._is_behind = engine, False

    def _let_engine_go(self) -> None:
        """End the engine, also in mid-run: it holds nothing that is not in the store."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.__exit__(None, None, None)

    def _sweep_in_time(self, store: Store) -> None:
        now = time.monotonic()
        if self._swept is not None and now - self._swept < SWEEP:
            return
        erased = store.sweep()
        sweep_scratch(store.folder)
        self._swept = now
        if erased:
            self._tell("jobs_erased", jobs=erased)


def made_by(versions: Versions, settings: Settings) -> str:
    """Return all that outcomes depend on besides their rows, as JSON."""
    limits = {"max_tokens": settings.max_tokens, "max_sentences": settings.max_sentences}
    return to_json({"versions": asdict(versions), "limits": limits}).decode()


def _noted(rows: Iterator[Row | BadRow], sent: deque[int]) -> Iterator[Row | BadRow]:
    """Yield ``rows``, noting the number of each: their lines come in the same order."""
    for row in rows:
        sent.append(row.number)
        yield row


def _give_up_first(store: Store, lease: Lease) -> None:
    for row in store.pending(lease):
        message = f"the row crashed the worker {MOST_CRASHES} times"
        store.record(lease, row.number, "error", error_line(row, coded(500, "crashed", message)))
        return
