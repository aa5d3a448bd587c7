"""One JSON object a line on standard error: ids, numbers and names from the code, never text of a request.

An exception is logged as its type and the place in the code that raised it. Its message and the values of
variables are left out, since either may hold words of an answer.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from types import TracebackType

_LOGGER = logging.getLogger("service.web")


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON; ``extra={"fields": {...}}`` adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "process": record.process,
            "event": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            line |= _failure_fields(record.exc_info[1])
        return json.dumps(line)


def configure() -> None:
    """Send the log of this package to standard error as JSON; the root logger stays as it is."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    _LOGGER.handlers = [handler]
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False


def log_event(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log ``event`` with ``fields``; neither may hold anything of a request but its id and sizes."""
    _LOGGER.log(level, event, extra={"fields": fields})


def log_failure(error: BaseException, **fields: object) -> None:
    """Log that ``error`` was raised: its type and where, never its message."""
    log_event("failure", level=logging.ERROR, **fields, **_failure_fields(error))


def _failure_fields(error: BaseException) -> dict[str, object]:
    return {"type": type(error).__name__, "where": _place(error.__traceback__)}


def _place(trace: TracebackType | None) -> list[str]:
    """Return the last places of a traceback as ``module:line``, the innermost last."""
    innermost = list(traceback.walk_tb(trace))[-5:]
    return [f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in innermost]
