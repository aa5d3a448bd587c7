"""How far a run has come, for people: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

from service.batch.run import Progress, Say

#: Seconds between two lines of a log.
LINE_EVERY = 5.0


@contextmanager
def shown_on(stream: TextIO) -> Iterator[tuple[Progress, Say]]:
    """Give what shows progress, and what says a sentence, on ``stream``: a bar where it is a terminal."""
    if stream.isatty():
        with _bar(stream) as shown:
            yield shown
    else:

        def say(words: str) -> None:
            stream.write(f"{words}\n")
            stream.flush()

        yield ProgressLines(say), say


@contextmanager
def _bar(stream: TextIO) -> Iterator[tuple[Progress, Say]]:
    # A thread of its own would only serve bars that stand still.
    tqdm.monitor_interval = 0
    bar = tqdm(total=0, unit=" rows", file=stream, dynamic_ncols=True, disable=None)

    def progress(done: int, rows: int) -> None:
        if bar.total != rows:
            # The rows of an earlier run are no work of this one: rate and time left are of the others.
            bar.total, bar.initial, bar.n = rows, done, done
            bar.refresh()
        bar.update(done - bar.n)

    with bar:
        yield progress, lambda words: tqdm.write(words, file=stream)


class ProgressLines:
    """Writes how many rows are done, how many a second, and the time left, every few seconds and at the end."""

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        every: float = LINE_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._every = every
        self._clock = clock
        self._began: tuple[float, int] | None = None
        self._told = clock()

    def __call__(self, done: int, rows: int) -> None:
        """Note that ``done`` of ``rows`` are done."""
        now = self._clock()
        if self._began is None:
            self._began = now, done
        if done == rows or now - self._told >= self._every:
            self._told = now
            self._write(self._line(now, done, rows))

    def _line(self, now: float, done: int, rows: int) -> str:
        began, before = self._began or (now, done)
        rate = (done - before) / (now - began) if now > began else 0.0
        line = f"{done} of {rows} rows"
        if rate:
            line += f", {rate:.1f} rows/s"
        if rate and done < rows:
            left = round((rows - done) / rate)
            line += f", {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"
        return line
