"""The reviewer that serves now, and the watch that puts another in its place while requests go on.

A request takes the reviewer once and keeps to it until its end, also where that is the last row of a long batch.
The one before is freed with the last request that holds it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.batch.evaluation import Reviews
from service.errors import StarFeedbackError
from service.language.model_index import IndexWatch
from service.records import Versions
from service.web.logs import log_event, log_failure
from service.web.problems import NotReady

#: Seconds between two looks at the index.
LOOK = 1.0
#: Seconds before a model that was refused is tried again: its folder may just be copied.
_PATIENCE = 5.0
#: A try that fails again and again takes no more than one part in so many of the time.
_SHARE = 20

#: How the trouble of a service begins that serves all the same.
ANOTHER_SERVES = "the current model is refused, another serves on"

#: Makes the reviewer that should serve, given the one that does, if any.
Load = Callable[[Reviews | None], Reviews]


@dataclass(frozen=True, slots=True)
class _State:
    reviewer: Reviews | None
    #: Why there is none, or why it is not the one that the index names.
    trouble: str | None = None


class Serving:
    """Holds the reviewer in one reference, which is read and replaced as a whole."""

    def __init__(self, reviewer: Reviews | StarFeedbackError, *, warning: str | None = None) -> None:
        is_refused = isinstance(reviewer, StarFeedbackError)
        self._state = _State(None, str(reviewer)) if is_refused else _State(reviewer, warning)  # type: ignore[arg-type]

    def reviewer(self) -> Reviews:
        """Return the reviewer that serves now; raises ``NotReady`` where there is none."""
        state = self._state
        if state.reviewer is None:
            raise NotReady(state.trouble)
        return state.reviewer

    @property
    def versions(self) -> Versions | None:
        """What makes the replies; ``None`` while nothing does."""
        reviewer = self._state.reviewer
        return None if reviewer is None else reviewer.versions

    @property
    def trouble(self) -> str | None:
        """Why there is no reviewer, or not the one that there should be."""
        return self._state.trouble

    @property
    def now(self) -> Reviews | None:
        """The reviewer that serves now, if any."""
        return self._state.reviewer

    def take(self, reviewer: Reviews) -> None:
        """Let ``reviewer`` serve from the next request on."""
        self._state = _State(reviewer)

    def warn(self, trouble: str) -> None:
        """Go on as before, and say why."""
        self._state = _State(self._state.reviewer, trouble)


class ModelWatch:
    """Follows the index of the models folder in one process.

    A thread of its own looks at it. Were requests to look, a process that gets none would be behind, and the first
    that came would wait for the model to be loaded.
    """

    def __init__(self, serving: Serving, index: IndexWatch, load: Load) -> None:
        self._serving = serving
        self._index = index
        self._load = load
        self._told = serving.trouble
        self._again_at = 0.0

    def start(self) -> None:
        """Look again and again, in a thread that ends with its process."""
        threading.Thread(target=self._run, name="model watch", daemon=True).start()

    def turn(self) -> None:
        """Look once, and load what there is to load; nothing that is wrong with it is raised."""
        if self._index.has_changed():
            # It was written anew: whatever is wrong is told again.
            self._told = None
        elif self._serving.trouble is None or time.monotonic() < self._again_at:
            return
        began = time.monotonic()
        try:
            self._follow(began)
        except StarFeedbackError as refusal:
            self._refuse(str(refusal))
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with a model, the one before serves on
            self._refuse(f"it can't be used: {type(fault).__name__}", fault)
        ended = time.monotonic()
        self._again_at = ended + max(_PATIENCE, _SHARE * (ended - began))

    def _run(self) -> None:
        while True:
            time.sleep(LOOK)
            self.turn()

    def _follow(self, began: float) -> None:
        before = self._serving.now
        fresh = self._load(before)
        if before is not None and fresh.versions == before.versions:
            if self._serving.trouble is None:
                return
            fresh = before
        self._serving.take(fresh)
        log_event("model", model=fresh.versions.model, seconds=round(time.monotonic() - began, 3))

    def _refuse(self, reason: str, fault: Exception | None = None) -> None:
        serves_on = self._serving.now is not None
        trouble = f"{ANOTHER_SERVES}: {reason}" if serves_on else reason
        if trouble != self._told:
            log_event("model_refused", level=logging.ERROR, reason=reason)
            if fault is not None:
                log_failure(fault)
        self._told = trouble
        self._serving.warn(trouble)
