"""Spans are mended where there is one way to mend them, and refused with what to do where there is not."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.labels import Label
from training.check import problems
from training.corpus import GoldSpan, LabelledAnswer
from training.formats.alignment import align, spans_of_words
from training.formats.fields import named
from training.formats.records import ForeignSpan

from .strategies import CHARACTERS, labelled_answers

TEXT = 'It died, so "I ran" home. Fine.'
S, T, A, R, O = Label  # noqa: E741


def spans(*places: tuple[int, int, str]) -> list[ForeignSpan]:
    return [ForeignSpan(*place) for place in places]


def test_spans_on_words_are_taken_as_they_are() -> None:
    fitted = align(TEXT, spans((0, 8, "SITUATION"), (9, 25, "ACTION"), (26, 31, "RESULT")))
    assert fitted.spans == (GoldSpan(0, 8, S), GoldSpan(9, 25, A), GoldSpan(26, 31, R))
    assert (fitted.mended, fitted.reasons) == ((), ())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0, 9), (9, 25)),  # the blank behind
        ((0, 8), (8, 25)),  # the blank before
        ((0, 7), (9, 25)),  # without the comma
        ((0, 7), (7, 25)),  # the comma on the wrong side
        ((0, 8), (9, 24)),  # without the full stop
        ((0, 8), (9, 26)),
    ],
)
def test_white_space_and_punctuation_at_an_edge_are_mended(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    fitted = align(TEXT, spans((*first, "SITUATION"), (*second, "ACTION"), (26, 31, "RESULT")))
    assert fitted.spans == (GoldSpan(0, 8, S), GoldSpan(9, 25, A), GoldSpan(26, 31, R))
    assert fitted.reasons == ()
    assert fitted.mended
    assert all("edges were moved" in what for what in fitted.mended)


def test_an_opening_quote_goes_with_its_word() -> None:
    fitted = align(
        'He said "go now" twice.', spans((0, 7, "SITUATION"), (9, 15, "ACTION"), (17, 23, "OTHER"))
    )
    assert [named(span) for span in fitted.spans] == [
        (0, 7, "SITUATION"),
        (8, 16, "ACTION"),
        (17, 23, "OTHER"),
    ]


def test_a_span_without_a_word_is_taken_away_and_said() -> None:
    fitted = align("I ran.  Home.", spans((0, 6, "ACTION"), (6, 8, "RESULT"), (8, 13, "RESULT")))
    assert fitted.spans == (GoldSpan(0, 6, A), GoldSpan(8, 13, R))
    assert fitted.mended == ("span 6-8: it holds no word and was taken away",)


@pytest.mark.parametrize(
    ("given_spans", "reason"),
    [
        (((0, 4, "SITUATION"), (4, 12, "ACTION")), "span 0-4: it cuts a word; move its edge to the word's"),
        (
            ((0, 7, "SITUATION"), (3, 12, "ACTION")),
            "spans 0-7 and 3-12 overlap with the labels SITUATION and ACTION",
        ),
        (((0, 7, "SITUATION"), (8, 40, "ACTION")), "span 8-40: it lies outside the 12 characters"),
        (((0, 7, "SITUATION"), (-4, 12, "ACTION")), "span -4-12: it lies outside the 12 characters"),
        (((7, 0, "SITUATION"), (8, 12, "ACTION")), "span 7-0: it lies outside"),
        (
            ((0, 12, "STAR_Situation"),),
            "the label 'STAR_Situation' is unknown; say what it is: --label NAME=",
        ),
        (((0, 12, "a secret of the candidate"),), "the label of 25 characters is unknown"),
        (
            ((0, 7, "SITUATION"),),
            "1 words have no label, the first at 8; label every word, or import with --fill",
        ),
        ((), "no word has a label"),
    ],
)
def test_what_is_not_certain_is_refused_with_what_to_do(
    given_spans: tuple[tuple[int, int, str], ...], reason: str
) -> None:
    fitted = align("It died then", spans(*given_spans))
    assert any(reason in found for found in fitted.reasons), fitted.reasons


def test_an_answer_without_words_is_refused() -> None:
    assert align(" \n", []).reasons == ("the answer is empty",)


def test_punctuation_alone_is_no_side_to_lean_to() -> None:
    assert align("well -- yes", spans((0, 6, "OTHER"), (6, 11, "ACTION"))).reasons


@pytest.mark.parametrize("label", ["Action", "action", " ACTION "])
def test_the_case_of_a_known_label_is_mended(label: str) -> None:
    fitted = align("I ran.", spans((0, 6, label)))
    assert fitted.spans == (GoldSpan(0, 6, A),)
    assert len(fitted.mended) == 1
    assert "is read as ACTION" in fitted.mended[0]


def test_the_user_says_what_a_foreign_label_means() -> None:
    fitted = align("I ran.", spans((0, 6, "STAR_Act")), labels={"STAR_Act": "ACTION"})
    assert fitted == align("I ran.", spans((0, 6, "ACTION")))


def test_neighbours_of_one_label_and_doubles_are_one_span() -> None:
    fitted = align("I ran. I sat.", spans((0, 6, "ACTION"), (0, 6, "ACTION"), (7, 13, "ACTION")))
    assert fitted.spans == (GoldSpan(0, 13, A),)
    assert len(fitted.mended) == 2


def test_words_without_a_label_become_other_only_when_asked_to() -> None:
    fitted = align("Well yes I ran home.", spans((9, 14, "ACTION")), fills=True)
    assert [named(span) for span in fitted.spans] == [(0, 8, "OTHER"), (9, 14, "ACTION"), (15, 20, "OTHER")]
    assert fitted.mended == ("3 words have no label, the first at 0; they became OTHER",)
    joined = align("Well yes I ran home.", spans((0, 4, "OTHER"), (9, 20, "ACTION")), fills=True)
    assert [named(span) for span in joined.spans] == [(0, 8, "OTHER"), (9, 20, "ACTION")]


def test_nothing_is_filled_beside_what_is_refused() -> None:
    fitted = align("Well yes I ran home.", spans((9, 14, "Aktion")), fills=True)
    assert fitted.mended == ()
    assert len(fitted.reasons) == 1


def test_quoted_words_must_stand_at_the_offsets() -> None:
    text = " \n \n It was late. I ran."
    good = [ForeignSpan(5, 17, "SITUATION", "It was late."), ForeignSpan(18, 24, "ACTION", "I ran.")]
    assert align(text, good).reasons == ()
    moved = [ForeignSpan(6, 18, "SITUATION", "It was late."), good[1]]
    assert align(text, moved).reasons == (
        "span 6-18: the words quoted with it stand elsewhere; label it again in the tool",
    )


def test_a_line_end_may_be_quoted_as_label_studio_does() -> None:
    assert align("It was\nlate.", [ForeignSpan(0, 12, "SITUATION", "It was\\nlate.")]).reasons == ()


def test_offsets_in_utf_16_are_found_by_the_words() -> None:
    text = "😀 It was late. I ran 😀 home."
    units = spans((0, 2, "OTHER"), (3, 15, "SITUATION"), (16, 30, "ACTION"))
    fitted = align(text, units, counts_utf16=True)
    assert [text[span.start : span.end] for span in fitted.spans] == ["😀", "It was late.", "I ran 😀 home."]
    assert fitted.mended == ("offsets count UTF-16 units; they were turned into characters",)
    assert align(text, units).reasons


def test_offsets_in_characters_stay_what_they_are_beside_emoji() -> None:
    text = "😀 It was late."
    fitted = align(text, spans((0, 1, "OTHER"), (2, 14, "SITUATION")), counts_utf16=True)
    assert (fitted.mended, fitted.reasons) == ((), ())


@given(labelled_answers())
def test_a_faultless_answer_is_never_changed(answer: LabelledAnswer) -> None:
    fitted = align(answer.text, [ForeignSpan(*named(span)) for span in answer.spans], counts_utf16=True)
    assert fitted.spans == answer.spans
    assert (fitted.mended, fitted.reasons) == ((), ())


@given(labelled_answers())
def test_any_answer_is_read_in_utf_16_too(answer: LabelledAnswer) -> None:
    assume(any(ord(character) > 0xFFFF for character in answer.text))

    def units(offset: int) -> int:
        return len(answer.text[:offset].encode("utf-16-le")) // 2

    foreign = [ForeignSpan(units(span.start), units(span.end), span.name) for span in answer.spans]
    fitted = align(answer.text, foreign, counts_utf16=True)
    assert fitted.spans == answer.spans
    assert fitted.reasons == ()


@given(
    st.text(CHARACTERS, max_size=40),
    st.lists(
        st.tuples(st.integers(-3, 45), st.integers(-3, 45), st.sampled_from(["ACTION", "task", "ST", "x"])),
        max_size=5,
    ),
    st.booleans(),
    st.booleans(),
)
def test_whatever_comes_is_refused_or_faultless(
    text: str, given_spans: list[tuple[int, int, str]], fills: bool, counts_utf16: bool
) -> None:
    fitted = align(text, spans(*given_spans), fills=fills, counts_utf16=counts_utf16)
    if fitted.reasons:
        return
    answer = LabelledAnswer(id="x", question=None, text=text, spans=fitted.spans)
    # The checker looks at the label only; SITUATION or TASK beside TASK is two spans to readers.
    found = [line for line in problems(answer, ()) if "has the label of the one before" not in line]
    assert found == []
    names = [span.name for span in fitted.spans]
    assert all(first != second for first, second in itertools.pairwise(names))


def test_words_make_spans() -> None:
    words = [(0, 1, A), (2, 3, A), (4, 5, None), (6, 7, R)]
    assert spans_of_words(words) == (GoldSpan(0, 3, A), GoldSpan(4, 5, O), GoldSpan(6, 7, R))
