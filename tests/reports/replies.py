"""Judged rows made by hand: replies of the real serialiser for reports that no model made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from service.batch.outcomes import Judged
from service.errors import Problem
from service.labels import AnswerKind, Label, QuestionType, Severity
from service.records import Answer, Finding, InputWarning, Report, Score, Versions
from service.reports.figures import AnswerFigures, figures_of
from service.schemas import feedback_reply
from tests.browser.marked_report import (
    STORY,
    Parts,
    abstained,
    finding,
    place,
    report_on,
    spans_of,
    story,
    text_of,
)

VERSIONS = Versions(service="0.0.0", model="hand-made", rules="1", schema="1")
QUESTION = "Tell me about a time you solved a problem."


def decoded(report: Report) -> dict[str, Any]:
    """Return the reply on a report as one reads it from a line; halves of surrogate pairs may be in it."""
    reply: dict[str, Any] = json.loads(json.dumps(feedback_reply(report)))
    return reply


def told(
    row: int = 1,
    *,
    client: str | None = "Ann",
    question: str | None = QUESTION,
    parts: Parts = STORY,
    findings: Sequence[Finding] | None = None,
    score: int | None = None,
    date: str | None = None,
    attempt: int | None = None,
    kind: AnswerKind | None = AnswerKind.STORY,
    question_type: QuestionType = QuestionType.BEHAVIOURAL,
    warnings: Sequence[InputWarning] = (),
    row_id: str | None = None,
) -> Judged:
    """Return a scored row; without ``findings`` a told ``STORY`` has some of every sort."""
    text = text_of(parts)
    answer = Answer(text, question=question, client=client, id=row_id)
    if findings is None:
        report = story(answer)
    else:
        report = report_on(
            answer, spans_of(parts), findings, kind=kind, question_type=question_type, warnings=warnings
        )
    if score is not None:
        report = replace(report, score=Score(score, score, ()))
    return Judged(row, client, question, text, date, attempt, decoded(report))


def not_judged(row: int = 1, *, client: str | None = "Ann", answer: str = "xxxx", **given: Any) -> Judged:
    """Return a row that was abstained from."""
    report = abstained(Answer(answer, question=QUESTION))
    return Judged(row, client, QUESTION, answer, given.get("date"), given.get("attempt"), decoded(report))


def in_error(
    row: int = 1, *, client: str | None = "Ann", answer: str = "", message: str = "too long"
) -> Judged:
    """Return a row in error, with the problem that the batch writes."""
    problem = Problem("/answer", "string_too_long", message)
    error = {
        "type": "about:blank",
        "title": "Content Too Large",
        "status": 413,
        "detail": "the request does not fit its schema",
        "errors": [{"pointer": problem.pointer, "code": problem.code, "message": problem.message}],
    }
    return Judged(row, client, None, answer, None, None, {"row": row, "id": None, "error": error})


def gap(finding_id: str, severity: Severity = Severity.ADVICE, component: Label | None = None) -> Finding:
    """Return a finding that is no strength, on the whole answer."""
    return finding(finding_id, severity, component)


def strength(finding_id: str, words: str, component: Label | None = None) -> Finding:
    """Return a strength with its words in ``STORY``."""
    return finding(finding_id, Severity.STRENGTH, component, at=place(text_of(STORY), words))


def figures(*judged: Judged) -> list[AnswerFigures]:
    """Return the figures of one client's rows."""
    return [figures_of(item, number=number) for number, item in enumerate(judged, start=1)]


#: A group with everything in it: two clients of several sessions, rows without a name, not judged and in error.
GROUP: tuple[Judged, ...] = (
    told(1, date="2026-01-05", attempt=1, score=40),
    told(2, client="Ben", findings=(gap("task.missing"), gap("answer.too_long")), score=55),
    told(3, date="2026-02-05", attempt=2, score=62, findings=(gap("result.not_measured"),)),
    not_judged(4, client="Ben"),
    told(5, client=None, score=71, findings=()),
    in_error(6, client="Ben"),
    told(7, date="2026-03-05", attempt=3, score=88, findings=(strength("result.measured", "By seven"),)),
    told(
        8, client="Cy", kind=None, question_type=QuestionType.SALARY, question="What do you expect?",
        findings=(gap("criterion.salary.range"), gap("against.ultimatum", Severity.PROBLEM)), score=34,
    ),
    in_error(9, client=None),
    told(10, client="Cy", score=0, findings=(gap("task.missing"),)),
    told(11, client="Ben", score=100, findings=()),
)  # fmt: skip
