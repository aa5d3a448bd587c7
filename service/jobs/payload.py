"""A row of a batch as bytes, and back: the same row comes out, so that its reply is the same."""

from __future__ import annotations

import json
from dataclasses import asdict

from service.batch.rows import BadRow, Row
from service.errors import InvalidRequest, Problem


def pack(row: Row | BadRow) -> bytes:
    """Return ``row``, without its number, as JSON in ASCII."""
    if isinstance(row, Row):
        packed: dict[str, object] = {"data": row.data, "date": row.date, "attempt": row.attempt}
    else:
        told = row.problem
        packed = {
            "id": row.id,
            "status": told.status,
            "detail": told.detail,
            "problems": [asdict(problem) for problem in told.problems],
        }
    return json.dumps(packed, allow_nan=False, separators=(",", ":")).encode("ascii")


def unpack(number: int, packed: bytes) -> Row | BadRow:
    """Return the row that ``pack`` was given."""
    found = json.loads(packed)
    if "data" in found:
        return Row(number, found["data"], found["date"], found["attempt"])
    problems = tuple(Problem(**problem) for problem in found["problems"])
    return BadRow(number, found["id"], InvalidRequest(found["status"], found["detail"], problems))
