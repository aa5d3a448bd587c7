"""The catalogue is data that is checked at start: a mistake says file, table and reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.errors import RulesRefused
from service.feedback.catalogue import PLACES, Catalogue, load_catalogue
from service.feedback.rules import FILLS, KINDS, PARAMETERS
from service.labels import STORY_TYPES, QuestionType, Severity

GOOD = """
[finding."own.finding"]
severity = "advice"
points = -1
message = "M"
why = "W"
advice = "A"
source = "house"
rule = { kind = "length", above = 200 }
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own.toml"


def load(own: Path, content: str | bytes) -> Catalogue:
    own.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_catalogue(str(own))


def test_the_shipped_catalogue_is_the_one_of_the_findings_table(catalogue: Catalogue) -> None:
    ids = {rule.id for rule in catalogue.rules}
    assert {
        "story.absent", "situation.missing", "task.missing", "action.missing", "result.missing",
        "situation.too_long", "action.too_thin", "action.we_not_i", "action.passive", "result.not_measured",
        "result.no_lesson", "answer.off_question", "answer.too_short", "answer.too_long", "language.blame",
        "language.fillers", "language.hedging", "result.measured", "action.ownership", "result.lesson",
    } <= ids  # fmt: skip
    assert {rule.id for rule in catalogue.rules if rule.severity is Severity.STRENGTH} == {
        "result.measured", "action.ownership", "result.lesson",
    }  # fmt: skip
    criteria = {criterion.id for criterion in catalogue.criteria}
    assert {
        "criterion.career_goals.goal", "criterion.management_style.reason", "criterion.salary.range",
        "criterion.revisit.brief", "criterion.adapt_to_change.attitude", "criterion.candidate_question.open_ended",
    } <= criteria  # fmt: skip
    assert len(criteria) == len(catalogue.criteria)


def test_points_have_the_sign_of_their_severity(catalogue: Catalogue) -> None:
    for rule in catalogue.rules:
        assert (rule.points > 0) == (rule.severity is Severity.STRENGTH), rule.id
        assert catalogue.points(rule.id, rule.severity) == rule.points
    for criterion in catalogue.criteria:
        assert (
            catalogue.points(criterion.id, Severity.STRENGTH)
            > 0
            > catalogue.points(criterion.id, Severity.ADVICE)
        )


def test_every_finding_says_what_why_what_to_do_and_where_from(catalogue: Catalogue) -> None:
    for rule in catalogue.rules:
        for text in (rule.message, rule.why, rule.advice, rule.source):
            assert text.strip() == text
            assert text
        assert rule.message != rule.advice
    for criterion in catalogue.criteria:
        assert all((criterion.met, criterion.missing, criterion.why, criterion.advice))


def test_every_kind_says_what_it_takes() -> None:
    assert set(KINDS) == set(PARAMETERS)


def test_an_own_file_adds_a_finding(own: Path) -> None:
    catalogue = load(own, GOOD)
    rule = next(rule for rule in catalogue.rules if rule.id == "own.finding")
    assert (rule.kind, dict(rule.parameters)) == ("length", {"above": 200.0})
    assert rule.types == STORY_TYPES
    assert rule in catalogue.active()


def test_an_own_file_changes_words_points_and_thresholds(own: Path, catalogue: Catalogue) -> None:
    changed = load(
        own,
        '[finding."answer.too_short"]\npoints = -9\nadvice = "More."\nrule = { kind = "length", below = 40 }\n',
    )
    rule = next(rule for rule in changed.rules if rule.id == "answer.too_short")
    shipped = next(rule for rule in catalogue.rules if rule.id == "answer.too_short")
    assert (rule.points, rule.advice, dict(rule.parameters)) == (-9, "More.", {"below": 40.0})
    assert (rule.message, rule.why, rule.severity) == (shipped.message, shipped.why, shipped.severity)
    assert len(changed.rules) == len(catalogue.rules)


def test_an_own_file_switches_a_finding_off(own: Path) -> None:
    catalogue = load(own, '[finding."language.fillers"]\non = false\n')
    assert "language.fillers" not in {rule.id for rule in catalogue.active()}
    assert "language.fillers" in {rule.id for rule in catalogue.rules}


def test_the_version_changes_with_any_word(own: Path, catalogue: Catalogue) -> None:
    versions = {catalogue.version, load(own, GOOD).version, load(own, GOOD.replace('"M"', '"N"')).version}
    assert len(versions) == 3
    assert load_catalogue().version == catalogue.version


def test_a_star_stands_for_every_type(own: Path) -> None:
    catalogue = load(own, GOOD + 'types = ["*"]\n')
    assert next(rule for rule in catalogue.rules if rule.id == "own.finding").types == frozenset(QuestionType)


def without(line: str) -> str:
    assert line in GOOD
    return GOOD.replace(line + "\n", "")


def instead(line: str, other: str) -> str:
    assert line in GOOD
    return GOOD.replace(line, other)


LENGTH = 'rule = { kind = "length", above = 200 }'
BROKEN = {
    "an unknown key": (GOOD + "colour = 1", "unknown key 'colour'"),
    "no severity": (without('severity = "advice"'), "'severity' is missing"),
    "no points": (without("points = -1"), "'points' is missing"),
    "no message": (without('message = "M"'), "'message' is missing"),
    "no source": (without('source = "house"'), "'source' is missing"),
    "a severity": (instead('"advice"', '"hint"'), "severity must be one of problem, advice, strength"),
    "a component": (GOOD + 'component = "STORY"', "component must be one of SITUATION"),
    "a type": (GOOD + 'types = ["poem"]', "types must be of behavioural"),
    "types that are a text": (GOOD + 'types = "salary"', "types must be a list of texts"),
    "types that are numbers": (GOOD + "types = [1]", "types must be a list of texts"),
    "points that are a text": (instead("-1", '"-1"'), "points must be a whole number"),
    "points that are true": (instead("-1", "true"), "points must be a whole number"),
    "points that are no whole number": (instead("-1", "-1.5"), "points must be a whole number"),
    "a message that is a number": (instead('"M"', "5"), "message must be a text"),
    "a switch that is a text": (GOOD + 'on = "no"', "on must be true or false"),
    "examples that are a text": (GOOD + 'fire = "x"', "fire must be a list of texts"),
    "an unknown place": (instead('"A"', '"{name}"'), "advice holds an unknown place {name}"),
    "an attribute of a place": (instead('"A"', '"{words.__class__}"'), "advice holds an unknown place"),
    "a width": (instead('"A"', '"{count:>9999999}"'), "advice holds an unknown place"),
    "a conversion": (instead('"A"', '"{count!r}"'), "advice holds an unknown place"),
    "a place without a name": (instead('"A"', '"{}"'), "advice holds an unknown place"),
    "a lone brace": (instead('"A"', '"50 {"'), "advice holds a lone brace"),
    "advice that is a number": (instead('"A"', "5"), "advice must be a text or a list of texts"),
    "advice that is no texts": (instead('"A"', "[5]"), "advice must be a list of texts"),
    "advice that is nothing": (instead('"A"', "[]"), "advice holds no text"),
    "a message that may have a gap": (instead('"M"', '"{who}"'), "message holds the place {who}, which may stay empty"),
    "advice that may have a gap": (instead('"A"', '"{words}"'), "advice holds the place {words}, which may stay empty"),
    "last advice that may have a gap": (instead('"A"', '["{step}", "{thing}"]'), "advice holds the place {thing}"),
    "a rule that is a text": (instead(LENGTH, 'rule = "length"'), "rule must be a table"),
    "a kind": (instead('"length"', '"lenght"'), "there is no rule of kind 'lenght'"),
    "a kind that is a list": (instead('"length"', '["length"]'), "there is no rule of kind"),
    "no kind": (instead('kind = "length", ', ""), "the rule needs a kind"),
    "a parameter": (instead("above = 200", "abvoe = 200"), "a rule of kind length takes below or above"),
    "no parameter": (instead(", above = 200", ""), "a rule of kind length takes below or above"),
    "a parameter of another kind": (
        instead(LENGTH, 'rule = { kind = "measured", above = 2 }'), "a rule of kind measured takes no parameters",
    ),
    "a parameter too few": (
        instead(LENGTH, 'rule = { kind = "fillers", least = 4 }'), "a rule of kind fillers takes dense_least, dense_per_hundred, least, per_hundred",
    ),
    "a parameter that is a text": (instead("200", '"200"'), "the rule's above must be a number"),
    "a parameter that is true": (instead("200", "true"), "the rule's above must be a number"),
    "a parameter that is no number": (instead("200", "nan"), "the rule's above must be a number"),
    "a parameter without end": (instead("200", "inf"), "the rule's above must be a number"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_mistake_says_file_table_and_reason(content: str, reason: str, own: Path) -> None:
    with pytest.raises(RulesRefused) as caught:
        load(own, content)
    assert re.match(r"own\.toml, line \d+: \[finding\.'own\.finding'\]: ", str(caught.value))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (without("points = -1"), 2),
        (instead("-1", "-1.5"), 4),
        (instead("above = 200", "abvoe = 200"), 9),
        (instead('"A"', '"{name}"'), 7),
        (GOOD + "colour = 1", 10),
        (GOOD + "\n[finding.'other']\npoints = -2\n" + 'rule = { kind = "poem" }\n', 11),
    ],
)
def test_a_mistake_says_on_which_line_it_stands(content: str, line: int, own: Path) -> None:
    with pytest.raises(RulesRefused) as caught:
        load(own, content)
    assert str(caught.value).startswith(f"own.toml, line {line}: ")


def test_a_mistake_that_is_switched_off_is_told_too(own: Path) -> None:
    with pytest.raises(RulesRefused, match=r"line 9: .*there is no rule of kind 'lenght'"):
        load(own, instead('"length"', '"lenght"') + "on = false\n")


def test_an_own_file_changes_a_threshold_alone(own: Path, catalogue: Catalogue) -> None:
    changed = load(own, '[finding."situation.too_long"]\nrule = { above = 0.5 }\n')
    rule = next(rule for rule in changed.rules if rule.id == "situation.too_long")
    shipped = next(rule for rule in catalogue.rules if rule.id == "situation.too_long")
    assert rule.kind == "crowded_out"
    assert dict(rule.parameters) == {**shipped.parameters, "above": 0.5}


def test_advice_may_be_a_list_of_which_the_last_always_fits(own: Path) -> None:
    catalogue = load(own, instead('"A"', '["After “{step}”: A.", "At {count}: A."]'))
    rule = next(rule for rule in catalogue.rules if rule.id == "own.finding")
    assert (rule.nearer_advice, rule.advice) == (("After “{step}”: A.",), "At {count}: A.")


def test_own_advice_takes_the_place_of_all_that_is_shipped(own: Path) -> None:
    catalogue = load(own, '[finding."result.missing"]\nadvice = "Say how it ended."\n')
    rule = next(rule for rule in catalogue.rules if rule.id == "result.missing")
    assert (rule.nearer_advice, rule.advice) == ((), "Say how it ended.")


#: A finding of each kind of rule that a coach could add.
OF_EACH_KIND = {
    "no_story": "",
    "missing": ", doubt = 0.2",
    "crowded_out": ", above = 0.5, action_below = 0.3, least_words = 50",
    "thin_action": ", share_below = 0.2, steps_below = 2, words_below = 20",
    "we_not_i": ", least_steps = 3",
    "passive_steps": ", least_steps = 3, share = 0.6",
    "unmeasured": "",
    "measured": "",
    "ownership": ", least_steps = 4, first_person_share = 0.5",
    "no_lesson": "",
    "length": ", below = 30, above = 300",
    "fillers": ", per_hundred = 3, least = 5, dense_per_hundred = 8, dense_least = 4",
    "model": "",
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_finding_of_every_kind_can_be_added(kind: str, own: Path) -> None:
    catalogue = load(
        own, instead(LENGTH, f'component = "ACTION"\nrule = {{ kind = "{kind}"{OF_EACH_KIND[kind]} }}')
    )
    rule = next(rule for rule in catalogue.active() if rule.id == "own.finding")
    assert rule.kind == kind
    assert set(rule.parameters) <= PARAMETERS[kind] | {"below", "above"}


def test_a_mistake_in_a_shipped_finding_that_is_changed_names_the_own_file(own: Path) -> None:
    with pytest.raises(RulesRefused, match=r"^own\.toml, line 2: \[finding\.'story\.absent'\]: severity"):
        load(own, '[finding."story.absent"]\nseverity = "grave"\n')


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff", "can't be read as UTF-8"),
        (b"[finding", "own.toml: "),
        (b'[findings."x"]\n', "own.toml: [findings] is not known"),
        (b"finding = 5\n", "own.toml: [finding]: each finding is a table"),
        (b"[finding]\nx = 5\n", "own.toml: [finding]: each finding is a table"),
    ],
)
def test_a_file_that_is_no_rules_file_is_refused(content: bytes, reason: str, own: Path) -> None:
    with pytest.raises(RulesRefused) as caught:
        load(own, content)
    assert reason in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesRefused, match=r"none\.toml can't be read"):
        load_catalogue(str(tmp_path / "none.toml"))


def test_the_places_of_messages_are_those_that_are_filled() -> None:
    assert {"anchor", "words", "count", "total", "share", "step", "do", "verb", "thing", "who"} == PLACES
    assert set(FILLS) == set(KINDS)
    assert frozenset().union(*FILLS.values()) <= PLACES
