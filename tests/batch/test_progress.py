"""Progress for people: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import io
import threading

from service.batch.progress import ProgressLines, shown_on


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_every_few_seconds_and_at_the_end() -> None:
    lines: list[str] = []
    now = [100.0]
    progress = ProgressLines(lines.append, every=5.0, clock=lambda: now[0])
    for done in range(40, 101):
        progress(done, 100)
        now[0] += 0.5
    assert lines == [
        "50 of 100 rows, 2.0 rows/s, 0:00:25 left",
        "60 of 100 rows, 2.0 rows/s, 0:00:20 left",
        "70 of 100 rows, 2.0 rows/s, 0:00:15 left",
        "80 of 100 rows, 2.0 rows/s, 0:00:10 left",
        "90 of 100 rows, 2.0 rows/s, 0:00:05 left",
        "100 of 100 rows, 2.0 rows/s",
    ]


def test_long_times_are_hours() -> None:
    lines: list[str] = []
    now = [0.0]
    progress = ProgressLines(lines.append, every=5.0, clock=lambda: now[0])
    progress(0, 100_000)
    now[0] = 10.0
    progress(10, 100_000)
    assert lines == ["10 of 100000 rows, 1.0 rows/s, 27:46:30 left"]


def test_a_stream_gets_plain_lines() -> None:
    stream = io.StringIO()
    with shown_on(stream) as (progress, say):
        say("going on")
        progress(0, 0)
    assert stream.getvalue() == "going on\n0 of 0 rows\n"


def test_a_terminal_gets_a_bar_with_rate_and_time_left() -> None:
    terminal = Terminal()
    with shown_on(terminal) as (progress, say):
        progress(10, 40)
        say("a sentence")
        for done in range(11, 41):
            progress(done, 40)
    shown = terminal.getvalue()
    assert "a sentence\n" in shown
    assert "25%" in shown
    assert "10/40" in shown
    assert "100%" in shown
    assert "40/40" in shown
    assert "rows/s" in shown
    assert "<" in shown, "time left"
    assert [thread.name for thread in threading.enumerate() if "TMonitor" in type(thread).__name__] == []
