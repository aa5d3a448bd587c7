"""Own processes that judge rows: each with its own reviewer, results in order, nothing lost when one dies.

Processes return lines of bytes, not documents: serialising spaCy's documents back costs more than a second
process gains. They are spawned, not forked, because a fork after numpy has used its threads can hang.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Protocol

from service.batch.evaluation import Reviews, error_line, evaluate
from service.batch.rows import BadRow, Row
from service.errors import StarFeedbackError
from service.problem_details import coded
from service.records import Versions
from service.schemas import to_json

#: Set before numpy is loaded: two processes whose libraries take a thread for each core slow one another.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
#: Rows that a process is given at once.
CHUNK = 8
#: Chunks for each process that may be read and not yet handed on, so that one slow row does not stop all.
_CHUNKS_AHEAD = 8
#: Processes that a row may end before it is given up.
MOST_CRASHES = 3
#: Processes that may end, one after another, before they are ready.
_MOST_FALSE_STARTS = 3

#: A row and its place in the order of results.
_Placed = tuple[int, Row | BadRow]


class Engine(Protocol):
    """What judges the rows of a batch, entered as a context: processes of this machine, or of many."""

    def __enter__(self) -> Engine:
        """Start; raises ``StarFeedbackError`` where it cannot."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, also in mid-run."""

    @property
    def versions(self) -> Versions:
        """What makes the reports; known once started."""

    def evaluate(self, rows: Iterable[Row | BadRow]) -> Iterator[bytes]:
        """Yield one line for each row, in order, as ``evaluation.evaluate`` returns it."""


class EngineFailed(StarFeedbackError):
    """The processes that should judge cannot be started, or end before they are ready."""


@dataclass(eq=False, slots=True)
class _Worker:
    """A process, and the rows that were sent to it and are not answered yet."""

    process: SpawnProcess
    connection: Connection
    is_ready: bool = False
    rows: deque[_Placed] = field(default_factory=deque)


class Pool:
    """``workers`` processes, each with the reviewer that ``load`` returns, which must be picklable.

    One evaluation at a time; one that is given up leaves the pool good for nothing but its end.
    """

    def __init__(self, load: Callable[[], Reviews], workers: int) -> None:
        self._load = load
        self._count = workers
        self._workers: list[_Worker] = []
        self._versions: Versions | None = None
        self._false_starts = 0
        self._crashes: Counter[int] = Counter()
        self._again: deque[_Placed] = deque()
        self._lines: dict[int, bytes] = {}

    def __enter__(self) -> Pool:
        with ExitStack() as stack:
            stack.callback(self._stop)
            self._workers = [self._start() for _ in range(self._count)]
            while self._versions is None:
                self._receive_from_any()
            stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def versions(self) -> Versions:
        """What makes the reports."""
        if self._versions is None:
            raise EngineFailed("the pool is not started")
        return self._versions

    def processes(self) -> list[int]:
        """Return the ids of the processes that live now."""
        return [worker.process.pid for worker in self._workers if worker.process.pid is not None]

    def evaluate(self, rows: Iterable[Row | BadRow]) -> Iterator[bytes]:
        """Yield one line for each row, in order; a row is read only when there is room for its line.

        A row that ends its process ``MOST_CRASHES`` times is an error. Raises ``EngineFailed``.
        """
        self._crashes.clear()
        source = iter(enumerate(rows))
        ahead = self._count * CHUNK * _CHUNKS_AHEAD
        read = given = 0
        is_read = False
        while True:
            while given in self._lines:
                yield self._lines.pop(given)
                given += 1
            for worker in self._idle():
                chunk = self._take_again()
                wanted = min(CHUNK, given + ahead - read)
                if not chunk and not is_read and wanted:
                    chunk = list(islice(source, wanted))
                    is_read = len(chunk) < wanted
                    read += len(chunk)
                if chunk:
                    _send(worker, chunk)
            if is_read and given == read:
                return
            # Here a row is out, or a process has yet to start: the room for rows is used first.
            self._receive_from_any()

    def _idle(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.is_ready and not worker.rows]

    def _stop(self) -> None:
        for worker in self._workers:
            _end(worker)
        self._workers = []

    def _take_again(self) -> list[_Placed]:
        return [self._again.popleft() for _ in range(min(CHUNK, len(self._again)))]

    def _receive_from_any(self) -> None:
        by_connection = {worker.connection: worker for worker in self._workers}
        for connection in wait(list(by_connection)):
            # Only connections were given to wait for.
            self._receive(by_connection[connection])  # type: ignore[index]

    def _receive(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self._replace(worker)
            return
        if worker.is_ready:
            place, _ = worker.rows.popleft()
            self._lines[place] = message
        else:
            self._welcome(worker, json.loads(message))

    def _welcome(self, worker: _Worker, message: dict[str, str]) -> None:
        if "refused" in message:
            raise EngineFailed(message["refused"])
        versions = Versions(**message)
        if self._versions not in (None, versions):
            raise EngineFailed("the model was changed while rows were judged; start again")
        worker.is_ready = True
        self._false_starts = 0
        self._versions = versions

    def _replace(self, worker: _Worker) -> None:
        """Start a process in the place of one that has ended, and keep what it had not answered."""
        self._workers.remove(worker)
        _end(worker)
        if not worker.is_ready:
            self._false_starts += 1
            if self._false_starts >= _MOST_FALSE_STARTS:
                raise EngineFailed("the processes that judge end before they are ready")
        if worker.rows:
            place, row = worker.rows[0]
            self._crashes[place] += 1
            if self._crashes[place] >= MOST_CRASHES:
                message = f"the row crashed the worker {MOST_CRASHES} times"
                self._lines[place] = error_line(row, coded(500, "crashed", message))
                worker.rows.popleft()
            self._again.extendleft(reversed(worker.rows))
        self._workers.append(self._start())

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._load), daemon=True)
        # Its start, which the first process would bring about, unblocks what is blocked here.
        resource_tracker.ensure_running()
        # An interrupt from the keyboard reaches every process of a terminal; only this one is to act on it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # With the last copy of their end the process ends, and ours says so.
        theirs.close()
        return _Worker(process, ours)


def _send(worker: _Worker, chunk: list[_Placed]) -> None:
    worker.rows.extend(chunk)
    # A process that has ended is noticed, and its rows are kept, when its answer is waited for.
    with suppress(OSError):
        worker.connection.send([row for _, row in chunk])


def _end(worker: _Worker) -> None:
    worker.connection.close()
    # It holds nothing that would have to be put away.
    worker.process.kill()
    worker.process.join()
    worker.process.close()


def _work(connection: Connection, load: Callable[[], Reviews]) -> None:
    """Judge the rows that come in until nobody sends any."""
    os.environ.update(ONE_THREAD)
    # A core dump would hold answers.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        reviewer = load()
    except StarFeedbackError as refusal:
        connection.send_bytes(to_json({"refused": str(refusal)}))
        return
    versions = reviewer.versions
    # The process that asked may have ended.
    with suppress(EOFError, OSError):
        connection.send_bytes(
            to_json(
                {
                    "service": versions.service,
                    "model": versions.model,
                    "rules": versions.rules,
                    "schema": versions.schema,
                }
            )
        )
        while True:
            for row in connection.recv():
                connection.send_bytes(evaluate(row, reviewer))
