"""Words that an answer says again, or only takes from its question: they tell nothing new.

They are left out of what is analysed, so that saying something twice, or saying the question, moves no label and
earns no point; their labels are those of the words that they repeat.
"""

from __future__ import annotations

import bisect
import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from service.labels import Label
from service.records import LabelledSpan

#: So many words in the same order, said before, are a repetition also in the middle of a sentence.
RUN = 8
#: A shorter question is not looked for: its words may be anybody's.
_SHORTEST_QUESTION = 4
_WORD = re.compile(r"\S+")
_ENDS_SENTENCE = re.compile(r"[.!?…]\W*$")
_EDGES = re.compile(r"^\W+|\W+$")


@dataclass(frozen=True, slots=True)
class Repeat:
    """The word ``given[start:end]``, which says again the one at ``source``; ``None``: one of the question."""

    start: int
    end: int
    source: int | None


def find_repeats(given: str, question: str | None) -> tuple[Repeat, ...]:
    """Return the words of ``given`` that repeat whole sentences, long runs of words, or the whole question."""
    matches = list(_WORD.finditer(given))
    folded = {word: _folded(word) for word in {match.group() for match in matches}}
    words = [folded[match.group()] for match in matches]
    asked = tuple(_folded(word) for word in _WORD.findall(question or ""))
    ends = [_ends_sentence(given, number, matches) for number in range(len(matches))]
    seen_runs: dict[tuple[str, ...], int] = {}
    seen_sentences: dict[tuple[str, ...], int] = {}
    repeats: list[Repeat] = []
    place = opened = 0
    while place < len(words):
        length, source = 0, None
        if len(asked) >= _SHORTEST_QUESTION and tuple(words[place : place + len(asked)]) == asked:
            length = len(asked)
        else:
            found = seen_runs.get(tuple(words[place : place + RUN]))
            if found is not None and found + RUN <= place:
                source, length = found, _common(words, found, place)
            elif place == opened:
                sentence = _sentence(words, ends, place)
                found = seen_sentences.get(sentence)
                if found is not None:
                    source, length = found, len(sentence)
                else:
                    seen_sentences[sentence] = place
        for offset in range(length):
            match = matches[place + offset]
            origin = None if source is None else matches[source + offset].start()
            repeats.append(Repeat(match.start(), match.end(), origin))
        if not length and place + RUN <= len(words):
            seen_runs.setdefault(tuple(words[place : place + RUN]), place)
        place += length or 1
        if ends[place - 1]:
            opened = place
    return tuple(repeats)


def _folded(word: str) -> str:
    if word.isascii() and word.isalnum():  # most words, in a fraction of the time
        return word.lower()
    return _EDGES.sub("", unicodedata.normalize("NFC", word).replace("’", "'")).casefold()


def _ends_sentence(given: str, number: int, matches: Sequence[re.Match[str]]) -> bool:
    match = matches[number]
    after = given[match.end() : matches[number + 1].start()] if number + 1 < len(matches) else "\n"
    if "\n" in after:
        return True
    word = match.group()
    return not word[-1].isalnum() and _ENDS_SENTENCE.search(word) is not None


def _sentence(words: Sequence[str], ends: Sequence[bool], start: int) -> tuple[str, ...]:
    end = start
    while not ends[end]:
        end += 1
    return tuple(words[start : end + 1])


def _common(words: Sequence[str], first: int, second: int) -> int:
    length = RUN
    while (
        second + length < len(words)
        and first + length < second
        and words[first + length] == words[second + length]
    ):
        length += 1
    return length


def with_repeats(
    spans: Sequence[LabelledSpan], repeats: Sequence[Repeat], given: str
) -> tuple[LabelledSpan, ...]:
    """Return ``spans`` and the repeated words between them; neighbours of one label are joined."""
    if not repeats:
        return tuple(spans)
    starts = [span.start for span in spans]
    pieces = [(span, len(_WORD.findall(given[span.start : span.end]))) for span in spans]
    for repeat in repeats:
        if _holder(spans, starts, repeat.start) is None:
            source = None if repeat.source is None else _holder(spans, starts, repeat.source)
            label, trust = (Label.OTHER, 1.0) if source is None else (source.label, source.confidence)
            pieces.append((LabelledSpan(repeat.start, repeat.end, label, trust), 1))
    pieces.sort(key=lambda piece: piece[0].start)
    joined = []
    for label, group in itertools.groupby(pieces, key=lambda piece: piece[0].label):
        members = list(group)
        total = sum(words for _, words in members)
        trust = sum(words * span.confidence for span, words in members) / total
        joined.append(LabelledSpan(members[0][0].start, members[-1][0].end, label, trust))
    return tuple(joined)


def _holder(spans: Sequence[LabelledSpan], starts: Sequence[int], offset: int) -> LabelledSpan | None:
    place = bisect.bisect_right(starts, offset) - 1
    return spans[place] if place >= 0 and offset < spans[place].end else None
