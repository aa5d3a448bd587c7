"""The text that spaCy sees, and the way back to the text that was given.

Offsets are always into the given text. For analysis it is normalised (NFC, straight quotes, one space for
a run of white space), words are read in one spelling and without who they speak of (``canonical``), and unbroken runs are split, because spaCy's English tokenizer is quadratic on runs
without white space (spaCy issues 1768 and 4362). Layout therefore moves no label and no score.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from service.language.canonical import Replacement, replacements

#: The longest run of non-space characters that spaCy is given, in code points.
LONGEST_RUN = 64
#: Between these lengths (code points) most lines of a hard-wrapped text lie.
_WRAPPED_LINE = (55, 100)

_PLAIN = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u02bc": "'", "\u00b4": "'", "\u0060": "'",
        "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
        "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2015": "-",
        "\u2026": ".",
    }
)  # fmt: skip
#: Controls and format characters, such as zero-width blanks, joiners and marks of direction.
_INVISIBLE = frozenset({"Cc", "Cf"})
_PIECE = re.compile(r"\s+|\S+")
_PLAIN_WORD = rf"[!-~]{{1,{LONGEST_RUN}}}+(?!\S)"
#: As above, but words of plain characters with single blanks between them are one piece: they stay as they are.
_LONG_PIECE = re.compile(rf"(?P<plain>{_PLAIN_WORD}(?: {_PLAIN_WORD})*+)|\s+|\S+")
_NEWLINE = re.compile(r"\r\n?|[\n\x0b\x0c\x85\u2028\u2029]")
_CLUSTER = re.compile(r"[^\u0300-\u036f][\u0300-\u036f]*|[\u0300-\u036f]+")


@dataclass(frozen=True, slots=True)
class AnalysisText:
    """``text`` for spaCy; ``origin[i]`` is the given offset of ``text[i]``; ``ends[i]`` that of its end.

    ``breaks`` are the offsets in ``text`` at which a line of the given text opened; ``split_runs`` counts
    the unbroken runs that were split. ``masked`` are the offsets in ``text`` of words that are read instead of
    others that tell who somebody is.
    """

    text: str
    origin: tuple[int, ...]
    ends: tuple[int, ...]
    breaks: frozenset[int]
    split_runs: int
    masked: frozenset[int] = frozenset()

    def to_given(self, start: int, end: int) -> tuple[int, int]:
        """Turn a non-empty range of ``text`` into the range of the given text that it came from."""
        return self.origin[start], self.ends[end - 1]


def prepare(given: str, leave_out: Collection[int] = ()) -> AnalysisText:
    """Return the text to analyse for ``given``, without the words that start at an offset in ``leave_out``.

    Its layout is normalised, and words are read in one spelling and without who they speak of. Linear in its length.
    """
    text = lay_out(given, leave_out)
    return replaced(text, replacements(text.text, text.breaks))


def lay_out(given: str, leave_out: Collection[int] = ()) -> AnalysisText:
    """Return the words of ``given`` as they are, in one layout, without those at an offset in ``leave_out``."""
    parts: list[str] = []
    origin: list[int] = []
    ends: list[int] = []
    breaks: set[int] = set()
    split_runs = 0
    newlines = 0
    wrapped = _is_hard_wrapped(given)

    def blank(start: int, end: int) -> None:
        parts.append(" ")
        origin.append(start)
        ends.append(end)

    for piece in (_PIECE if leave_out else _LONG_PIECE).finditer(given):
        word = piece.group()
        if word[0].isspace():
            newlines += len(_NEWLINE.findall(word))
            continue
        visible, starts, stops = ("", (), ()) if piece.start() in leave_out else _visible(word, piece.start())
        if not visible:
            continue
        if origin:
            blank(ends[-1], starts[0])
            if newlines > 1 or (newlines == 1 and not wrapped):
                breaks.add(len(origin))
        newlines = 0
        longest = len(visible) if piece.lastgroup == "plain" else LONGEST_RUN
        for first in range(0, len(visible), longest):
            if first:
                blank(starts[first], starts[first])
                split_runs += 1
            parts.append(visible[first : first + longest])
            origin.extend(starts[first : first + longest])
            ends.extend(stops[first : first + longest])
    return AnalysisText("".join(parts), tuple(origin), tuple(ends), frozenset(breaks), split_runs)


def replaced(text: AnalysisText, instead: Sequence[Replacement]) -> AnalysisText:
    """Return ``text`` with other words, each of which comes from all of the given word that it is read for."""
    parts: list[str] = []
    origin: list[int] = []
    ends: list[int] = []
    masked: set[int] = set()
    moved: list[tuple[int, int]] = []
    position = 0
    for other in instead:
        parts += text.text[position : other.start], other.word
        origin += text.origin[position : other.start]
        ends += text.ends[position : other.start]
        if other.is_person:
            masked.add(len(origin))
        size = len(other.word)
        origin += [text.origin[other.start]] * size
        ends += [text.ends[other.end - 1]] * size
        position = other.end
        moved.append((other.end, len(origin) - other.end))
    parts.append(text.text[position:])
    origin += text.origin[position:]
    ends += text.ends[position:]
    return AnalysisText(
        "".join(parts),
        tuple(origin),
        tuple(ends),
        frozenset(offset + _shift(moved, offset) for offset in text.breaks),
        text.split_runs,
        frozenset(masked),
    )


def _shift(moved: Sequence[tuple[int, int]], offset: int) -> int:
    """Return by how much an offset moves: as the last replaced word before it says."""
    place = bisect.bisect_right(moved, offset, key=lambda pair: pair[0])
    return moved[place - 1][1] if place else 0


def _visible(word: str, offset: int) -> tuple[str, Sequence[int], Sequence[int]]:
    """Return what is analysed of a word that stands at ``offset``, and where each character starts and ends."""
    if word.isascii() and word.isprintable():  # most words, in a fraction of the time
        end = offset + len(word)
        return word.translate(_PLAIN), range(offset, end), range(offset + 1, end + 1)
    characters: list[str] = []
    starts: list[int] = []
    stops: list[int] = []
    for cluster in _CLUSTER.finditer(word):
        for character in unicodedata.normalize("NFC", cluster.group())[:4].translate(_PLAIN):
            if unicodedata.category(character) not in _INVISIBLE:
                characters.append(character)
                starts.append(offset + cluster.start())
                stops.append(offset + cluster.end())
    return "".join(characters), starts, stops


def _is_hard_wrapped(given: str) -> bool:
    """Say whether single line ends of ``given`` are mere wrapping, as in an e-mail of fixed width."""
    lines = [words for line in given.splitlines() if (words := line.split())]
    inner = [_length(words) for words in lines[:-1]]
    low, high = _WRAPPED_LINE
    return len(inner) >= 2 and sum(low <= length <= high for length in inner) > 0.6 * len(inner)


def _length(words: Sequence[str]) -> int:
    """Return how long a line of ``words`` is with single blanks, whatever form its accents have."""
    return (
        len(words)
        - 1
        + sum(
            len(word) if word.isascii() else sum(not unicodedata.combining(character) for character in word)
            for word in words
        )
    )
