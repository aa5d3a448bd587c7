"""Requests and replies of the public interface, and the only serialiser.

The classes check requests, describe replies and give the OpenAPI document; offsets leave here in the unit
that was asked for, floats rounded in one place, so that equal reports are equal bytes.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable, Iterable
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from service import __version__
from service.errors import InvalidRequest, Problem
from service.labels import (
    AnswerKind,
    Label,
    QuestionCategory,
    QuestionForm,
    QuestionReach,
    QuestionType,
    Severity,
)
from service.records import (
    Alignment,
    Answer,
    Comparison,
    Component,
    Finding,
    Passage,
    QuestionsReport,
    Report,
    Versions,
)

SCHEMA_VERSION = "1"
#: Code points that ``answer`` and ``context`` may have.
MAX_CHARACTERS = 20_000
#: Questions in one request, and code points that each may have.
MAX_QUESTIONS = 50
MAX_QUESTION_CHARACTERS = 2_000
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


class QuestionsRequest(_Schema):
    """What a candidate would ask the interviewer."""

    questions: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUESTION_CHARACTERS)]],
        Field(min_length=1, max_length=MAX_QUESTIONS),
    ] = Field(description="1 to 50 questions, each 1 to 2,000 code points.")
    context: _Text | None = Field(default=None, description="Text about the role or company.")
    offset_encoding: OffsetEncoding = Field(
        default="utf-32", description="The unit of every start and end of the reply."
    )


class CompareRequest(_Schema):
    """Two attempts at one question, or at two questions of one given type."""

    first: FeedbackRequest = Field(description="The earlier attempt.")
    second: FeedbackRequest = Field(description="The later attempt.")


class CorrectedSpan(_Schema):
    """A run of words and the part that a coach says it plays."""

    start: int = Field(ge=0)
    end: int = Field(ge=1)
    label: Literal[tuple(label.value for label in Label)]  # type: ignore[valid-type]


class CorrectionRequest(_Schema):
    """What the feedback on an answer should have been. It is kept, with the whole answer, to train on."""

    answer: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHARACTERS)] = Field(
        description="The answer, as it was given."
    )
    question: _Short | None = Field(default=None, description="What was asked.")
    question_type: Literal[tuple(kind.value for kind in QuestionType)] | None = Field(  # type: ignore[valid-type]
        default=None, description="As a person says; null where only the service has guessed it."
    )
    spans: Annotated[list[CorrectedSpan], Field(min_length=1, max_length=MAX_CHARACTERS)] = Field(
        description="On whole words, disjoint; together they hold every word."
    )
    findings: Annotated[list[Annotated[str, StringConstraints(max_length=100)]], Field(max_length=200)] = (
        Field(
            default=[],
            description="All that should have been found. The id of a criterion ends in ``:met`` or ``:missing``.",
        )
    )
    corrected_by: Annotated[str, StringConstraints(max_length=100, pattern=r"\S")] = Field(
        description="Who says so, by any name."
    )
    model: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="The model whose feedback is corrected, as its reply names it."
    )
    offset_encoding: OffsetEncoding = Field(default="utf-32", description="The unit of every start and end.")


class CorrectionReply(_Schema):
    """Where a correction is kept nobody can read it over HTTP; this is all that is said of it."""

    status: Literal["kept"]
    id: str
    corrected_at: str


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


class PassageReply(_Schema):
    """Words, and where they stand."""

    start: int
    end: int
    text: str


class LeftOutReply(_Schema):
    """A main theme of the context that no word of the answer touches."""

    theme: str
    context: list[PassageReply]


class TakenUpReply(_Schema):
    """A theme of the context that the answer takes up, and the words on both sides."""

    theme: str
    context: list[PassageReply]
    answer: list[PassageReply]


class AlignmentReply(_Schema):
    """What the answer takes up of the text about the role or company. It never moves the score."""

    taken_up: list[TakenUpReply]
    left_out: list[LeftOutReply]


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
    alignment: AlignmentReply | None
    stats: StatsReply
    input_warnings: list[Reason]
    offset_encoding: OffsetEncoding
    versions: VersionsReply


class QuestionReply(_Schema):
    """One question: what it asks about, how it is asked, and what it shows of the one who asks."""

    text: str
    category: QuestionCategory
    words: list[PassageReply]
    demonstrates: str
    form: QuestionForm | None
    reach: QuestionReach | None
    too_early: bool
    findings: list[FindingReply]


class UncoveredReply(_Schema):
    """A category that no question falls into, and what could be asked there."""

    category: QuestionCategory
    demonstrates: str
    suggestion: str


class RulesVersionsReply(_Schema):
    """Equal versions and an equal request give an equal reply; no model has a part in it."""

    service: str
    rules: str
    schema_: str = Field(alias="schema", serialization_alias="schema")


class QuestionsReply(_Schema):
    """The feedback on a candidate's own questions, in their order."""

    questions: list[QuestionReply]
    not_covered: list[UncoveredReply]
    offset_encoding: OffsetEncoding
    versions: RulesVersionsReply


class AttemptReply(_Schema):
    """What one of two attempts came to; the whole reply on it is that of ``/v1/feedback``."""

    id: str | None
    status: Literal["scored", "abstained"]
    reason: Reason | None = None
    question_type: TypeReply
    value: int | None
    stats: StatsReply


class PartStateReply(_Schema):
    """One of the four parts in one attempt."""

    present: bool
    score: int
    words: int


class PartChangeReply(_Schema):
    """One of the four parts in both attempts: gained, lost, kept, or missing in both."""

    component: Label
    change: Literal["gained", "lost", "kept", "missing"]
    first: PartStateReply
    second: PartStateReply


class FindingsChangeReply(_Schema):
    """Ids of problems and advice."""

    cured: list[str]
    new: list[str]
    kept: list[str]


class StrengthsChangeReply(_Schema):
    """Ids of strengths."""

    gained: list[str]
    lost: list[str]
    kept: list[str]


class PointsChangeReply(_Schema):
    """What one thing adds to each of the two scores."""

    what: str
    first: int
    second: int
    change: int


class ScoreChangeReply(_Schema):
    """``change`` is the difference of the two values, and the sum of the changes of ``parts``."""

    change: int
    parts: list[PointsChangeReply]


class CompareReply(_Schema):
    """What changed from the first attempt to the second; ``score`` is null where one was not judged."""

    first: AttemptReply
    second: AttemptReply
    parts: list[PartChangeReply]
    findings: FindingsChangeReply
    strengths: StrengthsChangeReply
    score: ScoreChangeReply | None
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
        known = ", ".join(_schema_at(schema, location[:-1]).model_fields)
        parent = "".join(f"/{part}" for part in location[:-1])
        return Problem(parent, code, f"there is a field that is not known; known are {known}")
    return Problem("".join(f"/{part}" for part in location), code, message)


def _schema_at(schema: type[BaseModel], location: Iterable[int | str]) -> type[BaseModel]:
    """Return the schema of the object at ``location``."""
    for name in location:
        field = schema.model_fields.get(str(name))
        inner = None if field is None else field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            schema = inner
    return schema


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
    kind, score = report.answer_kind, report.score
    reply |= {
        "question_type": _question_type(report),
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
        "findings": _findings(report.findings, answer, unit),
        "focus": list(report.focus),
        "alignment": None
        if report.alignment is None
        else _alignment(report.alignment, report.answer, unit, encoding),
        "stats": _stats(report),
        "input_warnings": [
            {"code": warning.code, "message": warning.message} for warning in report.input_warnings
        ],
        "offset_encoding": encoding,
        "versions": _versions(report.versions),
    }  # fmt: skip
    return reply


def questions_reply(report: QuestionsReport, encoding: OffsetEncoding = "utf-32") -> dict[str, object]:
    """Return the reply on a list of questions as plain data; offsets are into each question's own text."""
    questions = []
    for review in report.questions:
        unit = offset_unit(review.text, encoding)
        questions.append(
            {
                "text": review.text,
                "category": review.category.value,
                "words": _passages(review.words, review.text, unit),
                "demonstrates": review.demonstrates,
                "form": None if review.form is None else review.form.value,
                "reach": None if review.reach is None else review.reach.value,
                "too_early": review.is_too_early,
                "findings": _findings(review.findings, review.text, unit),
            }
        )
    return {
        "questions": questions,
        "not_covered": [
            {
                "category": missing.category.value,
                "demonstrates": missing.demonstrates,
                "suggestion": missing.suggestion,
            }
            for missing in report.not_covered
        ],
        "offset_encoding": encoding,
        "versions": {"service": __version__, "rules": report.rules, "schema": SCHEMA_VERSION},
    }


def compare_reply(comparison: Comparison) -> dict[str, object]:
    """Return the reply on two attempts as plain data."""
    return {
        "first": _attempt(comparison.first),
        "second": _attempt(comparison.second),
        "parts": [
            {
                "component": part.label.value,
                "change": _change(part.first, part.second),
                "first": _part_state(part.first),
                "second": _part_state(part.second),
            }
            for part in comparison.parts
        ],
        "findings": {
            "cured": list(comparison.cured),
            "new": list(comparison.new),
            "kept": list(comparison.kept),
        },
        "strengths": {
            "gained": list(comparison.strengths_gained),
            "lost": list(comparison.strengths_lost),
            "kept": list(comparison.strengths_kept),
        },
        "score": None
        if comparison.points is None
        else {
            "change": sum(points.change for points in comparison.points),
            "parts": [
                {
                    "what": points.what,
                    "first": points.first,
                    "second": points.second,
                    "change": points.change,
                }
                for points in comparison.points
            ],
        },
        "versions": _versions(comparison.second.versions),
    }


def _attempt(report: Report) -> dict[str, object]:
    attempt: dict[str, object] = {
        "id": report.answer.id,
        "status": "scored" if report.abstention is None else "abstained",
    }
    if report.abstention is not None:
        attempt["reason"] = {"code": report.abstention.code, "message": report.abstention.message}
    return attempt | {
        "question_type": _question_type(report),
        "value": None if report.score is None else report.score.value,
        "stats": _stats(report),
    }


def _part_state(part: Component) -> dict[str, object]:
    return {"present": part.present, "score": part.score, "words": part.words}


def _change(first: Component, second: Component) -> str:
    if first.present == second.present:
        return "kept" if first.present else "missing"
    return "gained" if second.present else "lost"


def _question_type(report: Report) -> dict[str, object]:
    guess = report.question_type
    return {"label": guess.label, "confidence": _rounded(guess.confidence), "source": guess.source}


def _findings(findings: Iterable[Finding], text: str, unit: Callable[[int], int]) -> list[dict[str, object]]:
    return [
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
            "text": None if finding.start is None else text[finding.start : finding.end],
            "insert_at": None if finding.insert_at is None else unit(finding.insert_at),
        }
        for finding in findings
    ]


def _alignment(
    alignment: Alignment, answer: Answer, unit: Callable[[int], int], encoding: OffsetEncoding
) -> dict[str, object]:
    context = answer.context or ""
    context_unit = offset_unit(context, encoding)
    return {
        "taken_up": [
            {
                "theme": theme.name,
                "context": _passages(theme.context, context, context_unit),
                "answer": _passages(theme.answer, answer.text, unit),
            }
            for theme in alignment.taken_up
        ],
        "left_out": [
            {"theme": theme.name, "context": _passages(theme.context, context, context_unit)}
            for theme in alignment.left_out
        ],
    }


def _passages(passages: Iterable[Passage], text: str, unit: Callable[[int], int]) -> list[dict[str, object]]:
    return [
        {"start": unit(place.start), "end": unit(place.end), "text": text[place.start : place.end]}
        for place in passages
    ]


def _stats(report: Report) -> dict[str, object]:
    return {
        "words": report.stats.words,
        "sentences": report.stats.sentences,
        "spoken_seconds": report.stats.spoken_seconds,
    }


def _versions(versions: Versions) -> dict[str, object]:
    return {
        "service": versions.service,
        "model": versions.model,
        "rules": versions.rules,
        "schema": versions.schema,
    }


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
