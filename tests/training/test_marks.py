"""Inline marks: what is written is what is read, and what can't be read is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.labels import Label
from training.corpus import GoldSpan, LabelledAnswer
from training.marks import MarkError, format_marks, parse_marks, read_marked

words = st.lists(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="["), min_size=1, max_size=8
    ).filter(lambda word: not any(character.isspace() for character in word)),
    min_size=1,
    max_size=6,
)
blanks = st.sampled_from([" ", "  ", "\n", "\n\n", " \n "])


@st.composite
def labelled_texts(draw: st.DrawFn) -> tuple[str, tuple[GoldSpan, ...]]:
    text = ""
    spans: list[GoldSpan] = []
    for _ in range(draw(st.integers(1, 6))):
        label = draw(st.sampled_from([label for label in Label if not spans or label != spans[-1].label]))
        if text:
            text += draw(blanks)
        body = draw(blanks).join(draw(words))
        spans.append(GoldSpan(len(text), len(text) + len(body), label))
        text += body
    return text, tuple(spans)


@given(labelled_texts())
def test_marks_come_back_as_they_were(labelled: tuple[str, tuple[GoldSpan, ...]]) -> None:
    assert parse_marks(format_marks(*labelled)) == labelled


def test_a_mark_and_its_space_are_no_part_of_the_text() -> None:
    text, spans = parse_marks("[S] It was late. [A] I ran, [R] and I caught it.\n")
    assert text == "It was late. I ran, and I caught it."
    assert [(text[span.start : span.end], span.label) for span in spans] == [
        ("It was late.", Label.SITUATION),
        ("I ran,", Label.ACTION),
        ("and I caught it.", Label.RESULT),
    ]


def test_other_brackets_are_text() -> None:
    assert parse_marks("[A] I rang [NAME] and [a] friend [X].")[0] == "I rang [NAME] and [a] friend [X]."


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        ("It was late.", "must open with a mark"),
        ("Well, [S] it was late.", "must open with a mark"),
        ("", "must open with a mark"),
        ("[S] It was late. [A] ", "no words after it"),
        ("[S] [A] I ran.", "no words after it"),
        ("[A] I ran. [A] I jumped.", "side by side"),
        ("[S] It was la[A] te.", "inside a word"),
    ],
)
def test_what_cannot_be_meant_is_refused(marked: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_marks(marked)


GOOD = """## a-1
question: Tell me about a time.
type: behavioural
kind: story
components: S2 T0 A3 R1
score: 3
findings: task.missing, answer.too_short
mode: typed
occupation: nurse

[S] It was late. [A] I ran.
"""


def read(tmp_path: Path, content: str) -> list[tuple[int, LabelledAnswer | MarkError]]:
    path = tmp_path / "r9-w9-01.star"
    path.write_text(content, encoding="utf-8")
    return list(read_marked(path))


def test_a_marked_file_is_read(tmp_path: Path) -> None:
    ((line, answer),) = read(tmp_path, GOOD)
    assert line == 1
    assert not isinstance(answer, MarkError)
    assert answer.id == "a-1"
    assert answer.question == "Tell me about a time."
    assert (answer.question_type, answer.answer_kind) == ("behavioural", "story")
    assert answer.components == {"S": 2, "T": 0, "A": 3, "R": 1}
    assert answer.score == 3
    assert answer.findings == ("answer.too_short", "task.missing")
    assert answer.meta == {"batch": "r9-w9-01", "mode": "typed", "occupation": "nurse"}
    assert answer.text == "It was late. I ran."


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("components: S2 T0 A3 R1", "components: S2 T0", "components must read like"),
        ("mode: typed", "mood: typed", "header line not understood"),
        ("mode: typed", "just words", "header line not understood"),
        ("score: 3", "score: three", "could not convert"),
        ("[S] It", "It", "must open with a mark"),
        ("nurse\n\n", "nurse\n", "no blank line"),
    ],
)
def test_a_broken_answer_is_named_by_its_line_and_the_next_one_is_read(
    before: str, after: str, reason: str, tmp_path: Path
) -> None:
    broken = GOOD.replace(before, after).replace("a-1", "b-1")
    (_, first), (line, error), (_, last) = read(tmp_path, GOOD + broken + GOOD.replace("a-1", "c-1"))
    assert isinstance(error, MarkError)
    assert line == error.line == 1 + GOOD.count("\n")
    assert "b-1" in error.problem
    assert reason in error.problem
    assert isinstance(first, LabelledAnswer)
    assert isinstance(last, LabelledAnswer)
    assert (first.id, last.id) == ("a-1", "c-1")
