"""How an answer is cut into rows, whatever its spans and findings are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.labels import Label, Severity
from service.reports.figures import Raised
from service.reports.layout import Note, Stretch, lay_out

from .replies import figures, told


def raised(start: int | None, end: int | None, insert_at: int | None) -> Raised:
    return Raised("a.b", Severity.ADVICE, Label.TASK, "m", "w", "a", start, end, insert_at, None)


def test_rows_stand_in_the_order_of_the_answer() -> None:
    row = told()
    layout = lay_out(row.answer, row.reply["spans"], figures(row)[0].found)
    shown = [f"gap {item.found.component}" if isinstance(item, Note) else item.label for item in layout.rows]
    assert shown == ["OTHER", "SITUATION", "gap TASK", "ACTION", "RESULT", "ACTION", "RESULT"]
    assert [note.number for note in layout.notes] == [1, 2, 3, 4, 5]
    assert [note.found.id for note in layout.whole] == ["answer.too_short"]


def test_a_stretch_is_cut_where_something_belongs_into_it() -> None:
    spans = [{"start": 0, "end": 11, "label": "ACTION", "confidence": 0.9}]
    rows = lay_out("I did. That", spans, [raised(None, None, 7)]).rows
    assert [item.found.insert_at if isinstance(item, Note) else (item.start, item.continued) for item in rows] == [
        (0, False), 7, (7, True),
    ]  # fmt: skip


def test_words_without_a_span_are_shown() -> None:
    layout = lay_out("  one two  ", [], [])
    assert [(row.label, row.start, row.end) for row in layout.rows if isinstance(row, Stretch)] == [
        (None, 2, 9)
    ]


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, list[dict[str, object]], list[Raised]]:
    text = draw(st.text(alphabet=st.sampled_from("ab \n\r\u0301\u200f😀<"), min_size=1, max_size=30))
    offsets = st.integers(0, len(text))
    edges = sorted(draw(st.sets(offsets, max_size=6)))
    spans: list[dict[str, object]] = [
        {"start": one, "end": other, "label": draw(st.sampled_from(list(Label))), "confidence": 0.9}
        for one, other in zip(edges[::2], edges[1::2], strict=False)
    ]
    found = []
    for start, end in draw(st.lists(st.tuples(offsets, offsets).map(sorted), max_size=4)):
        kind = draw(st.sampled_from(("words", "gap", "whole")))
        found.append(
            raised(start, end, None)
            if kind == "words"
            else raised(None, None, start if kind == "gap" else None)
        )
    return text, spans, found


@given(answers())
def test_nothing_is_lost_or_doubled(made: tuple[str, list[dict[str, object]], list[Raised]]) -> None:
    text, spans, found = made
    layout = lay_out(text, spans, found)
    stretches = [row for row in layout.rows if isinstance(row, Stretch)]
    for row in stretches:
        assert "".join(piece.text for piece in row.pieces) == text[row.start : row.end]
    assert "".join("".join(text[row.start : row.end].split()) for row in stretches) == "".join(text.split())
    assert [note.found for note in layout.notes] != [] or not found
    placed = [note for row in layout.rows for note in ([row] if isinstance(row, Note) else row.notes)]
    assert sorted(note.number for note in [*placed, *layout.whole]) == list(range(1, len(found) + 1))
    for note in layout.notes:
        if note.place == "words":
            under = "".join(piece.text for row in stretches for piece in row.pieces if note in piece.notes)
            words = text[note.found.start : note.found.end]
            assert "".join(under.split()) == "".join(words.split())
            begun = [note.number in piece.begins for row in stretches for piece in row.pieces]
            ended = [note in piece.ends for row in stretches for piece in row.pieces]
            assert sum(begun) == sum(ended) == 1
