"""Cuts an answer into the rows of a page: stretches of one label, gaps between them, and the notes beside.

The page of the web service does the same in its ``layout.js``; here offsets are code points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from service.labels import COMPONENTS, Label
from service.reports.figures import Raised

Place = Literal["whole", "gap", "words"]


@dataclass(frozen=True, slots=True)
class Note:
    """A finding with its number, in reading order, and what it is about: all of it, a gap, or words."""

    number: int
    place: Place
    found: Raised


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a row under the same notes; ``begins`` and ``ends`` name those that do so here."""

    text: str
    notes: tuple[Note, ...]
    begins: tuple[int, ...]
    ends: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """``answer[start:end]`` of one label, or of none; its pieces join to it, ``notes`` begin in it."""

    label: Label | None
    confidence: float | None
    continued: bool
    start: int
    end: int
    pieces: tuple[Piece, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """The notes by number, and the rows in order: a stretch of words, or a note about what belongs there."""

    notes: tuple[Note, ...]
    rows: tuple[Stretch | Note, ...]

    @property
    def whole(self) -> tuple[Note, ...]:
        """The notes on the whole answer."""
        return tuple(note for note in self.notes if note.place == "whole")


def lay_out(answer: str, spans: Sequence[Mapping[str, Any]], found: Sequence[Raised]) -> Layout:
    """Return the layout of an answer with the spans of its reply."""
    notes = _numbered(answer, found)
    gaps = [note for note in notes if note.place == "gap"]
    marked = [note for note in notes if note.place == "words"]
    stretches = [
        replace(stretch, pieces=_pieces(answer, stretch, marked))
        for stretch in _cut(_stretches(answer, spans), [note.found.insert_at or 0 for note in gaps])
    ]
    rows: list[Stretch | Note] = []
    for stretch in _with_notes(stretches, marked):
        while gaps and (gaps[0].found.insert_at or 0) <= stretch.start:
            rows.append(gaps.pop(0))
        rows.append(stretch)
    return Layout(notes, (*rows, *gaps))


def _numbered(answer: str, found: Sequence[Raised]) -> tuple[Note, ...]:
    placed = sorted(((_place(answer, item), item) for item in found), key=lambda pair: _order(*pair))
    return tuple(Note(number, place, item) for number, (place, item) in enumerate(placed, start=1))


def _place(answer: str, found: Raised) -> Place:
    if found.start is not None and answer[found.start : found.end].strip():
        return "words"
    return "whole" if found.insert_at is None else "gap"


def _order(place: Place, found: Raised) -> tuple[int, int, int, int]:
    """Put a gap before the words that begin at its offset, and two gaps in the order of a story."""
    if place == "whole":
        return (0, 0, 0, 0)
    if place == "gap":
        part = COMPONENTS.index(found.component) if found.component in COMPONENTS else -1
        return (1, found.insert_at or 0, 0, part)
    return (1, found.start or 0, 1, found.end or 0)


def _stretches(answer: str, spans: Sequence[Mapping[str, Any]]) -> list[Stretch]:
    """Return the spans, and whatever words lie outside them, in order."""
    stretches: list[Stretch] = []
    edges = [0, *(edge for span in spans for edge in (span["start"], span["end"])), len(answer)]
    for index, (start, end) in enumerate(pairwise(edges)):
        if index % 2:
            span = spans[index // 2]
            stretches.append(Stretch(Label(span["label"]), span["confidence"], False, start, end))
        elif answer[start:end].strip():
            text = answer[start:end]
            first = start + len(text) - len(text.lstrip())
            stretches.append(Stretch(None, None, False, first, first + len(text.strip())))
    return stretches


def _cut(stretches: Sequence[Stretch], offsets: Sequence[int]) -> list[Stretch]:
    """Return the stretches cut at every offset that lies inside one."""
    cut = []
    for stretch in stretches:
        inside = {at for at in offsets if stretch.start < at < stretch.end}
        for start, end in pairwise([stretch.start, *sorted(inside), stretch.end]):
            cut.append(replace(stretch, start=start, end=end, continued=start != stretch.start))
    return cut


def _pieces(answer: str, stretch: Stretch, marked: Sequence[Note]) -> tuple[Piece, ...]:
    edges = {at for note in marked for at in (note.found.start, note.found.end) if at is not None}
    inside = sorted(at for at in edges if stretch.start < at < stretch.end)
    return tuple(
        Piece(
            text=answer[start:end],
            notes=tuple(
                note for note in marked if (note.found.start or 0) <= start and end <= (note.found.end or 0)
            ),
            begins=(),
            ends=(),
        )
        for start, end in pairwise([stretch.start, *inside, stretch.end])
    )


def _with_notes(stretches: Sequence[Stretch], marked: Sequence[Note]) -> list[Stretch]:
    """Put each note beside the stretch in which its words begin, and its number where they end."""
    places = [(i, j) for i, stretch in enumerate(stretches) for j in range(len(stretch.pieces))]
    under = {
        note.number: [(i, j) for i, j in places if note in stretches[i].pieces[j].notes] for note in marked
    }
    return [
        replace(
            stretch,
            notes=tuple(note for note in marked if under[note.number] and under[note.number][0][0] == i),
            pieces=tuple(
                replace(
                    piece,
                    begins=tuple(note.number for note in piece.notes if under[note.number][0] == (i, j)),
                    ends=tuple(note for note in piece.notes if under[note.number][-1] == (i, j)),
                )
                for j, piece in enumerate(stretch.pieces)
            ),
        )
        for i, stretch in enumerate(stretches)
    ]
