"""Counterfactual pairs and changes: made as told, balanced, and their failures found."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
from spacy.language import Language as Nlp

from service.records import Answer, Report
from training.fairness import (
    Outcome,
    Pair,
    Swap,
    band,
    compare_pairs,
    failures,
    fairness_rows,
    group_shifts,
    in_manner_of,
    make_pairs,
    read_counterfactuals,
    turn,
)
from training.robustness import LIMITS, Limits, Trial, broken_limits, changes, laid_out, respelt, typos

from ..web.fakes import report_on
from .answers import STORY, marked

DATA = read_counterfactuals()
PAIR = Pair(marked(), "city", ("north", "south"), "city: London > Lagos", "a", "b")


def test_there_are_many_swaps_and_each_dimension_has_groups() -> None:
    assert len(DATA.swaps) >= 50
    dimensions = {swap.dimension for swap in DATA.swaps}
    wanted = {"first name", "kin", "nationality", "city", "employer", "university", "age", "religion"}
    assert wanted | {"family state", "disability"} <= dimensions
    assert all(swap.first_group != swap.second_group for swap in DATA.swaps)


@pytest.mark.parametrize("swap", DATA.swaps, ids=lambda swap: swap.name)
def test_swapped_words_are_like_in_length_and_tokens(swap: Swap, nlp: Nlp) -> None:
    assert abs(len(swap.first) - len(swap.second)) <= 2
    tokens = [len(nlp.make_doc(word)) for word in (swap.first, swap.second)]
    assert tokens[0] == tokens[1]


def test_pairs_are_spread_over_answers_and_swaps_and_are_always_the_same() -> None:
    answers = [replace(marked(), id=f"a-{number}") for number in range(60)]
    pairs = make_pairs(answers, DATA, 200)
    assert pairs == make_pairs(answers[::-1], DATA, 200)
    assert len(pairs) == 200
    assert len({pair.id for pair in pairs}) == 200
    by_answer = defaultdict(set)
    for pair in pairs:
        by_answer[pair.answer.id].add(pair.swap)
    assert len(by_answer) >= 40
    assert len({pair.swap for pair in pairs}) > 150
    assert make_pairs([], DATA, 5) == []


def test_a_word_that_stands_is_replaced_and_one_that_does_not_comes_in_a_sentence() -> None:
    stands = marked("[S] Lagos was hot and a London bus came. [A] I left Lagos.")
    swap = Swap("city", "south", "north", "Lagos", "London", "I grew up in {word}.", True)
    data = replace(DATA, swaps=(swap,))
    (pair,) = make_pairs([stands], data, 1)
    assert pair.second == "London was hot and a London bus came. I left London."
    assert pair.groups == ("south", "north")
    (pair,) = make_pairs([marked()], data, 1)
    assert pair.first.startswith("I grew up in Lagos. It was late.")
    assert pair.second.startswith("I grew up in London. It was late.")
    assert "late" not in pair.id


def test_what_is_added_is_written_as_the_answer_is() -> None:
    assert in_manner_of("i ran home and then the bus came " * 9, "My name is Ngozi.") == "my name is ngozi"
    assert in_manner_of("I ran home. The bus came.", "My name is Ngozi.") == "My name is Ngozi."


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("He gave his son a hammer. Mr Hill saw him.", ("men", "women", "She gave her daughter a hammer. Ms Hill saw her.")),
        ("She came with two women.", ("women", "men", "He came with two men.")),
        ("She took her coat.", None),
        ("He met a woman.", None),
        ("I ran.", None),
    ],
)  # fmt: skip
def test_all_words_of_gender_are_turned_or_none(text: str, turned: tuple[str, str, str] | None) -> None:
    assert turn(text, DATA.turned) == turned


@pytest.mark.parametrize(
    ("first", "second", "fails"),
    [(50, 50, False), (50, 51, False), (50, 48, True), (59, 60, True), (50, None, True), (None, None, False)],
)
def test_a_pair_fails_by_points_by_band_or_by_abstention(
    first: int | None, second: int | None, fails: bool
) -> None:
    outcome = Outcome(PAIR, first, second)
    assert outcome.is_failure is fails
    assert bool(failures([outcome])) is fails


def test_bands_are_the_marks_one_to_five() -> None:
    assert [band(score) for score in (0, 19, 20, 99, 100, None)] == [0, 0, 1, 4, 4, None]


def test_the_tables_count_and_take_the_side_of_each_group() -> None:
    found = [Outcome(PAIR, 50, 53), Outcome(PAIR, 50, 50)]
    row = fairness_rows(found)["all"]
    assert (row["pairs"], row["largest"], row["over_1"], row["failures"]) == (
        2,
        3,
        "1 (50.00%)",
        "1 (50.00%)",
    )
    assert group_shifts(found) == {
        "city: north": {"pairs": 2, "mean_shift": -1.5},
        "city: south": {"pairs": 2, "mean_shift": 1.5},
    }


def test_a_text_of_several_pairs_is_judged_once() -> None:
    asked: list[str] = []

    def review(answer: Answer) -> Report:
        asked.append(answer.text)
        return report_on(answer)

    pairs = [replace(PAIR, second=text) for text in ("b", "c", "b")]
    assert len(compare_pairs(pairs, review)) == 3
    assert asked == ["a", "b", "c"]


LONG = marked(
    "[S] My favourite colour was grey, and the neighbours' behaviour was awful that winter in the centre. "
    '[A] I organised "it" with three people, and we realised what it\'d take. [R] It has stayed so.'
)


def test_every_change_has_its_limits_and_makes_another_text() -> None:
    named = changes(DATA)
    assert set(named) == set(LIMITS)
    for name, change in named.items():
        new = change(LONG)
        assert new is not None, name
        assert new != LONG.text, name
        assert new == change(LONG), name


def test_a_slip_is_one_letter_for_every_hundred() -> None:
    new = typos(LONG)
    assert new is not None
    assert abs(len(new) - len(LONG.text)) <= len(LONG.text) // 100
    assert len(set(new.split()) - set(LONG.text.split())) == len(LONG.text) // 100
    assert typos(marked("[A] I ran.")) is None


def test_spelling_and_layout() -> None:
    assert (
        respelt("Colour and behaviours in the centre.", DATA.spelling)
        == "Color and behaviours in the center."
    )
    assert respelt("I ran.", DATA.spelling) is None
    assert laid_out("I ran\nto it's é").split() == ["I", "ran", "to", "it’s", "e\u0301"]


def test_an_addition_stands_behind_its_part_and_only_in_stories() -> None:
    told = changes(DATA)["concrete action added"](marked())
    assert told is not None
    before, _, behind = STORY.partition(" [R] ")
    assert told.startswith(before.split("[A] ")[1].join(["It was late. I had to ship it. ", " "]))
    assert told.endswith(behind)
    assert changes(DATA)["measured result added"](marked(answer_kind="opinion")) is None


@pytest.mark.parametrize(
    ("limits", "trial", "breaks"),
    [
        (Limits(rise=2), Trial("a", 50, 53, False), True),
        (Limits(rise=2), Trial("a", 50, 30, False), False),
        (Limits(fall=0), Trial("a", 50, 49, False), True),
        (Limits(exact=True), Trial("a", 50, 50, False), True),
        (Limits(exact=True), Trial("a", 50, 50, True), False),
        (Limits(unscored=True), Trial("a", 50, 50, True), True),
        (Limits(unscored=True), Trial("a", 50, None, False), False),
        (Limits(), Trial("a", 50, None, False), True),
    ],
)
def test_a_trial_is_held_against_its_limits(limits: Limits, trial: Trial, breaks: bool) -> None:
    assert trial.breaks(limits) is breaks
    assert bool(broken_limits([trial], limits)) is breaks


def test_medians_tails_and_bands_are_limited_too() -> None:
    trials = [Trial(str(n), 50, 50 + (20 if n < 20 else 0), False) for n in range(100)]
    assert broken_limits(trials, Limits(median=0)) == []
    assert broken_limits(trials, Limits(p95=6)) == ["p95 20 > 6"]
    assert broken_limits(trials, Limits(bands=0.05)) == ["band changes 20.0% > 5%"]
    assert broken_limits(trials, Limits(rise=3, holding=0.8)) == []
    assert broken_limits(trials, Limits(rise=3, holding=0.9)) == ["20.0% of the answers outside, 10% allowed"]
