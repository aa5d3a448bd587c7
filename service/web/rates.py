"""How much one key may send in a minute, counted over all worker processes in one SQLite file.

A read that turns into a write fails at once under SQLite's plain ``BEGIN`` when another process writes, busy
timeout or not; ``BEGIN IMMEDIATE`` waits its turn. Keys are stored as SHA-256 only, and for a minute.
"""

from __future__ import annotations

import fcntl
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from service.web.logs import log_failure
from service.web.problems import RateExceeded

#: Seconds after the first request of a key at which its count begins anew.
WINDOW = 60.0
#: Seconds to wait for another process's transaction, which takes well under a millisecond.
_BUSY_TIMEOUT = 1.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spent (
    key BLOB PRIMARY KEY, began REAL NOT NULL, requests INTEGER NOT NULL, bytes INTEGER NOT NULL
) WITHOUT ROWID
"""


class RateLimiter:
    """Counts requests and bytes of each key; ``path`` of ``None`` counts in this process only.

    ``requests`` and ``size`` (bytes) are what a key may send in one window; 0 sets no limit. ``clock`` must
    be the same for all processes that share the file, as ``time.monotonic`` is on Linux.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        requests: int,
        size: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._requests = requests
        self._bytes = size
        self._clock = clock
        self._lock = threading.Lock()
        if path is None:
            self._database = _connect(":memory:")
        else:
            # SQLite does not wait for its busy timeout where two connections turn a new file to WAL at once.
            with path.with_suffix(".lock").open("wb") as opening:
                fcntl.flock(opening, fcntl.LOCK_EX)
                self._database = _connect(str(path))

    def spend(self, key: bytes, size: int) -> None:
        """Count one request of ``size`` bytes for ``key``, a SHA-256 digest.

        Raises ``RateExceeded`` and counts nothing where the key has used up its share. A first request
        passes whatever its size, which has a limit of its own.
        """
        if not self._requests and not self._bytes:
            return
        try:
            with self._lock, self._database:
                self._database.execute("BEGIN IMMEDIATE")
                wait = self._count(key, size)
        except sqlite3.Error as error:
            # A full or broken disk must not stop the service: it goes on without this limit.
            log_failure(error, missed="rate limit")
            return
        if wait > 0:
            raise RateExceeded(
                f"a key may send {self._requests} requests and {self._bytes} bytes a minute",
                retry_after=math.ceil(wait),
            )

    def _count(self, key: bytes, size: int) -> float:
        """Return the seconds to wait, 0 where the request was counted."""
        now = self._clock()
        self._database.execute("DELETE FROM spent WHERE began <= ?", (now - WINDOW,))
        found = self._database.execute("SELECT began, requests, bytes FROM spent WHERE key = ?", (key,))
        row = found.fetchone()
        if row is None:
            self._database.execute("INSERT INTO spent VALUES (?, ?, 1, ?)", (key, now, size))
            return 0.0
        began, requests, spent = row
        many = self._requests and requests >= self._requests
        much = self._bytes and spent + size > self._bytes
        if many or much:
            return float(began + WINDOW - now)
        self._database.execute(
            "UPDATE spent SET requests = requests + 1, bytes = bytes + ? WHERE key = ?", (size, key)
        )
        return 0.0

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def _connect(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    # The counts are worth nothing after a crash of the machine.
    database.execute("PRAGMA synchronous=OFF")
    database.execute(_SCHEMA)
    return database
