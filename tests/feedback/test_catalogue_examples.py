"""Every rule fires on its examples, on exactly their words, and passes the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.feedback.catalogue import Catalogue, load_catalogue
from service.feedback.examples import TRAINED, ExampleResult, hits, parse_example, run_examples
from service.feedback.rules import Rule
from service.language.nlp import Language

CATALOGUE = load_catalogue()
#: Opinions are trained, and shown right or wrong by figures; all other rules by examples.
RULES = [rule for rule in CATALOGUE.active() if rule.kind != TRAINED]
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


def test_most_of_the_catalogue_is_held_by_examples() -> None:
    assert len(RULES) >= 15


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
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


def test_rules_that_are_off_or_trained_run_no_example(language: Language) -> None:
    off = only(replace(FILLERS, kind=None), fire=FILLERS.fire)
    trained = only(replace(FILLERS, kind=TRAINED), fire=FILLERS.fire)
    assert faults(off, language) == faults(trained, language) == []
