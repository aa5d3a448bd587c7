"""Requests and replies of the public interface, and the only serialiser.

The classes check requests, describe replies and give the OpenAPI document; offsets leave here in the unit
that was asked for, floats rounded in one place, so that equal reports are equal bytes.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from service.errors import InvalidRequest, Problem
from service.labels import AnswerKind, Label, QuestionType, Severity
from service.records import Answer, Report

SCHEMA_VERSION = "1"
#: Code points that ``answer`` and ``context`` may have.
MAX_CHARACTERS = 20_000
#: Decimals of every float in a reply.
DECIMALS = 3

OffsetEncoding = Literal["utf-32", "utf-16", "utf-8"]
_Text = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS)]
Schema = TypeVar("Schema", bound=BaseModel)
_Short = Annotated[str, StringConstraints(max_length=2_000)]


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FeedbackRequest(_Schema):
    """One answer to judge. It is never altered, trimmed or normalised before offsets are taken."""

    answer: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS)] = Field(
        description="What the candidate said or wrote, 1 to 20,000 code points."
    )
    question: _Short | None = Field(default=None, description="What was asked.")
    question_type: Literal[tuple(kind.value for kind in QuestionType)] | None = Field(  # type: ignore[valid-type]
        default=None, description="Null: detected from the question, or from the answer without one."
    )
    context: _Text | None = Field(default=None, description="Text about the role or company.")
    id: _Short | None = Field(default=None, description="Returned as given; never used in scoring.")
    client: _Short | None = Field(default=None, description="Never used in scoring, never in a metric.")
    offset_encoding: OffsetEncoding = Field(
        default="utf-32", description="The unit of every start, end and insert_at of the reply."
    )

    def to_answer(self) -> Answer:
        """Return the record that the reviewer takes."""
        return Answer(
            text=self.answer,
            question=self.question,
            question_type=None if self.question_type is None else QuestionType(self.question_type),
            context=self.context,
            id=self.id,
            client=self.client,
        )


class Reason(_Schema):
    """Why an answer was not judged."""

    code: str
    message: str


class TypeReply(_Schema):
    """The question's type."""

    label: QuestionType
    confidence: float
    source: Literal["given", "detected"]


class KindReply(_Schema):
    """How the answer tells what it tells, after Bangerter, Corvalan and Cavin (2014)."""

    label: AnswerKind
    confidence: float


class SpanReply(_Schema):
    """A run of words and its part; ``text`` is the slice of the answer at these offsets."""

    start: int
    end: int
    label: Label
    confidence: float
    text: str


class ComponentReply(_Schema):
    """One of the four parts: ``share`` of the answer's words, ``score`` 0 (absent) to 3 (strong)."""

    present: bool
    confidence: float
    words: int
    share: float
    target_share: tuple[float, float]
    score: int


class ScorePartReply(_Schema):
    """Points for a finding or a component."""

    what: str
    points: int


class ScoreReply(_Schema):
    """``value`` is ``base`` plus the points of ``parts``, 0 to 100."""

    value: int
    base: int
    parts: list[ScorePartReply]


class FindingReply(_Schema):
    """One thing that a coach would say, and the words it rests on."""

    id: str
    severity: Severity
    component: Label | None
    message: str
    why: str
    advice: str
    confidence: float
    start: int | None
    end: int | None
    text: str | None
    insert_at: int | None


class StatsReply(_Schema):
    """Counts of the answer."""

    words: int
    sentences: int
    spoken_seconds: int


class VersionsReply(_Schema):
    """Equal versions and an equal request give an equal reply."""

    service: str
    model: str
    rules: str
    schema_: str = Field(alias="schema", serialization_alias="schema")


class FeedbackReply(_Schema):
    """The feedback on one answer."""

    id: str | None
    status: Literal["scored", "abstained"]
    reason: Reason | None = None
    question_type: TypeReply
    answer_kind: KindReply | None
    spans: list[SpanReply]
    components: dict[Label, ComponentReply]
    score: ScoreReply | None
    findings: list[FindingReply]
    focus: list[str]
    stats: StatsReply
    input_warnings: list[Reason]
    offset_encoding: OffsetEncoding
    versions: VersionsReply


class ErrorItem(_Schema):
    """One thing wrong with a request."""

    pointer: str
    code: str
    message: str


class ProblemReply(_Schema):
    """An error, after RFC 9457. Never repeats words of an answer."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ErrorItem]


def parse_request(data: object) -> FeedbackRequest:
    """Check a decoded request; raises ``InvalidRequest`` with every problem at once."""
    return validated(FeedbackRequest, data)


def validated(schema: type[Schema], data: object) -> Schema:
    """Return ``data`` as ``schema``.

    Raises ``InvalidRequest``: 413 where a text is too long, else 422; its problems name each field by a
    JSON pointer and never hold what was given.
    """
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        problems = tuple(
            _problem(schema, item["loc"], item["type"], item["msg"])
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        )
    status = 413 if any(problem.code == "string_too_long" for problem in problems) else 422
    raise InvalidRequest(status, "the request does not fit its schema", problems)


def _problem(schema: type[BaseModel], location: tuple[int | str, ...], code: str, message: str) -> Problem:
    if code == "extra_forbidden":  # the unknown name may be anything, also words of an answer
        known = ", ".join(schema.model_fields)
        parent = "".join(f"/{part}" for part in location[:-1])
        return Problem(parent, code, f"there is a field that is not known; known are {known}")
    return Problem("".join(f"/{part}" for part in location), code, message)


def feedback_reply(report: Report, encoding: OffsetEncoding = "utf-32") -> dict[str, object]:
    """Return the reply for ``report`` as plain data, keys in the contract's order."""
    answer = report.answer.text
    unit = offset_unit(answer, encoding)
    reply: dict[str, object] = {
        "id": report.answer.id,
        "status": "scored" if report.abstention is None else "abstained",
    }
    if report.abstention is not None:
        reply["reason"] = {"code": report.abstention.code, "message": report.abstention.message}
    guess, kind, score = report.question_type, report.answer_kind, report.score
    reply |= {
        "question_type": {
            "label": guess.label, "confidence": _rounded(guess.confidence), "source": guess.source,
        },
        "answer_kind": None
        if kind is None
        else {"label": kind.label, "confidence": _rounded(kind.confidence)},
        "spans": [
            {
                "start": unit(span.start),
                "end": unit(span.end),
                "label": span.label.value,
                "confidence": _rounded(span.confidence),
                "text": answer[span.start : span.end],
            }
            for span in report.spans
        ],
        "components": {
            label.value: {
                "present": part.present,
                "confidence": _rounded(part.confidence),
                "words": part.words,
                "share": _rounded(part.share),
                "target_share": list(part.target_share),
                "score": part.score,
            }
            for label, part in report.components.items()
        },
        "score": None
        if score is None
        else {
            "value": score.value,
            "base": score.base,
            "parts": [{"what": part.what, "points": part.points} for part in score.parts],
        },
        "findings": [
            {
                "id": finding.id,
                "severity": finding.severity.value,
                "component": None if finding.component is None else finding.component.value,
                "message": finding.message,
                "why": finding.why,
                "advice": finding.advice,
                "confidence": _rounded(finding.confidence),
                "start": None if finding.start is None else unit(finding.start),
                "end": None if finding.end is None else unit(finding.end),
                "text": None if finding.start is None else answer[finding.start : finding.end],
                "insert_at": None if finding.insert_at is None else unit(finding.insert_at),
            }
            for finding in report.findings
        ],
        "focus": list(report.focus),
        "stats": {
            "words": report.stats.words,
            "sentences": report.stats.sentences,
            "spoken_seconds": report.stats.spoken_seconds,
        },
        "input_warnings": [
            {"code": warning.code, "message": warning.message} for warning in report.input_warnings
        ],
        "offset_encoding": encoding,
        "versions": {
            "service": report.versions.service,
            "model": report.versions.model,
            "rules": report.versions.rules,
            "schema": report.versions.schema,
        },
    }  # fmt: skip
    return reply


def to_json(data: object) -> bytes:
    """Return ``data`` as one line of UTF-8 JSON; refuses NaN and infinities with ``ValueError``."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _rounded(value: float) -> float:
    return round(value, DECIMALS)


def offset_unit(text: str, encoding: OffsetEncoding) -> Callable[[int], int]:
    """Return the function that turns an offset in code points of ``text`` into ``encoding`` units."""
    if encoding == "utf-32" or text.isascii():
        return int
    wide = [
        i for i, character in enumerate(text) if ord(character) > (0xFFFF if encoding == "utf-16" else 0x7F)
    ]
    if encoding == "utf-16":
        return lambda offset: offset + bisect.bisect_left(wide, offset)
    extra = [0]
    for i in wide:
        extra.append(extra[-1] + len(text[i].encode()) - 1)
    return lambda offset: offset + extra[bisect.bisect_left(wide, offset)]
