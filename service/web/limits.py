"""One analysis at a time in a process, a short line of requests that wait for it, and no more.

Without a line of its own a threaded server takes every request in and answers all of them late; with one, it
says at once that it is full, so that those it took stay quick.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.errors import DeadlineExceeded, Overloaded


class WaitingLine:
    """First come, first served; ``room`` requests may wait for the one whose turn it is.

    ``watch`` is called with the number that wait, whenever it changes.
    """

    def __init__(self, room: int, *, watch: Callable[[int], object] = lambda _waiting: None) -> None:
        self._room = room
        self._watch = watch
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, *, deadline: float) -> Iterator[None]:
        """Hold the turn for the block.

        ``deadline`` is a ``time.monotonic`` moment. Raises ``Overloaded`` at once where the line is full,
        ``DeadlineExceeded`` where the turn does not come before the deadline.
        """
        called = self._join()
        if not called.wait(max(0.0, deadline - time.monotonic())) and self._leave(called):
            raise DeadlineExceeded
        try:
            yield
        finally:
            self._pass_on()

    def _join(self) -> threading.Event:
        called = threading.Event()
        with self._lock:
            if not self._taken:
                self._taken = True
                called.set()
            elif len(self._waiting) < self._room:
                self._waiting.append(called)
                self._watch(len(self._waiting))
            else:
                raise Overloaded("too many requests are waiting already; try again in a moment")
        return called

    def _leave(self, called: threading.Event) -> bool:
        """Leave the line; ``False`` where the turn came in the very moment of leaving."""
        with self._lock:
            if called.is_set():
                return False
            self._waiting.remove(called)
            self._watch(len(self._waiting))
            return True

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
                self._watch(len(self._waiting))
            else:
                self._taken = False
