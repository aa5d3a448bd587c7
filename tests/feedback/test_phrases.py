"""Phrases are found as whole words, in any case, in time that grows with the text."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.feedback.phrases import Phrases, Words


def found(text: str, *phrases: str) -> list[str]:
    return [text[place.start : place.end] for place in Phrases(phrases).find(text)]


@pytest.mark.parametrize(
    ("phrase", "text", "words"),
    [
        ("pay", "Is the Pay paid? I repay.", ["Pay"]),
        ("pay*", "Is the pay paid by payroll?", ["pay", "payroll"]),
        ("who's", "Who’s there, who's here?", ["Who’s", "who's"]),
        ("days off", "How many days\noff, or days, off?", ["days, off"]),
        ("pay/leave policy", "the leave policy, a pay-policy", ["leave policy", "pay-policy"]),
        (
            "how … measure*",
            "How will my work be measured? How? Measure it.",
            ["How will my work be measured"],
        ),
        ("how … measured", "how one two three four five measured", ["how one two three four five measured"]),
        ("how … measured", "how one two three four five six measured", []),
        ("how … measured", "How is it? It is measured.", []),
        ("work-life", "Work-life, work life", ["Work-life"]),
        ("a b", "a b b, a a b", ["a b", "a b"]),
    ],
)
def test_a_phrase_is_found(phrase: str, text: str, words: list[str]) -> None:
    assert found(text, phrase) == words


def test_of_two_phrases_the_longer_is_found_and_its_number_told() -> None:
    phrases = Phrases(["what", "what time", "time"])
    places = list(phrases.find("What time? What now?"))
    assert [phrases.phrases[place.number] for place in places] == ["what time", "what"]


def test_a_phrase_may_be_asked_for_at_a_place() -> None:
    phrases = Phrases(["leave", "days of leave"])
    text = "days of leave"
    assert phrases.at(text, 0) is not None
    assert phrases.at(text, 8) is not None
    assert phrases.at(text, 5) is None
    assert phrases.at(text, 9) is None, "the middle of a word is no place"
    assert list(Phrases([]).find(text)) == []


def test_single_words_and_stems() -> None:
    words = Words(["team*", "what's", "role"])
    assert {word for word in ("Teams", "team", "what’s", "role", "roles", "tea") if word in words} == {
        "Teams", "team", "what’s", "role",
    }  # fmt: skip


@given(st.text(max_size=80))
def test_what_is_found_are_whole_words_in_order(text: str) -> None:
    places = list(Phrases(["a", "b*", "a … b", "a/b c"]).find(text))
    for one, other in itertools.pairwise(places):
        assert one.end <= other.start
    for place in places:
        assert place.start < place.end <= len(text)


@pytest.mark.parametrize("unit", ["how ", "how' ", "'", "a'", "how-", "how one two ", "é ", "how\n"])
def test_time_grows_with_the_text_and_no_faster(unit: str) -> None:
    phrases = Phrases(["how … measure*", "how … one … end", "a … b … c"])

    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        began = time.process_time()
        list(phrases.find(text))
        return time.process_time() - began

    seconds(100)
    assert seconds(40_000) < 12 * max(seconds(10_000), 0.005)
