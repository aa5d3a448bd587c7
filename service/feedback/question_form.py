"""How a question is asked: what it opens with, and so whether it asks for an account, a fact, or yes or no."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from service.feedback.phrases import Found, Phrases
from service.labels import QuestionForm

#: ``choice`` names the answers itself ("paid or unpaid?"): closed, but no mere yes or no.
OpeningKind = Literal["open", "fact", "yes_no", "choice"]

_PLACES = re.compile(
    r"^|[.!?;:\n,()“”\"–—]+|\s-\s|\b(?:and|but|so|or|also|then)\b|\bquestions?\s+(?:\w+\s+)?(?:is|are|was|would\s+be)\b",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"[^\w'’]*")
_SENTENCE_END = re.compile(r"[.?!\n]|$")
_AUXILIARY = re.compile(
    r"\W+(?:do|does|did|is|are|was|were|will|would|can|could|should|has|have|had|might|may|shall|must)(?:n['’]t)?\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\W+(?:i|you|we|they|he|she|it)\b", re.IGNORECASE)
_ALTERNATIVE = re.compile(r"(?<!\byes)\s+or\s+(?!not\b|no\b)", re.IGNORECASE)
#: Before a verb these open a question; before a subject they open a clause ("when you said …").
_NEED_AUXILIARY = frozenset({"when", "where"})
#: In the middle of a sentence only these are taken for a question, and only before a verb.
_ANYWHERE = re.compile(r"(?<![\w'’])(?:how|what|why)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opening:
    """The words that make a sentence a question, in code points."""

    kind: OpeningKind
    start: int
    end: int


class FormReader:
    """Finds the openings that the ``form`` table of ``questions.toml`` lists."""

    def __init__(self, lists: Mapping[str, list[str]]) -> None:
        self._before = Phrases(lists["before"])
        self._request = Phrases(lists["request"])
        self._ask = Phrases(lists["ask"])
        self._link = Phrases(lists["link"])
        self._invite = Phrases(lists["invite"])
        self._whether = Phrases(lists["whether"])
        self._yes_no = Phrases(lists["yes_no"])
        self._subjects = Phrases(lists["subjects"])
        self._tags = Phrases(lists["tags"])
        # One list, so that the longer of "what" and "what time" is found.
        self._told = Phrases([*lists["open"], *lists["fact"]])
        self._first_fact = len(lists["open"])

    def openings(self, text: str) -> list[Opening]:
        """Return the openings of all questions in ``text``, in order."""
        found: dict[int, Opening] = {}
        for opening in [*self._at_beginnings(text), *self._within(text)]:
            found.setdefault(opening.end, opening)
        if not found:
            found = {opening.end: opening for opening in self._tagged(text)}
        return sorted(found.values(), key=lambda opening: opening.start)

    def _at_beginnings(self, text: str) -> Iterator[Opening]:
        start = -1
        for place in _PLACES.finditer(text):
            # A place within what was skipped leads to the same beginning.
            if place.end() < start or (beginning := self._skip(self._before, text, place.end())) == start:
                continue
            start = beginning
            opening = self._requested(text, start) or self._asked(text, start)
            if opening is not None and opening.kind == "yes_no" and place.group().lower() == "or":
                opening = replace(opening, kind="choice")
            if opening is not None:
                yield opening

    def _requested(self, text: str, start: int) -> Opening | None:
        """Read "could you tell me …", whatever form its own verb has."""
        request = self._request.at(text, start)
        position = start if request is None else self._after(text, request)
        invite = self._invite.at(text, position)
        ask = self._ask.at(text, position)
        if ask is not None:
            asked = self._skip(self._link, text, self._after(text, ask))
            whether = self._whether.at(text, asked)
            if whether is not None:
                return Opening(self._or_choice(text, whether.start), whether.start, whether.end)
            told = self._told.at(text, asked)
            if told is not None:
                return self._opening(told)
        return None if invite is None else Opening("open", invite.start, invite.end)

    def _asked(self, text: str, start: int) -> Opening | None:
        told = self._told.at(text, start)
        if told is not None:
            words = text[told.start : told.end].lower()
            if words in _NEED_AUXILIARY and _AUXILIARY.match(text, told.end) is None:
                return None
            is_clause = _PRONOUN.match(text, told.end) is not None
            return None if is_clause and not _ends_asking(text, told.end) else self._opening(told)
        verb = self._yes_no.at(text, start)
        if verb is None:
            return None
        has_subject = self._subjects.at(text, self._after(text, verb)) is not None
        if not has_subject and not _ends_asking(text, verb.end):
            return None
        return Opening(self._or_choice(text, verb.start), verb.start, verb.end)

    def _within(self, text: str) -> Iterator[Opening]:
        for match in _ANYWHERE.finditer(text):
            told = self._told.at(text, match.start())
            if told is not None and _AUXILIARY.match(text, told.end) is not None:
                yield self._opening(told)

    def _tagged(self, text: str) -> Iterator[Opening]:
        """Yield statements that a tag at their end makes a question: "it is remote, right?"."""
        for tag in self._tags.find(text):
            if text[tag.end :].lstrip(" \t").startswith("?"):
                yield Opening("yes_no", tag.start, tag.end)

    def _opening(self, told: Found) -> Opening:
        return Opening("open" if told.number < self._first_fact else "fact", told.start, told.end)

    def _or_choice(self, text: str, start: int) -> OpeningKind:
        end = _sentence_end(text, start)
        return "choice" if _ALTERNATIVE.search(text, start, end) else "yes_no"

    def _skip(self, phrases: Phrases, text: str, position: int) -> int:
        position = _blanks(text, position)
        while (found := phrases.at(text, position)) is not None:
            position = self._after(text, found)
        return position

    def _after(self, text: str, found: Found) -> int:
        return _blanks(text, found.end)


def form_of(openings: list[Opening]) -> QuestionForm | None:
    """Return the form of a question with these openings: open where one of them is, ``None`` without any."""
    if not openings:
        return None
    is_open = any(opening.kind == "open" for opening in openings)
    return QuestionForm.OPEN if is_open else QuestionForm.CLOSED


def yes_or_no(openings: list[Opening]) -> Opening | None:
    """Return the first opening that yes or no would answer, with no open question to follow it up."""
    last_open = max((opening.start for opening in openings if opening.kind == "open"), default=-1)
    return next(
        (opening for opening in openings if opening.kind == "yes_no" and opening.start > last_open), None
    )


class Sentences:
    """The sentences of a text, and which of them ask."""

    def __init__(self, text: str, openings: Sequence[Opening]) -> None:
        self._ends = [match.end() for match in _SENTENCE_END.finditer(text)]
        self._asking = {self._number(opening.start) for opening in openings}

    def asks(self, position: int) -> bool:
        """Say whether the sentence at ``position`` holds a question."""
        return self._number(position) in self._asking

    def _number(self, position: int) -> int:
        return bisect.bisect_right(self._ends, position)


def _blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return position if match is None else match.end()


def _sentence_end(text: str, position: int) -> int:
    match = _SENTENCE_END.search(text, position)
    return len(text) if match is None else match.start()


def _ends_asking(text: str, position: int) -> bool:
    return text[_sentence_end(text, position) :].startswith("?")
