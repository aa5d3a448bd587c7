"""The text that is analysed, and that every place in it leads back to the text that was given."""

from __future__ import annotations

import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.language.text import LONGEST_RUN, AnalysisText, lay_out

#: Pieces of text that take more than one code point, or none that can be seen.
PIECES = [
    "a", "Z", "7", ".", "'", " ", "  ", "\n", "\r\n", "\r", "\t", "\u00a0", "\u2003", "\u2028", "\x85", "\x00", "\x1f",
    "é", "e\u0301", "o\u0302\u0323", "\u0301", "ﬁ", "ß", "İ", "가", "\u1100\u1161", "\u200b", "\u200d", "\ufeff", "\u00ad",
    "😀", "👩🏽\u200d🚀", "👨\u200d👩\u200d👧", "🇬🇧", "❤\ufe0f", "𝒳", "’", "“", "—", "…", "مرحبا", "\u202e", "x" * 70,
]  # fmt: skip
hard_text = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
INVISIBLE = ("Cc", "Cf")


def is_visible(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in INVISIBLE


@given(hard_text)
@example("")
@example(" \u200b ")
@example("a \u200b b")
@example("e\u0301" * 70)
def test_every_place_leads_back_to_where_it_came_from(given_text: str) -> None:
    text = lay_out(given_text)
    assert len(text.text) == len(text.origin) == len(text.ends)
    for place, character in enumerate(text.text):
        start, end = text.to_given(place, place + 1)
        source = given_text[start:end]
        if character != " ":
            assert source
            composed = unicodedata.normalize("NFC", source)
            assert character in composed or not character.isalnum(), "only marks are replaced, never letters"
        else:
            assert not any(is_visible(c) for c in source)
    for (start, end), (next_start, next_end) in pairwise(zip(text.origin, text.ends, strict=True)):
        assert start <= next_start
        assert end <= next_end


@given(hard_text)
def test_everything_that_can_be_seen_is_analysed(given_text: str) -> None:
    text = lay_out(given_text)
    reached = {
        offset for place in range(len(text.text)) for offset in range(text.origin[place], text.ends[place])
    }
    missed = [c for offset, c in enumerate(given_text) if offset not in reached and is_visible(c)]
    assert missed == []


@given(hard_text)
@example("a \u200b b")
@example("\u200b a \x00")
def test_blanks_are_single_and_inside(given_text: str) -> None:
    text = lay_out(given_text).text
    assert text == text.strip(" ")
    assert "  " not in text
    assert not any(character.isspace() and character != " " for character in text)
    assert all(len(run) <= LONGEST_RUN for run in text.split(" "))


@given(hard_text)
def test_lines_open_at_words(given_text: str) -> None:
    text = lay_out(given_text)
    assert all(0 < place < len(text.text) for place in text.breaks)
    assert all(text.text[place - 1] == " " for place in text.breaks)


@given(hard_text)
@example(f"I `rang`  them \n{'x' * (LONGEST_RUN + 1)} {'y' * LONGEST_RUN} at 3 naïve-ly. So\x1cit was")
def test_plain_words_are_read_together_as_they_are_one_by_one(given_text: str) -> None:
    nowhere = {-1}  # where a word may be left out they are read one by one
    assert lay_out(given_text) == lay_out(given_text, nowhere)


@given(st.lists(st.sampled_from(["I", "rang", "them.", "naïve", "café", "😀", "it’s", "40%"]), min_size=1))
def test_a_range_of_words_leads_back_to_those_words(words: list[str]) -> None:
    given_text = "  " + " \r\n".join(words) + " "
    text = lay_out(given_text)
    position = 0
    for number, word in enumerate(text.text.split(" ")):
        start, end = text.to_given(position, position + len(word))
        assert given_text[start:end] == words[number]
        position += len(word) + 1


def test_plain_text_stays_as_it_is() -> None:
    plain = "I rang the depot. They sent a van by four."
    places = tuple(range(len(plain)))
    assert lay_out(plain) == AnalysisText(plain, places, tuple(p + 1 for p in places), frozenset(), 0)


@pytest.mark.parametrize(
    ("given_text", "analysed"),
    [
        ("It’s “done” – really…", 'It\'s "done" - really.'),
        ("cafe\u0301", "café"),
        ("one\r\n\r\ntwo\tthree\u00a0four", "one two three four"),
        ("so\u200bft hy\u00adphen", "soft hyphen"),
        ("tab\x00null", "tabnull"),
        ("a \u200b\u2066 b", "a b"),
        ("x" * 130, "x" * 64 + " " + "x" * 64 + " " + "xx"),
        ("a" + "\u0301" * 50, "á" + "\u0301" * 3),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_what_is_analysed(given_text: str, analysed: str) -> None:
    assert lay_out(given_text).text == analysed


def test_split_runs_are_counted() -> None:
    assert lay_out("word " + "x" * 130 + " word").split_runs == 2
    assert lay_out("x" * LONGEST_RUN).split_runs == 0


def opened_lines(given_text: str) -> list[str]:
    text = lay_out(given_text)
    edges = [0, *sorted(text.breaks), len(text.text)]
    return [text.text[a:b].strip() for a, b in pairwise(edges)]


def test_short_lines_and_paragraphs_open_a_line() -> None:
    assert opened_lines("- rang depot\n- got van\r\n- left") == ["- rang depot", "- got van", "- left"]
    assert opened_lines("One.\n\nTwo.\u2028Three.") == ["One.", "Two.", "Three."]


def test_lines_of_a_wrapped_mail_do_not() -> None:
    line = "When the van broke down I rang the depot and asked them to send us a new"
    mail = f"{line}\n{line}\n{line}\n\nBest."
    assert opened_lines(mail) == [" ".join([line] * 3), "Best."]


def test_the_time_grows_with_the_length_only() -> None:
    def seconds(length: int) -> float:
        text = ("e\u0301" * 100 + " ") * (length // 201)
        best = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            lay_out(text)
            best = min(best, time.perf_counter() - started)
        return best

    assert seconds(80_000) < 12 * seconds(20_000)
