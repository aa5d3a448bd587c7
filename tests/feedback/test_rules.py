"""What the examples of the catalogue can't show: trained opinions, and which findings stand together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from service.feedback.catalogue import Catalogue, load_catalogue
from service.feedback.examples import parse_example, reading_of
from service.feedback.findings import find
from service.feedback.reading import Limits, Opinion
from service.feedback.rules import KINDS
from service.labels import Label, QuestionType, Severity
from service.language.nlp import Language
from service.records import Finding

STORY = "[S] The till crashed in May. [A] I opened a ledger and I rang them. [R] We lost no sale."
HABITS = "[O] I always stay calm. I usually listen first."
BEHAVIOURAL = QuestionType.BEHAVIOURAL


def findings(
    example: str,
    language: Language,
    catalogue: Catalogue,
    *,
    question_type: QuestionType = BEHAVIOURAL,
    opinions: dict[str, Opinion] | None = None,
    limits: dict[str, Limits] | None = None,
) -> dict[str, Finding]:
    with reading_of(parse_example(example), question_type, language) as reading:
        found = find(replace(reading, opinions=opinions or {}, limits=limits or {}), catalogue)
    return {finding.id: finding for finding in found}


@pytest.mark.parametrize(
    ("probability", "above", "raised"),
    [(0.8, 0.7, True), (0.7, 0.7, True), (0.69, 0.7, False), (0.99, None, False)],
)
def test_an_opinion_is_raised_from_its_limit_on(
    probability: float, above: float | None, raised: bool, language: Language, catalogue: Catalogue
) -> None:
    found = findings(
        STORY,
        language,
        catalogue,
        opinions={"language.blame": Opinion(probability, 0)},
        limits={"language.blame": Limits(above, None)},
    )
    assert ("language.blame" in found) is raised
    if raised:
        finding = found["language.blame"]
        assert finding.confidence == probability
        assert finding.start == 0
        assert finding.end == len("The till crashed in May.")


def test_an_opinion_without_a_limit_or_the_other_way_round_is_not_raised(
    language: Language, catalogue: Catalogue
) -> None:
    opinion, limit = {"language.blame": Opinion(0.9, 0)}, {"language.blame": Limits(0.5, None)}
    assert "language.blame" not in findings(STORY, language, catalogue, opinions=opinion)
    assert "language.blame" not in findings(STORY, language, catalogue, limits=limit)


def test_an_opinion_on_the_whole_answer_has_no_words(language: Language, catalogue: Catalogue) -> None:
    found = findings(
        STORY,
        language,
        catalogue,
        opinions={"answer.off_question": Opinion(0.9, None)},
        limits={"answer.off_question": Limits(0.5, None)},
    )
    assert found["answer.off_question"].start is None


LESSON = (
    "Tell me about a time you failed. || [S] The till crashed. [A] I rang them. [R] I ring before I go out."
)


@pytest.mark.parametrize(("above", "raised"), [(0.5, False), (0.95, True), (None, True)])
def test_no_lesson_is_missing_where_one_is_heard(
    above: float | None, raised: bool, language: Language, catalogue: Catalogue
) -> None:
    found = findings(
        LESSON,
        language,
        catalogue,
        opinions={"result.lesson": Opinion(0.9, 2, (46, 60))},
        limits={"result.lesson": Limits(above, None)},
    )
    assert ("result.no_lesson" in found) is raised
    assert ("result.lesson" in found) is not raised


CRITERION = "criterion.salary.range"


@pytest.mark.parametrize(
    ("probability", "severity"), [(0.9, Severity.STRENGTH), (0.5, None), (0.1, Severity.ADVICE)]
)
def test_a_criterion_is_met_missing_or_left_open(
    probability: float, severity: Severity | None, language: Language, catalogue: Catalogue
) -> None:
    found = findings(
        "[O] I would say about forty thousand.",
        language,
        catalogue,
        question_type=QuestionType.SALARY,
        opinions={CRITERION: Opinion(probability, 0)},
        limits={CRITERION: Limits(0.8, 0.2)},
    )
    if severity is None:
        assert CRITERION not in found
    else:
        assert found[CRITERION].severity is severity
        assert found[CRITERION].confidence == pytest.approx(0.9)
        assert (found[CRITERION].start is None) is (severity is Severity.ADVICE)


def test_a_criterion_belongs_to_its_type(language: Language, catalogue: Catalogue) -> None:
    opinion, limit = {CRITERION: Opinion(0.9, 0)}, {CRITERION: Limits(0.8, 0.2)}
    assert CRITERION not in findings(STORY, language, catalogue, opinions=opinion, limits=limit)


def test_with_no_story_nothing_is_missing(language: Language, catalogue: Catalogue) -> None:
    found = findings(HABITS, language, catalogue)
    assert "story.absent" in found
    assert not [name for name in found if name.endswith(".missing")]
    assert set(found) <= {"story.absent", "answer.too_short"}


def test_another_question_wants_no_story(language: Language, catalogue: Catalogue) -> None:
    found = findings(HABITS, language, catalogue, question_type=QuestionType.OTHER)
    assert not [
        name for name in found if name.startswith(("story.", "situation.", "task.", "action.", "result."))
    ]


@pytest.mark.parametrize(
    ("example", "missing", "after", "before"),
    [
        ("[A] I rang them. [R] They came.", "situation.missing", "", "I rang them."),
        ("[O] Right. [A] I rang them. [R] They came.", "situation.missing", "Right. ", "I rang them."),
        ("[S] It broke. [A] I rang them. [R] They came.", "task.missing", "It broke.", " I rang"),
        (
            "[S] It broke. [T] I had to fix it. [R] It works.",
            "action.missing",
            "I had to fix it. ",
            "It works.",
        ),
        ("[S] It broke. [A] I rang them. [O] So yeah.", "result.missing", "I rang them.", " So yeah."),
        ("[R] We won. [S] It was May. [A] I rang them.", "task.missing", "It was May. ", "I rang them."),
    ],
)
def test_a_missing_part_says_where_it_belongs(
    example: str, missing: str, after: str, before: str, language: Language, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[finding."task.missing"]\non = true\n')
    finding = findings(example, language, load_catalogue(str(own)))[missing]
    text = parse_example(example).answer.text
    assert finding.insert_at is not None
    assert finding.start is None
    assert text[: finding.insert_at].endswith(after)
    assert text[finding.insert_at :].startswith(before)


def test_findings_on_the_whole_answer_come_first_then_in_the_order_of_the_words(
    language: Language, catalogue: Catalogue
) -> None:
    example = "[S] Um, it, um, broke. [A] I, um, rang, um, them. [R] They came."
    found = list(findings(example, language, catalogue).values())
    whole = [finding.start is None and finding.insert_at is None for finding in found]
    assert whole == sorted(whole, reverse=True)
    places = [
        finding.start if finding.start is not None else finding.insert_at
        for finding in found
        if finding.start is not None or finding.insert_at is not None
    ]
    assert len(places) > 2
    assert places == sorted(place for place in places if place is not None)


def test_every_place_of_a_message_is_filled(language: Language, catalogue: Catalogue) -> None:
    seen = set()
    on_marks = [rule for rule in catalogue.active() if rule.kind != "model"]
    for rule in on_marks:
        for example in rule.fire:
            question_type = BEHAVIOURAL if BEHAVIOURAL in rule.types else min(rule.types)
            for finding in findings(example, language, catalogue, question_type=question_type).values():
                seen.add(finding.id)
                for text in (finding.message, finding.why, finding.advice):
                    assert not {"{", "}"} & set(text)
                    assert "“”" not in text, f"{finding.id} quotes nothing"
    assert {rule.id for rule in on_marks} <= seen


def test_kinds_are_pure(language: Language, catalogue: Catalogue) -> None:
    with reading_of(parse_example(STORY), BEHAVIOURAL, language) as reading:
        for rule in catalogue.active():
            assert rule.kind is not None
            once = list(KINDS[rule.kind](reading, rule, catalogue.lexicons))
            assert list(KINDS[rule.kind](reading, rule, catalogue.lexicons)) == once


def test_shares_and_words_add_up(language: Language) -> None:
    with reading_of(parse_example(STORY), BEHAVIOURAL, language) as reading:
        assert sum(reading.words_by_label.values()) == reading.words == len(reading.answer.text.split())
        assert sum(reading.share(label) for label in Label) == pytest.approx(1)
