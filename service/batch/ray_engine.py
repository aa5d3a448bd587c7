"""Processes of a Ray cluster that judge: one of this machine's own, or one of many machines.

Each is a Ray actor with its own reviewer; this process alone sends rows, puts the lines in order and tries again
what a lost process had not answered. Ray Data would be shorter, but cannot keep what a batch promises: it tries
a row that ends its process again and again without end, or drops it with its neighbours; it reads from
files that all machines see, not from rows that come one by one; and it writes what it holds to disk when memory
is short, which answers must not be.

Whoever reaches Ray's ports can run code there, so nothing starts without the token that keeps strangers out. A
cluster that is started here listens on loopback only.
"""

from __future__ import annotations

import logging
import os
import re
import resource
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, chdir, redirect_stdout
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import service
from service.batch.evaluation import Reviews, error_line, evaluate
from service.batch.pool import MOST_CRASHES, ONE_THREAD, EngineFailed
from service.batch.rows import BadRow, Row
from service.errors import StarFeedbackError
from service.problem_details import coded
from service.records import Versions

TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 - the name of the variable, no token
TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"  # noqa: S105 - as above
_MODE = "RAY_AUTH_MODE"
#: Set to 0, a Ray that has the machine to itself listens on 127.0.0.1 instead of on every address.
LOOPBACK_ONLY = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
#: Short, since Ray puts sockets in this folder, and their names must not pass 107 bytes.
FOLDER_PREFIX = "star-ray-"
#: Rows that a process is given at once: a call takes about a millisecond, a row more than ten.
CHUNK = 16
#: Chunks for each process that may be read and not yet handed on, so that one slow row does not stop all.
_CHUNKS_AHEAD = 4
#: Processes that may end, one after another, before they are ready.
_MOST_FALSE_STARTS = 3
#: Seconds without any process that is ready; a cluster that grows on demand needs minutes for a machine.
_START_LIMIT = 600.0
#: Bytes of memory that a machine of our own shares between its processes; rows and lines hardly use it.
_SHARED_MEMORY = 128 * 1024 * 1024


class RayRefused(StarFeedbackError):
    """A run on Ray that must not or cannot be started as it was asked for; says what to do."""


def check_ray(environment: Mapping[str, str]) -> None:
    """Raise ``RayRefused`` where no token keeps strangers out, or where Ray is not installed."""
    if environment.get(_MODE, "token").lower() != "token":
        raise RayRefused(
            f"{_MODE} must be 'token', or not be set: else whoever reaches Ray's ports can run code there"
        )
    if not _token(environment):
        raise RayRefused(
            f"without a token whoever reaches Ray's ports can run code there: set {TOKEN} to a long random text "
            f"(openssl rand -hex 32 prints one), or {TOKEN_PATH} to a file with one; the same on all machines of "
            "a cluster"
        )
    if find_spec("ray") is None:
        raise RayRefused(
            "--engine ray needs the extra [ray]; install it, in the folder of the project, with: "
            "python -m pip install --require-hashes -r requirements-ray.lock"
        )


def _token(environment: Mapping[str, str]) -> str:
    given = environment.get(TOKEN, "").strip()
    path = environment.get(TOKEN_PATH, "")
    if given or not path:
        return given
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise RayRefused(f"the file that {TOKEN_PATH} names cannot be read") from None


class Judge:
    """What runs in a process of Ray. Ray keeps what it raises or prints: no words of an answer may be in it."""

    def __init__(self, load: Callable[[], Reviews]) -> None:
        self._load = load
        self._reviewer: Reviews | None = None

    def start(self) -> dict[str, str]:
        """Load the reviewer and return what its versions are, or why it is ``refused``."""
        # A core dump would hold answers.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if os.environ.get(_MODE, "").lower() != "token":
            return {
                "refused": f"a machine of the cluster was started without {_MODE}=token: whoever reaches its ports can run code there"
            }
        try:
            self._reviewer = self._load()
        except StarFeedbackError as refusal:
            return {"refused": str(refusal)}
        return asdict(self._reviewer.versions)

    def evaluate(self, rows: list[Row | BadRow]) -> list[tuple[int, bytes]]:
        """Return the line for each row, with the row's number."""
        if self._reviewer is None:
            raise EngineFailed("the process is not started")
        return [(row.number, evaluate(row, self._reviewer)) for row in rows]


@dataclass(eq=False, slots=True)
class _Actor:
    """A process of Ray, the call it has not answered, and the rows that went with it by number."""

    handle: Any
    call: Any
    is_ready: bool = False
    rows: dict[int, Row | BadRow] = field(default_factory=dict)


class RayEngine:
    """Processes of Ray, each with the reviewer that ``load`` returns, which must be picklable.

    Without an ``address`` Ray is started on this machine and ends with the run. With one, ``HOST:PORT`` or
    ``auto``, this machine must be one of that cluster's. ``workers`` is how many processes; by default one for
    each core of the machine, or of the cluster. Raises ``RayRefused``. One evaluation at a time; one that is
    given up leaves the engine good for nothing but its end. As long as it is entered, what is printed goes to
    standard error.
    """

    def __init__(
        self, load: Callable[[], Reviews], *, workers: int | None = None, address: str | None = None
    ) -> None:
        check_ray(os.environ)
        if address is not None and not re.fullmatch(r"auto|(?!\w+://)\S+:\d+", address):
            raise RayRefused("--ray-address must be HOST:PORT of the cluster's head, or auto")
        self._load = load
        self._address = address
        self._count = workers or len(os.sched_getaffinity(0))
        self._takes_all = address is not None and workers is None
        self._stack = ExitStack()
        self._ray: Any = None
        self._remote: Any = None
        self._actors: list[_Actor] = []
        self._versions: Versions | None = None
        self._false_starts = 0
        self._crashes: Counter[int] = Counter()
        self._again: deque[list[Row | BadRow]] = deque()
        self._lines: dict[int, bytes] = {}

    def __enter__(self) -> RayEngine:
        with ExitStack() as stack:
            self._connect(stack)
            self._actors = [self._start() for _ in range(self._count)]
            while self._versions is None:
                self._receive()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def versions(self) -> Versions:
        """What makes the reports."""
        if self._versions is None:
            raise EngineFailed("the processes of Ray are not started")
        return self._versions

    def evaluate(self, rows: Iterable[Row | BadRow]) -> Iterator[bytes]:
        """Yield one line for each row, in order; a row is read only when there is room for its line.

        A row that ends its process ``MOST_CRASHES`` times is an error. Raises ``EngineFailed``.
        """
        self._crashes.clear()
        source = iter(rows)
        waiting: deque[int] = deque()
        is_read = False
        while True:
            while waiting and waiting[0] in self._lines:
                yield self._lines.pop(waiting.popleft())
            for actor in self._idle():
                chunk = self._again.popleft() if self._again else []
                room = min(CHUNK, self._count * CHUNK * _CHUNKS_AHEAD - len(waiting))
                if not chunk and not is_read and room:
                    chunk = list(islice(source, room))
                    is_read = len(chunk) < room
                    waiting.extend(row.number for row in chunk)
                if chunk:
                    actor.rows = {row.number: row for row in chunk}
                    actor.call = actor.handle.evaluate.remote(chunk)
            if is_read and not waiting:
                return
            # Here a row is out, or a process has yet to start: the room for rows is used first.
            self._receive()

    def _connect(self, stack: ExitStack) -> None:
        """Join the cluster, or start one, and leave it again with ``stack``."""
        # Ray reads them when it is imported, and what it starts inherits them.
        os.environ.update({_MODE: "token", "RAY_USAGE_STATS_ENABLED": "0", **ONE_THREAD})
        if self._address is None:
            os.environ[LOOPBACK_ONLY] = "0"
        import ray

        self._ray = ray
        # Ray opens what it is given to all users of the machine; within this folder nobody else gets there.
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, ignore_cleanup_errors=True)
        )
        # Ray reports the end of a process on what is for results.
        stack.enter_context(redirect_stdout(sys.stderr))
        stack.callback(ray.shutdown)
        try:
            # Ray's processes look for modules where this one stands, whatever lies there.
            with chdir(folder):
                ray.init(
                    address=self._address or "local",
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    **(_joining() if self._address else _starting(Path(folder), self._count)),
                )
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            # Nothing of an answer was sent yet.
            told = f"{type(error).__name__}: {error}"
            if self._address is None:
                raise EngineFailed(f"Ray cannot be started here: {told}") from None
            raise EngineFailed(
                f"the cluster at {self._address} cannot be used; is it there, and is the token the same? {told}"
            ) from None
        if self._takes_all:
            self._count = max(1, int(ray.cluster_resources().get("CPU", 1)))
        stack.callback(self._kill_all)
        # What is lost is tried again here, where it is known which row it was and how often.
        self._remote = ray.remote(Judge).options(num_cpus=1, max_restarts=0, max_task_retries=0)

    def _kill_all(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors = []

    def _start(self) -> _Actor:
        handle = self._remote.remote(self._load)
        return _Actor(handle, handle.start.remote())

    def _idle(self) -> list[_Actor]:
        return [actor for actor in self._actors if actor.call is None]

    def _receive(self) -> None:
        by_call = {actor.call: actor for actor in self._actors if actor.call is not None}
        is_judging = any(actor.rows for actor in self._actors)
        found, _ = self._ray.wait(list(by_call), timeout=None if is_judging else _START_LIMIT)
        if not found:
            raise EngineFailed(f"the cluster gave no process within {_START_LIMIT:.0f} seconds")
        found, _ = self._ray.wait(list(by_call), num_returns=len(by_call), timeout=0)
        for call in found:
            self._take(by_call[call])

    def _take(self, actor: _Actor) -> None:
        """Take what an actor's call came to."""
        errors = self._ray.exceptions
        try:
            answer = self._ray.get(actor.call)
        except errors.RayTaskError as fault:
            # Its message may hold words of an answer.
            raise EngineFailed(f"a process of Ray failed: {type(fault.cause).__name__}") from None
        except errors.RayError:
            self._replace(actor)
            return
        actor.call = None
        if not actor.is_ready:
            self._welcome(actor, answer)
            return
        for number, line in answer:
            # A row is answered once, whatever Ray delivers.
            if actor.rows.pop(number, None) is not None:
                self._lines[number] = line

    def _welcome(self, actor: _Actor, message: dict[str, str]) -> None:
        if "refused" in message:
            raise EngineFailed(message["refused"])
        versions = Versions(**message)
        if self._versions not in (None, versions):
            raise EngineFailed(
                "the machines of the cluster judge by different versions; install the same on all"
            )
        actor.is_ready = True
        self._false_starts = 0
        self._versions = versions

    def _replace(self, actor: _Actor) -> None:
        """Start an actor in the place of one that is lost, and keep what it had not answered.

        Of many rows it is not known which one ended the process; each is tried again alone.
        """
        self._actors.remove(actor)
        self._ray.kill(actor.handle)
        if not actor.is_ready:
            self._false_starts += 1
            if self._false_starts >= _MOST_FALSE_STARTS:
                raise EngineFailed(
                    "the processes of Ray end before they are ready; on every machine of a cluster the project must "
                    f"be installed, and Ray be started with {_MODE}=token"
                )
        for number, row in actor.rows.items():
            self._crashes[number] += 1
            if self._crashes[number] < MOST_CRASHES:
                self._again.append([row])
            else:
                message = f"the row crashed the worker {MOST_CRASHES} times"
                self._lines[number] = error_line(row, coded(500, "crashed", message))
        self._actors.append(self._start())


def _joining() -> dict[str, object]:
    """Return the options for a cluster that is there."""
    return {"runtime_env": {"env_vars": ONE_THREAD}}


def _starting(folder: Path, workers: int) -> dict[str, object]:
    """Return the options for a cluster of this machine alone, which keeps its files in ``folder``."""
    # The same package again, whatever a folder named "service" elsewhere holds.
    paths = [str(Path(service.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": _SHARED_MEMORY,
        "runtime_env": {
            "env_vars": {**ONE_THREAD, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
        },
        "_temp_dir": str(folder / "r"),
        # Else answers would be written to the disk where the shared memory is full.
        "_system_config": {"automatic_object_spilling_enabled": False},
    }
