"""The word lists of the rules, and finding their phrases in a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

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


def asks_for_lesson(question: str | None) -> bool:
    """Say whether ``question`` is about failure, a mistake, a weakness or conflict."""
    return question is not None and _WANTS_LESSON.search(question) is not None
