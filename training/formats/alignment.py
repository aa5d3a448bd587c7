"""From a file's spans to spans on whole words, mended only where there is but one way to mend them.

Certain are: white space or punctuation at the edge of a span, the case of a known label, offsets that fit the words
only when counted in UTF-16 units (as browsers count; Label Studio did until 2022), and neighbours of one label,
which are one span. A cut inside a word, an overlap of two labels and an unknown label are somebody's to decide.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.labels import Label
from training.corpus import GoldSpan, word_labels
from training.formats.records import ForeignSpan

#: What a file may call the labels; "ST" is what is SITUATION or TASK to authors who did not tell them apart.
_KNOWN: Mapping[str, tuple[Label, Label | None]] = {
    **{label.value: (label, None) for label in Label},
    "ST": (Label.TASK, Label.SITUATION),
}
_SHOWN_LABEL = re.compile(r"[\w.:/#+-]{1,40}")
_BEYOND_16_BITS = 0x10000


@dataclass(frozen=True, slots=True)
class Aligned:
    """Spans on whole words, what was mended, and why the answer can't be used (empty where it can)."""

    spans: tuple[GoldSpan, ...]
    mended: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    spans: list[GoldSpan]
    mended: list[str]
    reasons: list[str]


def align(
    text: str,
    spans: Sequence[ForeignSpan],
    *,
    labels: Mapping[str, str] | None = None,
    fills: bool = False,
    counts_utf16: bool = False,
) -> Aligned:
    """Fit ``spans`` to the words of ``text``.

    ``labels`` maps the file's labels to ours, ``fills`` gives words without a label OTHER, ``counts_utf16`` allows
    for offsets in UTF-16 units.
    """
    if not text.strip():
        return Aligned((), (), ("the answer is empty",))
    mended: list[str] = []
    reasons: list[str] = []
    found: list[tuple[ForeignSpan, GoldSpan]] = []
    for span in spans:
        name = (labels or {}).get(span.label, span.label)
        label = _KNOWN.get(name.strip().upper())
        if label is None:
            reasons.append(_placed(span, _unknown(span.label)))
            continue
        if name not in _KNOWN:
            mended.append(_placed(span, f"the label {_shown(name)} is read as {name.strip().upper()}"))
        found.append((span, GoldSpan(span.start, span.end, *label)))
    reading = _read(text, found, range(len(text) + 1))
    if counts_utf16 and (reading.mended or reading.reasons) and max(map(ord, text)) >= _BEYOND_16_BITS:
        other = _read(text, found, _places_of_utf16(text))
        if not other.mended and not other.reasons:
            reading = other
            mended.append("offsets count UTF-16 units; they were turned into characters")
    mended += reading.mended
    reasons += reading.reasons
    whole = _disjoint(reading.spans, mended, reasons)
    bare = [start for start, _, label in word_labels(text, whole) if label is None]
    if bare and not reasons:
        what = f"{len(bare)} words have no label, the first at {bare[0]}" if whole else "no word has a label"
        if fills:
            whole = _filled(text, whole)
            mended.append(f"{what}; they became OTHER")
        else:
            reasons.append(f"{what}; label every word, or import with --fill other")
    return Aligned(tuple(_joined(text, whole, mended)), tuple(mended), tuple(reasons))


def spans_of_words(words: Sequence[tuple[int, int, Label | None]]) -> tuple[GoldSpan, ...]:
    """Return one span for each run of words of one label, as ``word_labels`` yields them; ``None`` is OTHER."""
    spans = []
    for label, run in itertools.groupby(words, key=lambda word: word[2] or Label.OTHER):
        members = list(run)
        spans.append(GoldSpan(members[0][0], members[-1][1], label))
    return tuple(spans)


def _read(
    text: str, found: Sequence[tuple[ForeignSpan, GoldSpan]], places: Mapping[int, int] | range
) -> _Reading:
    """Read offsets that count as ``places`` tells: from the file's unit to characters."""
    reading = _Reading([], [], [])
    for given, span in found:
        if given.start >= given.end or given.start not in places or given.end not in places:
            reading.reasons.append(
                _placed(given, f"it lies outside the {len(text)} characters of the text; export it anew")
            )
            continue
        start, end = places[given.start], places[given.end]
        if given.quoted and _plain(given.quoted) != _plain(text[start:end]):
            reading.reasons.append(
                _placed(given, "the words quoted with it stand elsewhere; label it again in the tool")
            )
            continue
        first, last = _on_word(text, start, forward=True), _on_word(text, end, forward=False)
        if first is None or last is None:
            reading.reasons.append(_placed(given, "it cuts a word; move its edge to the word's"))
        elif first >= last:
            reading.mended.append(_placed(given, "it holds no word and was taken away"))
        else:
            if (first, last) != (start, end):
                reading.mended.append(_placed(given, f"its edges were moved to the words' at {first}-{last}"))
            reading.spans.append(GoldSpan(first, last, span.label, span.or_label))
    return reading


def _disjoint(spans: Sequence[GoldSpan], mended: list[str], reasons: list[str]) -> list[GoldSpan]:
    whole: list[GoldSpan] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        before = whole[-1] if whole else None
        if before is None or span.start >= before.end:
            whole.append(span)
            continue
        told = f"spans {before.start}-{before.end} and {span.start}-{span.end} overlap"
        if span.name != before.name:
            reasons.append(f"{told} with the labels {before.name} and {span.name}; every word has one label")
        else:
            whole[-1] = GoldSpan(before.start, max(before.end, span.end), before.label, before.or_label)
            mended.append(f"{told} with one label and were joined")
    return whole


def _joined(text: str, spans: Sequence[GoldSpan], mended: list[str]) -> Iterator[GoldSpan]:
    """Join neighbours of one label: the labelling guide knows none."""
    last: GoldSpan | None = None
    for span in spans:
        if last is not None and span.name == last.name and not text[last.end : span.start].strip():
            mended.append(
                f"spans {last.start}-{last.end} and {span.start}-{span.end} have one label and were joined"
            )
            last = GoldSpan(last.start, span.end, last.label, last.or_label)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def _filled(text: str, spans: Sequence[GoldSpan]) -> list[GoldSpan]:
    words = word_labels(text, spans)
    runs = itertools.groupby(words, key=lambda word: word[2] is None)
    gaps = [list(run) for is_bare, run in runs if is_bare]
    return sorted(
        [*spans, *(GoldSpan(gap[0][0], gap[-1][1], Label.OTHER) for gap in gaps)],
        key=lambda span: span.start,
    )


def _on_word(text: str, offset: int, *, forward: bool) -> int | None:
    """Return where the edge belongs that a file has at ``offset``; ``None`` where it cuts a word.

    Punctuation goes with the word that it stands at; from white space it goes ``forward`` or back to the next word.
    """
    if 0 < offset < len(text) and not text[offset - 1].isspace() and not text[offset].isspace():
        start, end = _run(text, offset)
        has_word_before = any(map(str.isalnum, text[start:offset]))
        has_word_behind = any(map(str.isalnum, text[offset:end]))
        if has_word_before == has_word_behind:
            return None
        offset = end if has_word_before else start
    while forward and offset < len(text) and text[offset].isspace():
        offset += 1
    while not forward and offset > 0 and text[offset - 1].isspace():
        offset -= 1
    return offset


def _run(text: str, offset: int) -> tuple[int, int]:
    """Return the run of non-space characters around ``offset``."""
    start, end = offset, offset
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return start, end


def _places_of_utf16(text: str) -> dict[int, int]:
    """Return the character at each offset in UTF-16 units; what lies within a pair has none."""
    places = {0: 0}
    units = 0
    for index, character in enumerate(text, start=1):
        units += 2 if ord(character) >= _BEYOND_16_BITS else 1
        places[units] = index
    return places


def _plain(words: str) -> str:
    # Label Studio writes a line end within quoted words as the two characters \n.
    return " ".join(words.replace("\\n", " ").split())


def _placed(span: ForeignSpan, what: str) -> str:
    line = "" if span.line is None else f"line {span.line}, "
    return f"{line}span {span.start}-{span.end}: {what}"


def _shown(label: str) -> str:
    """Return a label as messages may hold it: in a misread file it may be words of an answer."""
    return repr(label) if _SHOWN_LABEL.fullmatch(label) else f"of {len(label)} characters"


def _unknown(label: str) -> str:
    return f"the label {_shown(label)} is unknown; say what it is: --label NAME={'|'.join(_KNOWN)}"
