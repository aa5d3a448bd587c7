"""Two attempts at one question, side by side: what the second does better, and what it lost."""

from __future__ import annotations

import re
from collections.abc import Iterable

from service.errors import InvalidRequest, Problem
from service.labels import COMPONENTS, Severity
from service.records import Answer, Comparison, PartChange, PointsChange, Report, Score

_WORD = re.compile(r"\w+")


def check_comparable(first: Answer, second: Answer) -> None:
    """Raise ``InvalidRequest`` (422) unless both answer one question, or are said to be of one type."""
    one, other = first.question_type, second.question_type
    if one is not None and other is not None and one is not other:
        raise _refusal("question_type", "question_types_differ", "both attempts need the same question_type")
    if _said(first.question) != _said(second.question) and (one is None or other is None):
        raise _refusal(
            "question",
            "questions_differ",
            "both attempts need the same question; for two questions of one type give both the question_type",
        )


def compare(first: Report, second: Report) -> Comparison:
    """Return what changed from ``first`` to ``second``; nothing, where one of them was not judged.

    Raises ``InvalidRequest`` (422) where no question was given and the two read as answers to different types.
    """
    if first.score is None or second.score is None:
        return Comparison(first, second, (), (), (), (), (), (), (), None)
    if first.question_type.label != second.question_type.label:
        raise _refusal(
            "question_type",
            "question_types_differ",
            "the attempts read as answers to questions of different types; give the question, or its type",
        )
    weak, weak_now = _ids(first, strengths=False), _ids(second, strengths=False)
    strong, strong_now = _ids(first, strengths=True), _ids(second, strengths=True)
    return Comparison(
        first=first,
        second=second,
        parts=tuple(
            PartChange(label, first.components[label], second.components[label])
            for label in COMPONENTS
            # Of the other types of question neither has parts.
            if label in first.components and label in second.components
        ),
        cured=_without(weak, weak_now),
        new=_without(weak_now, weak),
        kept=_within(weak, weak_now),
        strengths_gained=_without(strong_now, strong),
        strengths_lost=_without(strong, strong_now),
        strengths_kept=_within(strong, strong_now),
        points=_points(first.score, second.score),
    )


def _points(first: Score, second: Score) -> tuple[PointsChange, ...]:
    """Return the points of everything that either score is made of; what is counted twice is added up."""
    one, other = _by_what(first), _by_what(second)
    return tuple(PointsChange(what, one.get(what, 0), other.get(what, 0)) for what in {**one, **other})


def _by_what(score: Score) -> dict[str, int]:
    points = {"score.base": score.base}
    for part in score.parts:
        points[part.what] = points.get(part.what, 0) + part.points
    return points


def _ids(report: Report, *, strengths: bool) -> tuple[str, ...]:
    ids = (finding.id for finding in report.findings if (finding.severity is Severity.STRENGTH) is strengths)
    return tuple(dict.fromkeys(ids))


def _without(ids: Iterable[str], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(finding_id for finding_id in ids if finding_id not in others)


def _within(ids: Iterable[str], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(finding_id for finding_id in ids if finding_id in others)


def _said(question: str | None) -> list[str]:
    return _WORD.findall((question or "").casefold())


def _refusal(field: str, code: str, message: str) -> InvalidRequest:
    return InvalidRequest(422, message, (Problem(f"/second/{field}", code, message),))
