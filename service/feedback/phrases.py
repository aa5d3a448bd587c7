"""Phrases as data: lists of words with a few signs, found in a text as whole words in any case.

``a/b`` stands for either word, a word that ends in ``*`` for every word that begins so, and ``…`` for up to
five words. Any blanks and marks but those that end a sentence may stand between two words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: Words that ``…`` may stand for.
GAP = 5
_ANY_WORD = r"\w+(?:['’]\w+)*"
_WORD = re.compile(rf"(?<!\w){_ANY_WORD}")
_BETWEEN = r"[^\w.?!\n]+"
_GAP_PATTERN = rf"{_BETWEEN}(?:{_ANY_WORD}{_BETWEEN}){{0,{GAP}}}?"
#: Letters of a stem by which it is looked up.
_KEY = 3


@dataclass(frozen=True, slots=True)
class Found:
    """Where a phrase stands, in code points, and which of the list it is."""

    start: int
    end: int
    number: int


@dataclass(frozen=True, slots=True)
class _Phrase:
    length: int
    number: int
    pattern: re.Pattern[str]


class Phrases:
    """A list of phrases that are looked for together; of two that begin at one word the longer is found."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self.phrases = tuple(phrases)
        # By the first word, or the first letters of a stem: most words of a text begin no phrase.
        self._by_word: dict[str, list[_Phrase]] = defaultdict(list)
        self._by_letters: dict[str, list[_Phrase]] = defaultdict(list)
        for number, text in enumerate(self.phrases):
            words = text.split()
            phrase = _Phrase(len(words), number, re.compile(_pattern(words), re.IGNORECASE))
            for first in words[0].split("/"):
                key = _key(first)
                index = self._by_letters if first == f"{key}*" else self._by_word
                index[key[:_KEY] if first == f"{key}*" else key].append(phrase)
        #: How many letters there are to look up, of words that have enough.
        self._lengths = sorted(set(map(len, self._by_letters)))

    def find(self, text: str) -> Iterator[Found]:
        """Yield where phrases stand, in order, without overlap."""
        free = 0
        for word in _WORD.finditer(text):
            if word.start() >= free and (found := self._found(text, word)) is not None:
                free = found.end
                yield found

    def every(self, text: str) -> Iterator[Found]:
        """Yield every phrase that begins at a word, overlapping ones too, in order of their beginnings."""
        for word in _WORD.finditer(text):
            for phrase in self._candidates(word):
                match = phrase.pattern.match(text, word.start())
                if match is not None:
                    yield Found(match.start(), match.end(), phrase.number)

    def at(self, text: str, position: int) -> Found | None:
        """Return the phrase that begins at ``position``, or ``None``."""
        word = _WORD.match(text, position)
        return None if word is None else self._found(text, word)

    def _candidates(self, word: re.Match[str]) -> list[_Phrase]:
        key = word.group().lower().replace("’", "'")
        candidates = [*self._by_word.get(key, ())]
        for length in range(1, _KEY + 1) if len(key) < _KEY else self._lengths:
            candidates += self._by_letters.get(key[:length], ())
        return candidates

    def _found(self, text: str, word: re.Match[str]) -> Found | None:
        candidates = self._candidates(word)
        for phrase in sorted(candidates, key=lambda phrase: (-phrase.length, phrase.number)):
            match = phrase.pattern.match(text, word.start())
            if match is not None:
                return Found(match.start(), match.end(), phrase.number)
        return None


class Words:
    """Single words, some of them stems, for asking whether a word is one of them."""

    def __init__(self, words: Iterable[str]) -> None:
        given = frozenset(words)
        self._words = frozenset(word for word in given if not word.endswith("*"))
        self._stems = tuple(sorted(word.removesuffix("*") for word in given - self._words))

    def __contains__(self, word: object) -> bool:
        plain = str(word).lower().replace("’", "'")
        return plain in self._words or plain.startswith(self._stems)


def _key(first: str) -> str:
    """Return the letters of the first word of a phrase, up to its first sign or hyphen."""
    match = _WORD.match(first)
    return "" if match is None else match.group().lower()


def _pattern(words: list[str]) -> str:
    parts: list[str] = []
    between = ""
    for word in words:
        if word == "…":
            between = _GAP_PATTERN
            continue
        parts += [between, "(?:" + "|".join(map(_word, word.split("/"))) + ")"]
        between = _BETWEEN
    return "".join(parts) + r"(?!\w)"


def _word(word: str) -> str:
    stem = re.escape(word.removesuffix("*")).replace("'", "['’]")
    return stem + r"[\w'’]*" if word.endswith("*") else stem
