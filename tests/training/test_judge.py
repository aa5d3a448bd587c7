"""How far the service agrees with readers, worked out on a handful of answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.labels import Severity
from service.records import Finding, Report
from service.reviewer import Reviewer
from training.corpus import LabelledAnswer
from training.judge import judge, raised, review_all

from .answers import marked

TEXT = "[S] In May our van broke down. [A] I rang the depot and I asked for another one."


def finding(name: str, severity: Severity = Severity.ADVICE) -> Finding:
    return Finding(name, severity, None, "m", "w", "a", 0.9)


@pytest.fixture(scope="module")
def report(reviewer: Reviewer) -> Report:
    (only,) = review_all([marked(TEXT)], reviewer)
    return only


def compared(report: Report, found: list[str], answer: LabelledAnswer) -> dict[str, float]:
    told = replace(report, findings=tuple(finding(name) for name in found))
    return judge([answer] * 3, [told] * 3).micro


def test_criteria_are_named_as_readers_name_them(report: Report) -> None:
    told = replace(
        report,
        findings=(
            finding("criterion.salary.range", Severity.STRENGTH),
            finding("criterion.salary.market"),
            finding("task.missing"),
        ),
    )
    assert raised(told) == {"criterion.salary.range:met", "criterion.salary.market:missing", "task.missing"}


def test_precision_and_recall_are_over_all_findings(report: Report) -> None:
    answer = marked(TEXT, findings=("task.missing", "result.missing"))
    figures = compared(report, ["result.missing", "answer.too_short", "language.fillers"], answer)
    assert figures["precision"] == pytest.approx(1 / 3)
    assert figures["recall"] == pytest.approx(1 / 2)
    assert figures["f1"] == pytest.approx(2 * 1 / (3 + 2))


def test_what_one_of_two_readers_raised_counts_neither_way(report: Report) -> None:
    answer = marked(
        TEXT, findings=("result.missing",), meta={"findings_of_one_reader": "task.missing answer.too_short"}
    )
    figures = compared(report, ["result.missing", "task.missing"], answer)
    assert (figures["precision"], figures["recall"]) == (1, 1)


def test_answers_are_submitted_as_a_user_would(report: Report) -> None:
    assert report.answer.question == "Tell me about a time."
    assert report.question_type.source == "detected"
