"""The word lists of the rules, and finding their phrases in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from service.feedback.phrases import Phrases

Lexicons = Mapping[str, Mapping[str, tuple[str, ...]]]

#: Questions about something that went wrong or was hard, which want a lesson.
_WANTS_LESSON = re.compile(
    r"\b(?:fail\w*|mistakes?|wrong|weakness\w*|conflicts?|disagree\w*|difficult (?:person|people|colleague|"
    r"co-?worker|customer|client|boss|manager|team ?mate|situation with)|regrets?|criticis\w+|criticiz\w+|setbacks?|"
    r"let \w+ down|missed|stubborn|arguments?|clash\w*|errors?|fell short|didn'?t (?:work|go))\b",
    re.IGNORECASE,
)


@cache
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    # However the answer is laid out: any blanks between the words, any apostrophe in them.
    written = [r"\s+".join(map(re.escape, phrase.split())).replace("'", "['’]") for phrase in longest_first]
    return re.compile(r"(?<![\w'’])(?:" + "|".join(written) + r")(?![\w'’])", re.IGNORECASE)


def find_phrases(text: str, phrases: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return where ``phrases`` stand in ``text`` as whole words, in order, without overlap."""
    return [match.span() for match in _pattern(phrases).finditer(text)]


@cache
def _table(table: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[Phrases, tuple[str, ...]]:
    return (
        Phrases(phrase for _, phrases in table for phrase in phrases),
        tuple(name for name, phrases in table for _ in phrases),
    )


def find_names(text: str, table: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, int, int]]:
    """Yield ``(name, start, end)`` for every phrase of ``table`` in ``text``, named by its list, in order.

    Phrases may hold the signs of ``service.feedback.phrases``, and may overlap.
    """
    phrases, names = _table(tuple(table.items()))
    for found in phrases.every(text):
        yield names[found.number], found.start, found.end


def asks_for_lesson(question: str | None) -> bool:
    """Say whether ``question`` is about failure, a mistake, a weakness or conflict."""
    return question is not None and _WANTS_LESSON.search(question) is not None
