"""The journal of a run: the lines that are ready, on disk before the next, so that a killed run goes on.

It lies beside the file that is to be written, readable by its owner only, under a name that no program takes
for that file. Its first line says what the others are replies to and what made them.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from service.batch.evaluation import Status, status_of
from service.errors import StarFeedbackError
from service.schemas import to_json

#: Seconds after which lines are on the disk itself, should the machine fail.
_SYNC_EVERY = 5.0


class JournalTaken(StarFeedbackError):
    """Another run is writing to the same place."""


class Journal:
    """The journal of the run that is to write ``out``; held by one process at a time."""

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(f".{out.name}.part")
        # Never through a link that somebody else may have put there.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self.path, flags, 0o600), "r+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise JournalTaken(f"another run is writing {out.name}") from None
        if os.fstat(self._file.fileno()).st_nlink == 0:
            self._file.close()
            raise JournalTaken(f"another run has just written {out.name}")
        os.fchmod(self._file.fileno(), 0o600)
        self._first = 0
        self._synced = time.monotonic()
        self.counts: Counter[Status] = Counter()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.is_empty:
            self.path.unlink()
        self._file.close()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it, not even what it is of."""
        return os.fstat(self._file.fileno()).st_size == 0

    def resume(self, header: dict[str, object]) -> bool:
        """Keep the whole lines of a run with the same ``header``; ``False`` where there is none.

        What the interrupted run left unfinished at the end is cut off. ``counts`` says what was kept.
        """
        self._file.seek(0)
        self.counts.clear()
        if self._file.readline() != to_json(header) + b"\n":
            return False
        self._first = kept = self._file.tell()
        for line in self._file:
            if not line.endswith(b"\n") or (status := _status(line)) is None:
                break
            self.counts[status] += 1
            kept += len(line)
        self._file.seek(kept)
        self._file.truncate()
        return True

    def begin(self, header: dict[str, object]) -> None:
        """Throw away what is there and begin with ``header``."""
        self._file.seek(0)
        self._file.truncate()
        self.counts.clear()
        self._file.write(to_json(header) + b"\n")
        self._first = self._file.tell()
        self._file.flush()

    def append(self, line: bytes) -> None:
        """Add a line; when this returns it outlives this process."""
        self.counts[status_of(line)] += 1
        self._file.write(line + b"\n")
        self._file.flush()
        if time.monotonic() - self._synced > _SYNC_EVERY:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def lines(self) -> Iterator[bytes]:
        """Yield the lines, without their ends, from the first on; to be read to the end before any is added."""
        self._file.seek(self._first)
        for line in self._file:
            yield line.removesuffix(b"\n")

    def remove(self) -> None:
        """Remove the journal: what it was for is written."""
        self.path.unlink()


def _status(line: bytes) -> Status | None:
    """Return the status of a line, ``None`` for what a failing disk may have left."""
    try:
        return status_of(line)
    except (ValueError, json.JSONDecodeError, UnicodeDecodeError):
        return None
