"""Two attempts: what changed is told by parts, findings and points, and the points add up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.feedback.comparison import check_comparable, compare
from service.labels import COMPONENTS, Label, QuestionType, Severity
from service.records import (
    Abstention,
    Answer,
    Component,
    Finding,
    Guess,
    PointsChange,
    Report,
    Score,
    ScorePart,
    Stats,
    Versions,
)

QUESTION = "Tell me about a mistake."


def finding(finding_id: str, severity: Severity = Severity.ADVICE) -> Finding:
    return Finding(finding_id, severity, None, "M", "W", "A", 0.9)


def part(*, present: bool = True, score: int = 2, words: int = 20) -> Component:
    return Component(present, 0.9, words, 0.2, (0.1, 0.3), score)


def report(
    *findings: Finding,
    points: tuple[tuple[str, int], ...] = (),
    base: int = 26,
    components: dict[Label, Component] | None = None,
    question_type: QuestionType = QuestionType.BEHAVIOURAL,
) -> Report:
    parts = tuple(ScorePart(*pair) for pair in points)
    return Report(
        answer=Answer("Words.", question=QUESTION),
        question_type=Guess(question_type.value, 0.9),
        answer_kind=None,
        spans=(),
        components=dict.fromkeys(COMPONENTS, part()) if components is None else components,
        score=Score(base + sum(item.points for item in parts), base, parts),
        findings=findings,
        focus=(),
        stats=Stats(1, 1, 0),
        input_warnings=(),
        abstention=None,
        versions=Versions("0", "m", "r", "1"),
    )


def abstained() -> Report:
    return replace(report(), score=None, components={}, abstention=Abstention("gibberish", "No words."))


def test_findings_are_cured_new_or_kept() -> None:
    praise = Severity.STRENGTH
    first = report(finding("b"), finding("a"), finding("b"), finding("s", praise), finding("t", praise))
    second = report(finding("c"), finding("a"), finding("t", praise), finding("u", praise))
    found = compare(first, second)
    assert (found.cured, found.new, found.kept) == (("b",), ("c",), ("a",))
    assert found.strengths_gained == ("u",)
    assert found.strengths_lost == ("s",)
    assert found.strengths_kept == ("t",)


def test_a_criterion_that_is_met_now_is_cured_and_a_strength() -> None:
    found = compare(report(finding("criterion.x.y")), report(finding("criterion.x.y", Severity.STRENGTH)))
    assert found.cured == found.strengths_gained == ("criterion.x.y",)
    assert found.new == found.kept == ()


def test_points_are_told_by_what_they_are_for() -> None:
    first = report(
        points=(("component.TASK", 0), ("result.missing", -14), ("against.x", -8), ("against.x", -8))
    )
    second = report(points=(("component.TASK", 6), ("result.measured", 6)))
    assert compare(first, second).points == (
        PointsChange("score.base", 26, 26),
        PointsChange("component.TASK", 0, 6),
        PointsChange("result.missing", -14, 0),
        PointsChange("against.x", -16, 0),
        PointsChange("result.measured", 0, 6),
    )


POINTS = st.lists(st.tuples(st.sampled_from("abcdefg"), st.integers(-30, 30)), max_size=8).map(tuple)


@given(POINTS, POINTS, st.integers(0, 60), st.integers(0, 60))
def test_changes_add_up_to_the_difference_of_the_scores(
    one: tuple[tuple[str, int], ...], other: tuple[tuple[str, int], ...], base: int, other_base: int
) -> None:
    first, second = report(points=one, base=base), report(points=other, base=other_base)
    found = compare(first, second)
    assert found.points is not None
    assert first.score is not None
    assert second.score is not None
    assert sum(points.change for points in found.points) == second.score.value - first.score.value
    whats = [points.what for points in found.points]
    assert len(set(whats)) == len(whats)


def test_parts_stand_side_by_side() -> None:
    gained = {**dict.fromkeys(COMPONENTS, part()), Label.RESULT: part(present=False, score=0, words=0)}
    found = compare(report(components=gained), report())
    assert [item.label for item in found.parts] == list(COMPONENTS)
    assert (found.parts[-1].first.present, found.parts[-1].second.present) == (False, True)
    salary = QuestionType.SALARY
    assert compare(*[report(components={}, question_type=salary)] * 2).parts == ()


@pytest.mark.parametrize("pair", [(abstained(), report(finding("a"))), (report(finding("a")), abstained())])
def test_an_attempt_that_was_not_judged_has_no_change(pair: tuple[Report, Report]) -> None:
    found = compare(*pair)
    assert found.points is None
    assert (found.parts, found.cured, found.new, found.kept) == ((), (), (), ())
    assert (found.first, found.second) == pair


def test_attempts_that_read_as_of_different_types_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        compare(report(), report(question_type=QuestionType.SALARY))
    assert (caught.value.status, caught.value.problems[0].code) == (422, "question_types_differ")
    assert compare(report(question_type=QuestionType.SALARY), abstained()).points is None


SALARY, BEHAVIOURAL = QuestionType.SALARY, QuestionType.BEHAVIOURAL


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (Answer("a"), Answer("b"), None),
        (Answer("a", question=QUESTION), Answer("b", question=QUESTION), None),
        (Answer("a", question=QUESTION), Answer("b", question=" tell me  about a MISTAKE "), None),
        (Answer("a", question="One?", question_type=SALARY), Answer("b", question_type=SALARY), None),
        (Answer("a", question_type=SALARY), Answer("b"), None),
        (Answer("a", question="One?"), Answer("b", question="Two?"), "questions_differ"),
        (Answer("a", question="One?"), Answer("b"), "questions_differ"),
        (
            Answer("a", question="One?", question_type=SALARY),
            Answer("b", question="Two?"),
            "questions_differ",
        ),
        (
            Answer("a", question_type=SALARY),
            Answer("b", question_type=BEHAVIOURAL),
            "question_types_differ",
        ),
    ],
)
def test_only_answers_to_one_question_are_compared(first: Answer, second: Answer, code: str | None) -> None:
    if code is None:
        check_comparable(first, second)
        return
    with pytest.raises(InvalidRequest) as caught:
        check_comparable(first, second)
    assert caught.value.status == 422
    assert [problem.code for problem in caught.value.problems] == [code]
    assert caught.value.problems[0].pointer.startswith("/second/question")
    assert "One" not in caught.value.detail
