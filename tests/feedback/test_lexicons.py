"""Phrases are found as whole words, however the answer is laid out, in time that grows with its length."""

from __future__ import annotations

import time

import pytest

from service.feedback.catalogue import Catalogue
from service.feedback.lexicons import asks_for_lesson, find_names, find_phrases

PHRASES = ("you know", "you know what i mean", "um", "on time", "didn't")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Um, I was on time.", ["Um", "on time"]),
        ("umbrella, album, um-hum's, um’s", ["um"]),
        ("you know what I mean", ["you know what I mean"]),
        ("you\r\n  know, on\u00a0time", ["you\r\n  know", "on\u00a0time"]),
        ("I didn’t and I didn't", ["didn’t", "didn't"]),
        ("", []),
    ],
)
def test_phrases_are_whole_words_in_any_layout(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in find_phrases(text, PHRASES)] == found


def test_phrases_are_found_under_the_name_of_their_list() -> None:
    table = {"late": ("too late", "late*"), "hour": ("hour/hours",)}
    found = [
        (name, "an hour too lately"[start:end])
        for name, start, end in find_names("an hour too lately", table)
    ]
    assert found == [("hour", "hour"), ("late", "lately")]
    assert [name for name, _, _ in find_names("Too late.", table)] == ["late", "late"], "they may overlap"


def test_a_phrase_is_no_pattern() -> None:
    text = "a.b axb c+"
    assert [text[start:end] for start, end in find_phrases(text, ("a.b", "c+"))] == ["a.b", "c+"]


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Tell me about a time you failed.", True),
        ("What is your greatest weakness?", True),
        ("Describe a CONFLICT with a colleague.", True),
        ("Tell me about a difficult customer.", True),
        ("Tell me about a project you are proud of.", False),
        ("How do you prioritise?", False),
        ("", False),
        (None, False),
    ],
)
def test_which_questions_want_a_lesson(question: str | None, asks: bool) -> None:
    assert asks_for_lesson(question) is asks


def test_phrases_take_time_that_grows_with_the_length_only(catalogue: Catalogue) -> None:
    """After the pumps of ReDoS checkers: blanks, beginnings of phrases, quotes."""
    lists = [words for table in catalogue.lexicons.values() for words in table.values()]

    def seconds(pump: str, length: int) -> float:
        text = (pump * length)[:length]
        best = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            for words in lists:
                find_phrases(text, words)
            for name in ("cues", "themes"):
                list(find_names(text, catalogue.lexicons[name]))
            asks_for_lesson(text)
            best = min(best, time.perf_counter() - started)
        return best

    for pump in (" ", "you ", "at the end of the ", "you\n\n\n", "'", "difficult ", "let a ", "a", "um", "é"):
        assert seconds(pump, 20_000) < 12 * seconds(pump, 5_000) + 0.02
