"""One row to one line of the reply: the same bytes in any process, order, batch or engine."""

from __future__ import annotations

import json
import traceback
from typing import Literal, Protocol, get_args

from service.batch.rows import BadRow, Row
from service.errors import StarFeedbackError
from service.problem_details import coded, problem_of
from service.records import Answer, Report, Versions
from service.schemas import feedback_reply, parse_request, to_json
from service.settings import Settings

Status = Literal["scored", "abstained", "error"]
STATUSES: tuple[Status, ...] = get_args(Status)
#: An error line's id is that of a request, which may not be longer.
_LONGEST_ID = 2_000


class Reviews(Protocol):
    """What a reviewer is to those who ask it: ``service.reviewer.Reviewer``, or a fake in tests."""

    @property
    def versions(self) -> Versions:
        """What makes the reports."""

    def review(self, answer: Answer, *, deadline: float | None = None) -> Report:
        """Return the feedback on ``answer``; ``deadline`` is a ``time.monotonic`` moment."""


def load_reviewer(settings: Settings) -> Reviews:
    """Load the reviewer that ``settings`` name, and numpy and spaCy with it.

    A process can be told to call this without loading them before it has set their threads.
    """
    from service.reviewer import Reviewer

    return Reviewer.from_settings(settings)


def evaluate(row: Row | BadRow, reviewer: Reviews, *, deadline: float | None = None) -> bytes:
    """Return the line for ``row``, without its end: the reply of ``POST /v1/feedback``, or its error.

    Nothing that is wrong with a row, and no fault in judging it, is raised. Only a ``deadline``, which is a
    ``time.monotonic`` moment, makes the line depend on the time.
    """
    if isinstance(row, BadRow):
        return error_line(row, problem_of(row.problem))
    try:
        asked = parse_request(row.data)
        report = reviewer.review(asked.to_answer(), deadline=deadline)
        return to_json(feedback_reply(report, asked.offset_encoding))
    except StarFeedbackError as error:
        return error_line(row, problem_of(error))
    except Exception as fault:  # noqa: BLE001 - whatever is wrong with one row, the others are judged
        return error_line(row, coded(500, "internal_error", _fault(fault)))


def error_line(row: Row | BadRow, problem: dict[str, object]) -> bytes:
    """Return the line of a row in error."""
    row_id = row.id if isinstance(row, BadRow) else row.data.get("id")
    is_short_text = isinstance(row_id, str) and len(row_id) <= _LONGEST_ID
    return to_json({"row": row.number, "id": row_id if is_short_text else None, "error": problem})


def status_of(line: bytes) -> Status:
    """Return what became of the row that ``line`` is the reply to.

    Raises ``ValueError`` for a line that ``evaluate`` did not write.
    """
    reply = json.loads(line)
    if not isinstance(reply, dict):
        raise ValueError("a reply line is an object")
    found = "error" if "error" in reply else reply.get("status")
    for status in STATUSES:
        if found == status:
            return status
    raise ValueError("a reply line has a status or an error")


def _fault(fault: Exception) -> str:
    """Return type and place of a fault; its message may hold words of the answer."""
    innermost = list(traceback.walk_tb(fault.__traceback__))[-1]
    place = f"{innermost[0].f_globals.get('__name__', '?')}:{innermost[1]}"
    return f"the service failed on this row: {type(fault).__name__} at {place}"
