"""A score adds up from parts that each point at something, and can't be had by length."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.feedback.catalogue import Catalogue, load_catalogue
from service.feedback.examples import parse_example, reading_of
from service.feedback.score import MOST_FOCUS, base_for, components, focus, load_weights, total
from service.labels import COMPONENTS, Label, QuestionType, Severity
from service.language.nlp import Language
from service.records import Answer, Component, Finding, Report
from service.reviewer import Reviewer
from training.splits import Split, read_split

CATALOGUE = load_catalogue()
WEIGHTS = load_weights()

findings = st.lists(
    st.one_of(
        st.sampled_from([(rule.id, rule.severity) for rule in CATALOGUE.rules]),
        st.sampled_from(
            [
                (criterion.id, severity)
                for criterion in CATALOGUE.criteria
                for severity in (Severity.STRENGTH, Severity.ADVICE)
            ]
        ),
    ),
    max_size=30,
    unique_by=lambda item: item[0],
).map(lambda items: [Finding(name, severity, None, "m", "w", "a", 0.9) for name, severity in items])
marks = st.fixed_dictionaries({label: st.integers(0, 3) for label in COMPONENTS})


def component(mark: int) -> Component:
    return Component(mark > 0, 0.9, 5, 0.25, (0.1, 0.3), mark)


@given(st.sampled_from(QuestionType), marks, findings)
def test_a_score_is_its_base_and_its_parts(
    question_type: QuestionType, given_marks: dict[Label, int], found: list[Finding]
) -> None:
    base = base_for(question_type, WEIGHTS)
    score = total(
        base, {label: component(mark) for label, mark in given_marks.items()}, found, WEIGHTS, CATALOGUE
    )
    assert score.base == base
    assert score.value == score.base + sum(part.points for part in score.parts)
    assert 0 <= score.value <= 100
    names = [part.what for part in score.parts]
    assert len(set(names)) == len(names)
    known = {finding.id for finding in found} | {f"component.{label.value}" for label in COMPONENTS}
    assert set(names) - {"score.bounds"} <= known
    assert ("score.bounds" in names) == (
        not 0 <= score.base + sum(part.points for part in score.parts if part.what != "score.bounds") <= 100
    )


@given(findings)
def test_the_focus_is_what_costs_most(found: list[Finding]) -> None:
    first = focus(found, CATALOGUE)
    work = {finding.id: CATALOGUE.points(finding.id, finding.severity) for finding in found}
    open_work = {
        name for name in work if next(f for f in found if f.id == name).severity is not Severity.STRENGTH
    }
    assert len(first) == min(MOST_FOCUS, len(open_work))
    assert set(first) <= open_work
    costs = [work[name] for name in first]
    assert costs == sorted(costs)
    assert all(work[name] >= max(costs) for name in open_work - set(first))


def test_a_better_part_never_costs_points() -> None:
    for label in COMPONENTS:
        points = WEIGHTS.component[label]
        assert list(points) == sorted(points)
        assert points[0] == 0
    best = WEIGHTS.base["story"] + sum(WEIGHTS.component[label][3] for label in COMPONENTS)
    strengths = sum(rule.points for rule in CATALOGUE.rules if rule.points > 0)
    assert best < 100
    assert best + strengths >= 88


def test_the_action_weighs_most() -> None:
    most = {label: WEIGHTS.component[label][3] for label in COMPONENTS}
    assert max(most, key=lambda label: most[label]) is Label.ACTION


def parts_of(example: str, language: Language, catalogue: Catalogue) -> dict[Label, Component]:
    with reading_of(parse_example(example), QuestionType.BEHAVIOURAL, language) as reading:
        return components(reading, WEIGHTS, catalogue.lexicons)


def test_components_tell_how_far_each_part_is_there(language: Language, catalogue: Catalogue) -> None:
    parts = parts_of(
        "[S] The till crashed in May. [A] I opened a ledger, I rang the office and I wrote every sale down. [R] It went well.",
        language,
        catalogue,
    )
    assert list(parts) == list(COMPONENTS)
    assert {label: part.present for label, part in parts.items()} == {
        Label.SITUATION: True, Label.TASK: False, Label.ACTION: True, Label.RESULT: True,
    }  # fmt: skip
    assert {label: part.words for label, part in parts.items()} == {
        Label.SITUATION: 5, Label.TASK: 0, Label.ACTION: 14, Label.RESULT: 3,
    }  # fmt: skip
    assert parts[Label.ACTION].share == pytest.approx(14 / 22)
    assert parts[Label.TASK].score == 0
    assert all(0 <= part.score <= 3 for part in parts.values())


def test_a_result_is_only_strong_where_it_can_be_seen(language: Language, catalogue: Catalogue) -> None:
    words = "and everybody in the building was as pleased as they could be with what we had done about it all"
    vague = parts_of(f"[A] I rang them. [R] It went well {words}.", language, catalogue)[Label.RESULT]
    seen = parts_of(f"[A] I rang them. [R] It took 3 days {words}.", language, catalogue)[Label.RESULT]
    assert vague.score == 2
    assert seen.score == 3


def test_the_same_step_twice_is_one_step(language: Language, catalogue: Catalogue) -> None:
    once = parts_of("[S] It broke. [A] I rang the depot.", language, catalogue)[Label.ACTION]
    again = parts_of(
        "[S] It broke. [A] I rang the depot. I rang the depot! I rang the depot. I RANG THE DEPOT.",
        language,
        catalogue,
    )[Label.ACTION]
    assert again.score == once.score


def test_without_a_story_no_part_has_a_mark(language: Language, catalogue: Catalogue) -> None:
    parts = parts_of("[O] I always stay calm and I listen first.", language, catalogue)
    assert {part.score for part in parts.values()} == {0}


def value(report: Report) -> int:
    assert report.score is not None
    return report.score.value


SAMPLE = read_split(Split.DEVELOPMENT)[::10]


@pytest.fixture(scope="module")
def scored(reviewer: Reviewer) -> list[tuple[Any, Report]]:
    found = [(answer, reviewer.review(Answer(answer.text, question=answer.question))) for answer in SAMPLE]
    assert len(found) > 15
    return found


def test_every_real_score_is_its_base_and_its_parts(scored: list[tuple[Any, Report]]) -> None:
    values = set()
    for _, report in scored:
        assert report.score is not None
        assert report.score.value == report.score.base + sum(part.points for part in report.score.parts)
        known = {finding.id for finding in report.findings} | {
            f"component.{label.value}" for label in COMPONENTS
        }
        assert {part.what for part in report.score.parts} <= known | {"score.bounds"}
        assert set(report.focus) <= {finding.id for finding in report.findings}
        values.add(report.score.value)
    assert len(values) > 5


@pytest.mark.parametrize("joint", [" ", "\n\n"])
def test_saying_it_twice_gains_nothing(
    joint: str, reviewer: Reviewer, scored: list[tuple[Any, Report]]
) -> None:
    gains = []
    for answer, report in scored:
        twice = reviewer.review(Answer(f"{answer.text}{joint}{answer.text}", question=answer.question))
        if twice.abstention is None:
            gains.append(value(twice) - value(report))
            labels = {span.label for span in report.spans}
            assert {span.label for span in twice.spans} == labels
    assert_hardly_any(gains)


def test_saying_the_question_gains_nothing(reviewer: Reviewer, scored: list[tuple[Any, Report]]) -> None:
    gains = []
    for answer, report in scored:
        if answer.question:
            longer = reviewer.review(Answer(f"{answer.text} {answer.question}", question=answer.question))
            gains.append(value(longer) - value(report))
    assert_hardly_any(gains)


def assert_hardly_any(gains: list[int]) -> None:
    """What is said again is left out; where it meets what came before, a trained opinion near its limit may still tip."""
    assert len(gains) > 50
    assert sum(gain > 0 for gain in gains) <= 0.03 * len(gains)
    assert max(gains) <= 6
