"""What a number in a clause counts: an amount speaks for an outcome, an hour or a duration mostly doesn't."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from spacy.tokens import Span, Token

_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?:19|20)\d\d")
_CLOCK = re.compile(r"\d{1,2}[:.]\d\d|\d{1,2}(?:am|pm)")
_PERIODS = frozenset(
    "second seconds minute minutes min mins hour hours hrs day days night nights week weeks weekend weekends month "
    "months term terms season seasons year years yrs".split()
)
_HOURS = frozenset("am pm a.m. p.m. o'clock".split())
_MONTHS = frozenset(
    "january february march april may june july august september october november december".split()
)
#: Before a period these say how long something went on, or when it came: no outcome.
_LASTING = frozenset("for after over during about in within last next until till since of".split())
#: As a word these stand for a thing more often than for an amount ("the new one", "one of them").
_PRONOUNS = frozenset({"one", "ones"})
_COUNTED = frozenset({"nummod", "quantmod"})


class NumberKind(StrEnum):
    """What a number counts."""

    COUNT = "count"
    #: A time that is itself what was reached: "two hours less", "ten minutes".
    PERIOD = "period"
    #: How long something went on: "for one month".
    LASTING = "lasting"
    CLOCK = "clock"
    DATE = "date"
    PRONOUN = "pronoun"


#: Kinds by which an outcome can be measured.
MEASURES = frozenset({NumberKind.COUNT, NumberKind.PERIOD})


def number_kinds(clause: Span) -> Iterator[NumberKind]:
    """Yield the kind of each number of ``clause``, in order."""
    for token in clause:
        if token.like_num or _DIGIT.search(token.lower_):
            yield _kind(token)


def _kind(token: Token) -> NumberKind:
    word = token.lower_
    before = token.nbor(-1).lower_ if token.i else ""
    after = token.nbor(1).lower_ if token.i + 1 < len(token.doc) else ""
    if _CLOCK.fullmatch(word) or after in _HOURS or (before == "at" and token.dep_ not in _COUNTED):
        return NumberKind.CLOCK
    if _YEAR.fullmatch(word) or after in _MONTHS or before in _MONTHS:
        return NumberKind.DATE
    if word in _PRONOUNS and (token.dep_ not in _COUNTED or before in ("the", "this", "that", "no", "any")):
        return NumberKind.PRONOUN
    if after in _PERIODS:
        return NumberKind.LASTING if before in _LASTING else NumberKind.PERIOD
    return NumberKind.COUNT
