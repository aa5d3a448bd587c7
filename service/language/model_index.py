"""The index of the models folder, which names the model to serve and those that were served before it.

Reading it needs neither numpy nor spaCy, so that a process which only has to know whether it changed stays small.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from service.errors import ModelRefused
from service.settings import Settings

INDEX = "index.json"


def current_model_name(models_dir: Path) -> str:
    """Return the name that the index of ``models_dir`` gives as current; raises ``ModelRefused``."""
    try:
        index = json.loads((models_dir / INDEX).read_bytes())
        return str(index["current"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelRefused(f"the index {INDEX} of the models folder can't be read; restore it") from error


def former_model_name(models_dir: Path) -> str | None:
    """Return the name of the model that was current before, or ``None`` where the index tells of none."""
    try:
        history = json.loads((models_dir / INDEX).read_bytes())["history"]
        return str(history[-1])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def pinned(settings: Settings) -> Settings:
    """Return ``settings`` that name the model which is current now, for processes that start one after another.

    Raises ``ModelRefused``.
    """
    return replace(settings, model=settings.model or current_model_name(settings.models_dir))


class IndexWatch:
    """Tells whether the index was written anew since it was last asked, also with the same words."""

    def __init__(self, models_dir: Path) -> None:
        self._path = models_dir / INDEX
        self._seen = self._look()

    def has_changed(self) -> bool:
        """Say whether the index differs from that of the call before, or from that of the beginning."""
        before, self._seen = self._seen, self._look()
        return self._seen != before

    def _look(self) -> tuple[int, int, bytes] | None:
        try:
            state = self._path.stat()
            # Its time alone may be equal for two that were written within one tick of the clock.
            return state.st_mtime_ns, state.st_ino, self._path.read_bytes()
        except OSError:
            return None
