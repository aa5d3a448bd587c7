"""The private directory of one running service: metrics files, the rate limiter's counts, heartbeats.

It is made anew at every start, readable by its owner only, and goes when the service stops. One that a
killed service left behind is removed at the next start: as long as a process of a service lives it holds
a lock on its directory's ``lock`` file.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PREFIX = "star-feedback-"
#: Memory, not disk, where there is such a thing: writeable also under a read-only root.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class RuntimeDirectory:
    """The directory and what is in it; ``lock`` is held open by all processes of the service."""

    path: Path
    lock: BinaryIO

    @property
    def metrics(self) -> Path:
        """The folder of prometheus_client's files."""
        return self.path / "metrics"

    @property
    def rates(self) -> Path:
        """The SQLite file of the rate limiter."""
        return self.path / "rates.sqlite"

    def remove(self) -> None:
        """Remove the directory with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.lock.close()


def make(parent: Path | None = None) -> RuntimeDirectory:
    """Make a runtime directory with mode 0700 in ``parent`` (default: shared memory, or the usual place)."""
    if parent is None:
        usable = os.access(_SHARED_MEMORY, os.W_OK | os.X_OK)
        parent = _SHARED_MEMORY if usable else Path(tempfile.gettempdir())
    _remove_orphans(parent)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    # Locked under another name first, so that no other start finds it unlocked.
    fresh = path / "fresh"
    lock = fresh.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    fresh.rename(path / _LOCK)
    runtime = RuntimeDirectory(path, lock)
    runtime.metrics.mkdir(mode=0o700)
    return runtime


def _remove_orphans(parent: Path) -> None:
    for path in parent.glob(f"{PREFIX}*/{_LOCK}"):
        if path.parent.lstat().st_uid == os.getuid() and _is_unlocked(path):
            shutil.rmtree(path.parent, ignore_errors=True)


def _is_unlocked(path: Path) -> bool:
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
