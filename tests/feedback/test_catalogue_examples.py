"""Every rule fires on its examples, on exactly their words, and passes the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from service.feedback.catalogue import Catalogue, Criterion, load_catalogue
from service.feedback.examples import (
    TRAINED,
    ExampleResult,
    hits,
    parse_example,
    run_examples,
    run_model_examples,
)
from service.feedback.findings import rule_finding
from service.feedback.reading import Limits
from service.feedback.rules import Hit, Rule
from service.language.nlp import Language
from service.records import Answer, Report
from service.reviewer import Reviewer

CATALOGUE = load_catalogue()
#: Rules that are judged on the labels marked in their examples, and those whose examples run through the model.
RULES = [rule for rule in CATALOGUE.active() if rule.kind != TRAINED]
ASKED = [rule for rule in CATALOGUE.active() if rule.kind == TRAINED]
#: Kinds whose finding rests on words of the answer.
ON_WORDS = {
    "crowded_out", "thin_action", "we_not_i", "passive_steps", "unmeasured", "measured", "ownership", "fillers",
}  # fmt: skip
FILLERS = next(rule for rule in RULES if rule.id == "language.fillers")
SAID = "so uh last year we had this uh problem with the bins um nobody took them out and i er wrote a list"


def only(rule: Rule, *, fire: tuple[str, ...] = (), passing: tuple[str, ...] = ()) -> Catalogue:
    return replace(CATALOGUE, rules=(replace(rule, fire=fire, passing=passing),))


def faults(catalogue: Catalogue, language: Language) -> list[str | None]:
    return [result.fault for result in run_examples(catalogue, language)]


@pytest.fixture(scope="module")
def asked(reviewer: Reviewer) -> dict[str, list[ExampleResult]]:
    """Give what became of the examples that run through the shipped model, by finding."""
    results: dict[str, list[ExampleResult]] = {}
    for result in run_model_examples(CATALOGUE, reviewer.review, reviewer.limits):
        results.setdefault(result.rule_id, []).append(result)
    return results


CRITERIA = [
    (criterion, state) for criterion in CATALOGUE.criteria for state in ("met", "missing")
]  # fmt: skip


@pytest.mark.parametrize("rule", CATALOGUE.rules, ids=lambda rule: rule.id)
def test_every_rule_has_three_examples_of_each_sort(rule: Rule) -> None:
    assert len(rule.fire) >= 3
    assert len(rule.passing) >= 3
    assert len({*rule.fire, *rule.passing}) == len(rule.fire) + len(rule.passing)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_fires_on_the_words_of_its_examples_and_passes_the_others(
    rule: Rule, language: Language
) -> None:
    results = list(run_examples(replace(CATALOGUE, rules=(rule,)), language))
    assert [result for result in results if result.fault] == []
    sides = [(result.side, result.number) for result in results]
    assert sides == [
        *(("fire", number) for number in range(1, len(rule.fire) + 1)),
        *(("pass", number) for number in range(1, len(rule.passing) + 1)),
    ]
    for example in map(parse_example, rule.fire):
        assert (example.words is not None) is (rule.kind in ON_WORDS)
        (hit,) = hits(rule, example, CATALOGUE, language)
        assert 0 < hit.confidence <= 1


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"fire": ("[S] All was well at the shop.",)}, "it does not fire"),
        ({"fire": (f"[S] {SAID}",)}, "it fires on words that the example does not mark with [[ ]]"),
        (
            {"fire": (f"[S] {SAID}".replace("bins", "[[bins]]"),)},
            "it fires on other words than the marked ones",
        ),
        ({"fire": (f"[S] {SAID}".replace("uh", "[[uh]]", 1),)}, None),
        ({"passing": (f"[S] {SAID}",)}, "it fires, and should not"),
        ({"passing": ("[S] All was well at the shop.",)}, None),
        ({"passing": ("All was well.",)}, "it can't be read: the answer must open with a mark such as [S]"),
        ({"fire": ("[S] so [[uh",)}, "it can't be read: [[ and ]] must stand once each, in this order"),
        ({"fire": ("[S] so ]]uh[[ it",)}, "it can't be read: [[ and ]] must stand once each, in this order"),
    ],
)
def test_a_wrong_example_is_told(
    changes: dict[str, tuple[str, ...]], fault: str | None, language: Language
) -> None:
    assert faults(only(FILLERS, **changes), language) == [fault]


def test_a_finding_without_words_may_mark_none(language: Language) -> None:
    absent = next(rule for rule in RULES if rule.id == "story.absent")
    marked = "[O] I always [[stay]] calm with customers."
    assert faults(only(absent, fire=(marked,)), language) == ["it fires without words"]


def test_results_name_rule_side_and_number(language: Language) -> None:
    wrong = only(FILLERS, fire=FILLERS.fire, passing=(FILLERS.passing[0], f"[S] {SAID}"))
    failed = [result for result in run_examples(wrong, language) if result.fault]
    assert failed == [ExampleResult("language.fillers", "pass", 2, "it fires, and should not")]


@pytest.mark.parametrize("rule", ASKED, ids=lambda rule: rule.id)
def test_what_the_model_raises_it_raises_on_its_examples_and_on_no_other(
    rule: Rule, asked: dict[str, list[ExampleResult]]
) -> None:
    results = asked[rule.id]
    assert [result for result in results if result.fault] == []
    assert [result.side for result in results] == ["fire"] * len(rule.fire) + ["pass"] * len(rule.passing)


@pytest.mark.parametrize(("criterion", "state"), CRITERIA, ids=lambda part: getattr(part, "id", part))
def test_what_the_model_holds_met_or_missing_it_holds_so_on_the_examples(
    criterion: Criterion, state: str, asked: dict[str, list[ExampleResult]]
) -> None:
    results = asked[f"{criterion.id}:{state}"]
    assert [result for result in results if result.fault] == []
    sides = Counter(result.side for result in results)
    assert min(sides["fire"], sides["pass"]) >= 3


def test_the_examples_of_criteria_are_different_and_name_criteria_of_their_type() -> None:
    answers = [example.answer for example in CATALOGUE.criteria_examples]
    assert len(set(answers)) == len(answers)
    for example in CATALOGUE.criteria_examples:
        names = {criterion.name for criterion in CATALOGUE.criteria if criterion.type is example.type}
        assert example.met | example.missing <= names
        assert not example.met & example.missing


STORY = "We had no hall. I wrote to six churches and one said yes. Ninety people came."
BLAME = next(rule for rule in ASKED if rule.id == "language.blame")


def through(rule: Rule, report: Report, *, above: float | None) -> list[ExampleResult]:
    limits = {rule.id: Limits(above, None)}
    catalogue = replace(only(rule, fire=rule.fire, passing=rule.passing), criteria=(), criteria_examples=())
    return list(run_model_examples(catalogue, lambda _: report, limits))


@pytest.mark.parametrize(
    ("words", "marked", "above", "faults"),
    [
        ((0, 15), f"[[{STORY[:15]}]]{STORY[15:]}", 0.5, (None, "it fires, and should not")),
        ((0, 15), STORY, 0.5, (None, "it fires, and should not")),
        ((20, 30), f"[[{STORY[:15]}]]{STORY[15:]}", 0.5, ("it fires on other words than the marked ones", "it fires, and should not")),
        (None, f"[[{STORY[:15]}]]{STORY[15:]}", 0.5, ("it does not fire", None)),
        (None, f"[[{STORY[:15]}]]{STORY[15:]}", None, (None, None)),
        (None, f"[[{STORY[:15]}{STORY[15:]}", 0.5, ("it can't be read: [[ and ]] must stand once each, in this order", None)),
    ],
)  # fmt: skip
def test_an_example_through_the_model_is_right_or_told_wrong(
    words: tuple[int, int] | None,
    marked: str,
    above: float | None,
    faults: tuple[str | None, str | None],
    reviewer: Reviewer,
) -> None:
    report = reviewer.review(Answer(STORY))
    rule = replace(BLAME, fire=(marked,), passing=(STORY,))
    found = () if words is None else (rule_finding(rule, Hit(0.9, *words), {}),)
    results = through(rule, replace(report, findings=found), above=above)
    assert tuple(result.fault for result in results) == faults
    assert [result.is_silent for result in results] == [above is None] * 2


def test_an_example_that_is_not_judged_is_wrong(reviewer: Reviewer) -> None:
    rule = replace(BLAME, fire=("x",), passing=())
    assert [result.fault for result in through(rule, reviewer.review(Answer("x")), above=None)] == [
        "the answer is not judged"
    ]


def test_rules_that_are_off_or_ask_the_model_are_not_run_on_marks(language: Language) -> None:
    off = only(replace(FILLERS, kind=None), fire=FILLERS.fire)
    trained = only(replace(FILLERS, kind=TRAINED), fire=FILLERS.fire)
    assert faults(off, language) == faults(trained, language) == []
