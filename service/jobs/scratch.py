"""Private folders for what is made of a job on demand; each is gone when it has been used.

A process that is killed leaves its folder, unlocked, for the next sweep.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "scratch-"
#: Seconds after which a folder that nobody has locked is one that was left.
_YOUNG = 60.0


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """Give a folder in ``parent`` that only the owner may read; it goes, with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(place)


def sweep_scratch(parent: Path) -> None:
    """Remove the folders of processes that were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        # One that was made just now may not be locked yet.
        if time.time() - os.fstat(place).st_mtime < _YOUNG:
            return False
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(place)
