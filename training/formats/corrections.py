"""Corrections that coaches made on the page: labelled answers, each with who and when.

A line is a labelled answer in the project's own form (``training.corpus``); its ``meta`` names ``corrected_by`` and
``corrected_at``, an ISO 8601 moment with its offset from UTC. ``train`` takes such a file as it is; importing it also
mends and checks the spans, and of several corrections of one answer takes the newest.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from training.corpus import LabelledAnswer, told
from training.formats.fields import Number
from training.formats.lines import read_objects
from training.formats.records import Entry, ForeignSpan, Format, Item, Options, Refused

BY, AT = "corrected_by", "corrected_at"


class _Span(BaseModel):
    start: int
    end: int
    label: str


class _Meta(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]

    corrected_by: str
    corrected_at: AwareDatetime


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    text: str
    spans: list[_Span]
    meta: _Meta
    question: str | None = None
    question_type: str | None = None
    answer_kind: str | None = None
    findings: list[str] = []
    components: dict[str, int | None] | None = None
    score: Number | None = None


def _read(path: Path, _options: Options) -> Iterator[Entry]:
    for found in read_objects(path):
        yield found if isinstance(found, Refused) else _entry(*found, path.stem)


def _entry(line: int, source: dict[str, object], stem: str) -> Entry:
    try:
        row = _Row.model_validate(source)
    except ValidationError as error:
        return Refused(line, f"{stem}-{line}", (f"this is no correction: {told(error)}",), source)
    at: datetime = row.meta.corrected_at
    answer = LabelledAnswer(
        id=row.id,
        question=row.question,
        text=row.text,
        spans=(),
        question_type=row.question_type,
        answer_kind=row.answer_kind,
        findings=tuple(row.findings),
        components=row.components,
        score=row.score,
        meta={**(row.meta.model_extra or {}), BY: row.meta.corrected_by, AT: at.isoformat()},
    )
    spans = tuple(ForeignSpan(span.start, span.end, span.label) for span in row.spans)
    return Item(line, answer, spans, source, annotator=row.meta.corrected_by, at=at)


CORRECTIONS = Format("corrections", _read)
