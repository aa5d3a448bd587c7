"""The rows of a batch beside their replies, as reports and tables want them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.batch.rows import BadRow, Row

_OFFSETS = ("start", "end", "insert_at")
_CODECS = {"utf-16": ("utf-16-le", 2), "utf-8": ("utf-8", 1)}


@dataclass(frozen=True, slots=True)
class Judged:
    """One row of a batch beside its reply, decoded from JSON, with offsets in code points.

    ``reply`` is that of ``POST /v1/feedback``, or the error line of a row that could not be judged; such a
    row may lack everything else. ``date`` and ``attempt`` are the coach's, as given.
    """

    row: int
    client: str | None
    question: str | None
    answer: str
    date: str | None
    attempt: int | None
    reply: Mapping[str, Any]


def judged(rows: Iterable[Row | BadRow], lines: Iterable[bytes]) -> Iterator[Judged]:
    """Yield each row with its reply, decoded; offsets are in code points, whatever the row asked for.

    Raises ``ValueError`` where there are not as many lines as rows.
    """
    for row, line in zip(rows, lines, strict=True):
        reply = json.loads(line)
        if isinstance(row, BadRow):
            yield Judged(row.number, None, None, "", None, None, reply)
            continue
        answer = _text(row.data.get("answer")) or ""
        yield Judged(
            row=row.number,
            client=_text(row.data.get("client")),
            question=_text(row.data.get("question")),
            answer=answer,
            date=row.date,
            attempt=row.attempt,
            reply=_in_code_points(reply, answer),
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _in_code_points(reply: dict[str, Any], answer: str) -> dict[str, Any]:
    encoding = reply.get("offset_encoding", "utf-32")
    if encoding not in _CODECS:
        return reply
    codec, width = _CODECS[encoding]
    encoded = answer.encode(codec)

    def moved(part: Mapping[str, Any]) -> dict[str, Any]:
        places = {name: part[name] for name in _OFFSETS if part.get(name) is not None}
        return {
            **part,
            **{name: len(encoded[: width * place].decode(codec)) for name, place in places.items()},
        }

    return {
        **reply,
        "spans": [moved(span) for span in reply["spans"]],
        "findings": [moved(finding) for finding in reply["findings"]],
        "offset_encoding": "utf-32",
    }
