"""What the post-mortem says of one client's answers."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from service.batch.outcomes import Judged
from service.labels import AnswerKind, Label, QuestionType, Severity
from service.reports.figures import shared_wording
from service.reports.postmortem import STOOD, PostMortem, post_mortem

from .replies import figures, gap, in_error, not_judged, strength, told


def of(*judged: Judged) -> PostMortem:
    return post_mortem(figures(*judged))


def asked(question: str, score: int, *ids: str, **given: object) -> Judged:
    return told(question=question, score=score, findings=[gap(name) for name in ids], **given)  # type: ignore[arg-type]


def numbers(answers: object) -> list[int]:
    return [answer.number for answer in answers]  # type: ignore[attr-defined]


def test_answers_that_stood_come_best_first() -> None:
    found = of(asked("a", 61), asked("b", 90), asked("c", 59), asked("d", 75))
    assert numbers(found.stood) == [2, 4, 1]
    assert numbers(found.work_first) == [3]


def test_the_lowest_score_is_worked_on_first() -> None:
    found = of(asked("a", 40), asked("b", 12), asked("c", 59))
    assert numbers(found.work_first) == [2, 1, 3]


@pytest.mark.parametrize(("score", "stands"), [(STOOD - 1, False), (STOOD, True), (100, True)])
def test_an_answer_stands_from_a_score_on(score: int, stands: bool) -> None:
    assert bool(of(asked("a", score)).stood) is stands


def test_no_answer_with_a_problem_stands() -> None:
    problem = told(findings=[gap("situation.missing", Severity.PROBLEM)], score=99)
    assert numbers(of(problem).work_first) == [1]


@pytest.mark.parametrize(("ids", "stands"), [((), True), (("language.fillers",), False)])
def test_answers_to_other_questions_stand_where_nothing_was_found(ids: tuple[str, ...], stands: bool) -> None:
    other = told(findings=[gap(name) for name in ids], score=55, kind=None, question_type=QuestionType.OTHER)
    assert bool(of(other).stood) is stands


def test_what_was_not_judged_is_said_apart() -> None:
    found = of(not_judged(), told(score=80, findings=()), in_error())
    assert numbers(found.not_judged) == [1, 3]
    assert numbers(found.stood) == [2]
    assert found.not_judged[0].trouble == "These are not words."
    assert found.not_judged[1].trouble == "the request does not fit its schema; /answer: too long"


def test_a_finding_recurs_from_two_answers_on() -> None:
    found = of(
        asked("a", 50, "task.missing", "answer.too_short"),
        asked("b", 50, "answer.too_short", "language.fillers"),
        asked("c", 50, "answer.too_short", "task.missing"),
    )
    assert [(item.id, item.count, item.numbers, item.of) for item in found.recurring] == [
        ("answer.too_short", 3, (1, 2, 3), 3),
        ("task.missing", 2, (1, 3), 3),
    ]


def test_a_finding_twice_in_one_answer_does_not_recur() -> None:
    assert of(asked("a", 50, "action.passive", "action.passive")).recurring == ()


def test_equally_common_findings_come_with_the_worse_first() -> None:
    both = [gap("a.advice"), gap("b.problem", Severity.PROBLEM)]
    found = of(told(question="1", findings=both), told(question="2", findings=both))
    assert [item.id for item in found.recurring] == ["b.problem", "a.advice"]


def test_strengths_are_quoted_from_the_best_answer() -> None:
    kept = "result.measured"
    found = of(
        told(question="1", score=50, findings=[strength(kept, "By seven everybody was in.")]),
        told(question="2", score=90, findings=[strength(kept, "lovely card")]),
        told(question="3", score=70, findings=[strength("action.ownership", "I printed")]),
    )
    assert [(item.id, item.numbers, item.quote, item.quoted_from) for item in found.strengths] == [
        (kept, (1, 2), "lovely card", 2),
        ("action.ownership", (3,), "I printed", 3),
    ]


def test_a_criterion_that_is_met_is_not_the_one_that_is_missed() -> None:
    name = "criterion.salary.range"
    met, missed = strength(name, "By seven"), gap(name)
    found = of(
        told(question="1", findings=[met]),
        told(question="2", findings=[missed]),
        told(question="3", findings=[missed]),
    )
    assert [(item.id, item.numbers) for item in found.recurring] == [(name, (2, 3))]
    assert [(item.id, item.numbers) for item in found.strengths] == [(name, (1,))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"date": "2026-01-01"}, {"date": "2026-01-02"}),
        ({"date": "2025-12-31T09:00"}, {"date": "2026-01-02"}),
        ({"attempt": 1}, {"attempt": 2}),
        ({"attempt": 2, "date": "2026-01-01"}, {"attempt": 1, "date": "2026-01-02"}),
        ({"attempt": 1, "date": "2026-01-01"}, {"attempt": 2, "date": "2026-01-01"}),
        ({"attempt": 1}, {"attempt": 2, "date": "2026-01-01"}),
    ],
)
def test_of_one_question_the_latest_answer_counts(one: dict[str, object], other: dict[str, object]) -> None:
    for first, second, superseded in ((one, other, 1), (other, one, 2)):
        found = of(asked("Why  us?", 90, "x", **first), asked("why us?", 30, "x", **second))
        assert found.superseded == (superseded,)
        assert numbers([*found.stood, *found.work_first]) == [3 - superseded]
        assert found.recurring == ()


@pytest.mark.parametrize(
    "given", [{}, {"date": "2026-01-01"}, {"attempt": 1}, {"date": "next week"}, {"date": "1/2/2026"}]
)
def test_answers_to_one_question_in_one_session_all_count(given: dict[str, object]) -> None:
    assert of(asked("a", 90, **given), asked("a", 30, **given)).superseded == ()


def test_answers_without_a_question_all_count() -> None:
    rows = [told(question=None, date=f"2026-01-0{day}") for day in (1, 2)]
    assert of(*rows).superseded == ()


def test_parts_of_each_story_add_up() -> None:
    found = of(told(), told(kind=None, findings=(), question_type=QuestionType.SALARY), told())
    assert [chart.number for chart in found.parts] == [1, 3]
    for chart in found.parts:
        assert [label for label, _ in chart.shares] == list(Label)
        assert sum(share for _, share in chart.shares) == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize("days", [0, 1, 2])
def test_progress_needs_three_sessions(days: int) -> None:
    rows = [told(question=f"{day} {n}", date=f"2026-01-0{day + 1}") for day in range(days) for n in range(3)]
    assert of(*rows).progress is None
    assert of(*rows).sessions == days


def test_a_session_in_which_nothing_was_scored_is_none() -> None:
    rows = [told(date="2026-01-01"), told(date="2026-01-02"), not_judged(date="2026-01-03")]
    assert of(*rows).progress is None


def progressing() -> PostMortem:
    return of(
        asked("a", 30, "task.missing", "answer.too_short", date="2026-03-01"),
        asked("b", 50, "task.missing", date="2026-03-01"),
        asked("a", 60, "task.missing", date="2026-01-01"),
        asked("c", 90, date="2026-02-01"),
        asked("d", 70),
        told(
            question="e",
            score=41,
            kind=None,
            findings=(),
            question_type=QuestionType.SALARY,
            date="2026-02-01",
        ),
    )


def test_progress_is_told_in_the_order_of_the_dates() -> None:
    progress = progressing().progress
    assert progress is not None
    assert progress.by == "date"
    assert progress.left_out == 1
    assert [(item.name, item.answers, item.stories, item.mean_score) for item in progress.sessions] == [
        ("2026-01-01", 1, 1, 60.0),
        ("2026-02-01", 2, 1, 65.5),
        ("2026-03-01", 2, 2, 40.0),
    ]
    assert [(item.id, item.counts) for item in progress.findings] == [
        ("task.missing", (1, 0, 2)),
        ("answer.too_short", (0, 0, 1)),
    ]


def test_progress_of_the_parts_is_the_mean_over_stories() -> None:
    found = progressing()
    assert found.progress is not None
    assert [part.label for part in found.progress.parts] == [
        Label.SITUATION, Label.TASK, Label.ACTION, Label.RESULT,
    ]  # fmt: skip
    action = found.progress.parts[2]
    shares = [part.share for part in figures(told())[0].parts]
    assert action.shares == (shares[2],) * 3
    assert action.marks == (3.0,) * 3


def test_a_session_without_stories_has_no_parts() -> None:
    rows = [
        told(date="2026-01-01", kind=AnswerKind.STORY, findings=()),
        told(date="2026-01-02", kind=None, findings=(), question_type=QuestionType.SALARY),
        told(date="2026-01-03", kind=AnswerKind.STORY, findings=()),
    ]
    progress = of(*rows).progress
    assert progress is not None
    assert progress.parts[0].marks[1] is None
    assert progress.parts[0].shares[1] is None


def test_attempts_are_the_sessions_where_there_are_no_dates() -> None:
    progress = of(*(told(attempt=attempt, date="2026-01-01") for attempt in (10, 2, 1))).progress
    assert progress is not None
    assert progress.by == "attempt"
    assert [session.name for session in progress.sessions] == ["attempt 1", "attempt 2", "attempt 10"]


def test_nothing_comes_of_nothing() -> None:
    found = of()
    assert found == PostMortem((), (), (), (), (), (), (), 0, None)


def test_a_post_mortem_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        of(told()).sessions = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("It stops.", "It stops.", "It stops."),
        ("At 41 words it is short.", "At 2 words it is short.", "At … words it is short."),
        ("6 fillers in 59 words", "9 fillers in 59 words", "… fillers in 59 words"),
        ("6 fillers in 59 words", "9 fillers in 88 words", "… words"),
        ("a b", "c d", "…"),
        ("a a a", "a a", "a a …"),
    ],
)
def test_messages_share_their_common_words(one: str, other: str, shared: str) -> None:
    assert shared_wording(one, other) == shared
    assert shared_wording(shared, one) == shared
