"""One word for all that differ in spelling, or only in who somebody is: read so, they cannot move a judgement.

Names become one name, British and American spellings one spelling, and the words of ``who.toml`` the first of their
class. This is done to the text that spaCy is given, before anything is read off it, so that two answers that differ
in nothing else are the same text from there on; no list of features has to be watched. What no list and no capital
tells for a name, such as "grace" in a text without capitals, is not found.
"""

from __future__ import annotations

import itertools
import re
import tomllib
import unicodedata
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_FOLDER = Path(__file__).parent
#: What every name is read as: a word that the tagger takes for a name wherever it stands.
NAME = "Maria"
#: What ages and numbers of children of one and of two digits are read as; 1 has another grammar.
_DIGITS = {1: "3", 2: "40"}
#: The longest name of several words that is looked for in a text without capitals.
_MOST_WORDS = 3
#: A text with a larger share of capitalised words is a heading, or shouted: its capitals tell nothing.
_MOST_CAPITALS = 0.5
_LEAST_TELLING = 10
#: Letters, with those behind a hyphen or apostrophe if they are capital too: "O'Brien", not "Emily's".
_WORD = re.compile(r"[^\W\d_]+(?:['-](?=[A-Z])[^\W\d_]+)*")
_NUMBER = re.compile(r"(?<![\w.,:/$£€₹¥#+'-])(?:[2-9]|[1-9]\d)(?![\w%/:']|[.,]\d)")
_SHORT_FORM = re.compile(r"'(?!s\b)[a-z]")
_SENTENCE_END = re.compile(r"[.?!:;\"(\[-]\s*$")
_INTRODUCES = re.compile(r"\b(?:name is|name was|name's|named|called)$", re.IGNORECASE)
_MEETS = re.compile(r"\b(?:i am|i'm|im|this is|name is|name was|name's|named|called)$", re.IGNORECASE)
_OF_THE_SPEAKER = re.compile(
    r"\bi(?: am|'m|m| was|'ve been| have been| had been)(?: (?:now|still|just|very|quite|a bit|newly|recently))?$",
    re.IGNORECASE,
)
#: What makes a number an age or a number of children, before and behind it; a second word of the number may follow.
_AGE_BEFORE = re.compile(
    r"\b(?:i am|i'm|im|i was|i've been|aged?(?: of)?|turned|turning)(?: (?:only|just|about))?$", re.IGNORECASE
)
_COUNTED_BEHIND = re.compile(
    r"(?:[ -][^\W\d_]+)?(?: |-)(?:years?[ -]old|child(?:ren)?|kids?|sons?|daughters?)\b", re.IGNORECASE
)
_NO_CHILDREN = re.compile(r"\b(have|had|having|with) no (?=(?:children|kids)\b)", re.IGNORECASE)
_BEFORE_NAME = re.compile(r" [A-Z]")
_LOOK_BACK = 32
_CALENDAR = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december mondays tuesdays wednesdays thursdays fridays saturdays sundays".split()
)
_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "er", "r", "ness", "'s")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Replacement:
    """``word`` is read instead of ``text[start:end]``; ``is_person`` says that it may tell who somebody is."""

    start: int
    end: int
    word: str
    is_person: bool


@dataclass(frozen=True, slots=True)
class _Lists:
    """The data files; all words in lower case, without accents in ``names``."""

    spelling: Mapping[str, str]
    who: Mapping[str, str]
    only_capital: frozenset[str]
    numbers: Mapping[str, str]
    of_the_speaker: Mapping[str, str]
    words: frozenset[str]
    names: frozenset[str]
    #: Names that are common words too.
    words_too: frozenset[str]
    #: The first words of ``names``, and all words that may be read as another one: most words are none of them.
    openings: frozenset[str]
    may_change: frozenset[str]


class _Seen(NamedTuple):
    """A word of the text; ``opens`` says that a sentence may begin with it, which has a capital of itself."""

    start: int
    end: int
    text: str
    lower: str
    opens: bool

    @property
    def is_capital(self) -> bool:
        return self.text[0].isupper() and len(self.text) > 1


@cache
def _lists() -> _Lists:
    data: dict[str, Any] = tomllib.loads((_FOLDER / "who.toml").read_text(encoding="utf-8"))
    classes = {name: _by_word(table["classes"]) for name, table in data.items()}
    numbers, of_the_speaker = classes.pop("number"), classes.pop("of_the_speaker")
    names = frozenset(_lines("names.txt"))
    only_capital = frozenset(word for table in data.values() for word in table.get("only_capital", ()))
    spelling = dict(_split(line) for line in _lines("spelling.txt"))
    who = {word: first for table in classes.values() for word, first in table.items()}
    return _Lists(
        only_capital=only_capital,
        spelling=spelling,
        who=who,
        numbers=numbers,
        of_the_speaker=of_the_speaker,
        words=frozenset(_lines("words.txt")),
        names=names,
        words_too=frozenset(name.lower() for name in names if name[0].isupper()),
        openings=frozenset(name.split(" ", 1)[0] for name in names),
        may_change=frozenset(
            {
                *spelling,
                *who,
                *numbers,
                *of_the_speaker,
                *(word.lower() for word in only_capital),
                "miss",
                "one",
            }
        ),
    )


def _lines(name: str) -> list[str]:
    lines = (_FOLDER / name).read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line and not line.startswith("#")]


def _split(line: str) -> tuple[str, str]:
    word, read = line.split(" ")
    return word, read


def _by_word(classes: Sequence[Sequence[str]]) -> dict[str, str]:
    return {word.lower(): words[0] for words in classes for word in words}


def replacements(text: str, breaks: Container[int]) -> list[Replacement]:
    """Return what is read instead of words of ``text``, in order and disjoint.

    ``text`` has straight quotes and single blanks; ``breaks`` are the offsets at which a line of it opens.
    """
    lists = _lists()
    words = _words(text, breaks)
    names = list(_names(text, words, lists))
    taken = {offset for name in names for offset in range(name.start, name.end)}
    found = [*names, *_figures(text)]
    for number, word in enumerate(words):
        if word.lower in lists.may_change and word.start not in taken:
            before = words[number - 1] if number else None
            found += _word_read(text, word, before, lists)
    return sorted(found, key=lambda replacement: replacement.start)


def _words(text: str, breaks: Container[int]) -> list[_Seen]:
    words = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        # A letter or digit and a blank end no sentence; most words stand behind them.
        opens = (
            start == 0
            or start in breaks
            or (
                not (text[start - 1] == " " and text[start - 2 : start - 1].isalnum())
                and _SENTENCE_END.search(text, max(0, start - 3), start) is not None
            )
        )
        word = match.group()
        words.append(_Seen(start, end, word, word.lower(), opens))
    return words


def _is_short_form(text: str, word: _Seen) -> bool:
    """Say whether ``word`` is the first part of such as "didn't"."""
    return _SHORT_FORM.match(text, word.end) is not None


def _word_read(text: str, word: _Seen, before: _Seen | None, lists: _Lists) -> Iterator[Replacement]:
    spelt = lists.spelling.get(word.lower, word.lower)
    who = _who(text, word, spelt, lists)
    read = who or (spelt if spelt != word.lower else _counted(text, word, before, lists))
    if read is not None:
        yield Replacement(word.start, word.end, _in_case_of(word.text, read), who is not None)


def _who(text: str, word: _Seen, spelt: str, lists: _Lists) -> str | None:
    """Return what is read for a word that tells who somebody is."""
    if word.text == "Miss" and _BEFORE_NAME.match(text, word.end):
        return lists.who["mrs"]
    first = lists.of_the_speaker.get(spelt)
    if first is None and word.text not in lists.only_capital:
        return lists.who.get(spelt)
    behind = text[max(0, word.start - _LOOK_BACK) : word.start].rstrip()
    if _OF_THE_SPEAKER.search(behind):
        return first or lists.who[spelt]
    return None if word.text in lists.only_capital else lists.who.get(spelt)


def _counted(text: str, word: _Seen, before: _Seen | None, lists: _Lists) -> str | None:
    """Return what is read for an age or number of children in words; "one" is one only behind a ten."""
    start = word.start
    if before is not None and word.start == before.end + 1 and before.lower in lists.numbers:
        start = before.start
    elif word.lower == "one":
        return None
    read = "three" if word.lower == "one" else lists.numbers.get(word.lower)
    return read if read is not None and _is_personal(text, start, word.end) else None


def _is_personal(text: str, start: int, end: int) -> bool:
    """Say whether the number ``text[start:end]`` is an age or a number of children."""
    behind = text[max(0, start - _LOOK_BACK) : start].rstrip()
    return _AGE_BEFORE.search(behind) is not None or _COUNTED_BEHIND.match(text, end) is not None


def _in_case_of(word: str, read: str) -> str:
    if word.isupper() and len(word) > 1:
        return read.upper()
    return read[0].upper() + read[1:] if word[0].isupper() else read


def _figures(text: str) -> Iterator[Replacement]:
    for match in _NUMBER.finditer(text):
        if _is_personal(text, *match.span()):
            yield Replacement(*match.span(), _DIGITS[len(match.group())], False)
    for match in _NO_CHILDREN.finditer(text):
        yield Replacement(match.end(1) + 1, match.end() - 1, "three", True)


def _names(text: str, words: Sequence[_Seen], lists: _Lists) -> Iterator[Replacement]:
    """Yield the names of ``text``, those of several words as one."""
    long = sum(len(word.text) > 1 for word in words)
    is_capital = [word.is_capital for word in words]
    tells = long < _LEAST_TELLING or sum(is_capital) <= _MOST_CAPITALS * long
    number = 0
    while number < len(words):
        if not (is_capital[number] or _may_open_name(words[number].lower, lists)):
            number += 1
            continue
        end = number
        is_name = False
        while end < len(words) and (end == number or _is_next(text, words[end - 1], words[end])):
            length = _listed(text, words, end, lists)
            if length == 0 and tells and _is_capital_name(text, words[end], lists):
                length = 1
            if length:
                is_name = True
                end += length
            elif tells and _may_belong(words[end], lists):
                is_name = is_name or _plain(words[end].lower) in lists.words_too
                end += 1
            elif _is_introduced(text, words[number], words[end], lists):
                is_name = True
                end += 1
            else:
                break
        if is_name:
            yield Replacement(words[number].start, words[end - 1].end, NAME, True)
        number = max(end, number + 1)


def _may_open_name(lower: str, lists: _Lists) -> bool:
    """Say whether a word without a capital can be the first of a name."""
    return lower in lists.words_too or _plain(lower) in lists.openings


def _is_next(text: str, before: _Seen, word: _Seen) -> bool:
    return not word.opens and text[before.end : word.start] in (" ", "-")


def _listed(text: str, words: Sequence[_Seen], number: int, lists: _Lists) -> int:
    """Return of how many words the listed name is that begins at ``number``; 0 for none."""
    if _plain(words[number].lower) not in lists.openings:
        return 0
    for length in range(min(_MOST_WORDS, len(words) - number), 0, -1):
        part = words[number : number + length]
        if all(_is_next(text, one, other) for one, other in itertools.pairwise(part)):
            name = _plain(" ".join(word.lower for word in part))
            if name in lists.names and name not in lists.who and not _is_short_form(text, part[-1]):
                return length
    return 0


def _is_introduced(text: str, first: _Seen, word: _Seen, lists: _Lists) -> bool:
    """Say whether ``word`` without a capital is a name by what stands before it, or before the name it is part of."""
    behind = text[max(0, first.start - _LOOK_BACK) : first.start].rstrip()
    introduced = _INTRODUCES if first is word else _MEETS
    return word.lower in lists.words_too and introduced.search(behind) is not None


def _plain(lower: str) -> str:
    if lower.isascii():
        return lower
    return "".join(c for c in unicodedata.normalize("NFD", lower) if not unicodedata.combining(c))


def _is_capital_name(text: str, word: _Seen, lists: _Lists) -> bool:
    """Say whether its capital makes ``word`` a name: no word that is known, nor one with a slip of the finger."""
    if (
        not word.is_capital
        or word.text.isupper()
        or _is_short_form(text, word)
        or _is_known(word.lower, lists)
    ):
        return False
    return not (word.opens and any(near in lists.words for near in _near(word.lower)))


def _may_belong(word: _Seen, lists: _Lists) -> bool:
    """Say whether ``word`` may be part of a name beside a word that is one: "Cape", "Airways", "British"."""
    return (
        word.is_capital
        and not word.opens
        and not word.text.isupper()
        and word.lower not in _CALENDAR
        and lists.who.get(word.lower) not in ("mr", "sir")
    )


def _is_known(lower: str, lists: _Lists) -> bool:
    if lower in lists.words or lower in _CALENDAR or lower in lists.who or lower in lists.spelling:
        return True
    stems = (lower.removesuffix(ending) for ending in _ENDINGS if lower.endswith(ending))
    return any(stem in lists.words or stem + "e" in lists.words for stem in stems if len(stem) > 2)


def _near(word: str) -> Iterator[str]:
    """Yield the words one slip away (after Norvig's spelling corrector)."""
    halves = [(word[:k], word[k:]) for k in range(len(word) + 1)]
    for before, behind in halves:
        if behind:
            yield before + behind[1:]
            yield from (before + letter + behind[1:] for letter in _LETTERS)
        if len(behind) > 1:
            yield before + behind[1] + behind[0] + behind[2:]
        yield from (before + letter + behind for letter in _LETTERS)
