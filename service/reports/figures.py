"""The figures of one judged answer: what stays in hand when its words have gone to the page."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from service.batch.outcomes import Judged
from service.labels import COMPONENTS, Label, QuestionType, Severity

#: Code points of an answer that a list may quote.
LONGEST_QUOTE = 160

Status = Literal["scored", "abstained", "error"]


@dataclass(frozen=True, slots=True)
class Raised:
    """A finding as the reply has it; offsets in code points of the answer."""

    id: str
    severity: Severity
    component: Label | None
    message: str
    why: str
    advice: str
    start: int | None
    end: int | None
    insert_at: int | None
    quote: str | None

    @property
    def is_strength(self) -> bool:
        """Whether it is something to keep."""
        return self.severity is Severity.STRENGTH


@dataclass(frozen=True, slots=True)
class PartFigures:
    """One of the four parts of a story: ``share`` of the words (0 to 1), ``score`` 0 (absent) to 3."""

    label: Label
    present: bool
    words: int
    share: float
    target: tuple[float, float]
    score: int


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """What one answer brought. ``number`` counts the answers of its client from 1, ``row`` those of the file.

    ``date`` is ``None`` where the given one isn't of the form 2026-03-31. ``trouble`` says why there is no
    score; ``problems`` counts the findings of that severity.
    """

    number: int
    row: int
    id: str | None
    question: str | None
    date: date | None
    attempt: int | None
    status: Status
    question_type: QuestionType | None
    answer_kind: str | None
    score: int | None
    parts: tuple[PartFigures, ...]
    found: tuple[Raised, ...]
    focus: tuple[str, ...]
    words: int
    spoken_seconds: int
    trouble: str | None

    @property
    def problems(self) -> int:
        """How many problems were found."""
        return sum(found.severity is Severity.PROBLEM for found in self.found)

    @property
    def is_story(self) -> bool:
        """Whether it was held against the four parts."""
        return bool(self.parts)

    @property
    def first(self) -> tuple[Raised, ...]:
        """What to work on first, in the reply's order, each id once."""
        by_id = {found.id: found for found in reversed(self.found)}
        return tuple(by_id[name] for name in self.focus if name in by_id)


def figures_of(judged: Judged, *, number: int) -> AnswerFigures:
    """Return the figures of one judged answer."""
    reply = judged.reply
    error = reply.get("error")
    status: Status = "error" if error is not None else reply["status"]
    trouble: str | None = None
    if error is not None:
        trouble = trouble_of(error)
    elif status == "abstained":
        trouble = reply["reason"]["message"]
    kind, score, stats = reply.get("answer_kind"), reply.get("score"), reply.get("stats")
    return AnswerFigures(
        number=number,
        row=judged.row,
        id=reply.get("id"),
        question=judged.question if judged.question and judged.question.strip() else None,
        date=read_date(judged.date),
        attempt=judged.attempt,
        status=status,
        question_type=None if error is not None else QuestionType(reply["question_type"]["label"]),
        answer_kind=None if kind is None else kind["label"],
        score=None if score is None else score["value"],
        parts=parts_of(reply),
        found=tuple(raised(finding) for finding in reply.get("findings", ())),
        focus=tuple(reply.get("focus", ())),
        words=0 if stats is None else stats["words"],
        spoken_seconds=0 if stats is None else stats["spoken_seconds"],
        trouble=trouble,
    )


def parts_of(reply: Mapping[str, Any]) -> tuple[PartFigures, ...]:
    """Return the parts of a story in their order; empty for other answers."""
    components = reply.get("components") or {}
    return tuple(
        PartFigures(
            label=label,
            present=part["present"],
            words=part["words"],
            share=part["share"],
            target=(part["target_share"][0], part["target_share"][1]),
            score=part["score"],
        )
        for label in COMPONENTS
        if (part := components.get(label.value)) is not None
    )


def raised(finding: Mapping[str, Any]) -> Raised:
    """Return a reply's finding as a record; its quote is cut to one line of ``LONGEST_QUOTE``."""
    component, text = finding["component"], finding["text"]
    return Raised(
        id=finding["id"],
        severity=Severity(finding["severity"]),
        component=None if component is None else Label(component),
        message=finding["message"],
        why=finding["why"],
        advice=finding["advice"],
        start=finding["start"],
        end=finding["end"],
        insert_at=finding["insert_at"],
        quote=None if text is None or not text.strip() else shortened(text, LONGEST_QUOTE),
    )


def trouble_of(error: Mapping[str, Any]) -> str:
    """Return an error line's problem as one sentence that names the fields."""
    items = [f"{item['pointer']}: {item['message']}".lstrip(": ") for item in error.get("errors", ())]
    return "; ".join([error.get("detail", "the row could not be judged"), *items])


def read_date(text: str | None) -> date | None:
    """Return the day of an ISO 8601 date or time, or ``None`` for anything else: 3/4/2026 has two readings."""
    try:
        return None if text is None else datetime.fromisoformat(text.strip()).date()
    except ValueError:
        return None


def client_name(text: str | None) -> str | None:
    """Return the name under which rows are one client: white space and Unicode forms don't part them."""
    name = " ".join(unicodedata.normalize("NFC", text or "").split())
    return name or None


def shortened(text: str, most: int) -> str:
    """Return ``text`` on one line, cut at a space where it is longer than ``most`` code points."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    head = line[: most - 1]
    return (head.rsplit(" ", 1)[0] if " " in head else head) + "…"


def shared_wording(one: str, other: str) -> str:
    """Return the words that two messages of one finding share, an ellipsis where they differ.

    Some messages hold a figure of their answer: "At 41 words …", "At 22 words …".
    """
    if one == other:
        return one
    left, right = one.split(), other.split()
    shortest = min(len(left), len(right))
    start = next((i for i in range(shortest) if left[i] != right[i]), shortest)
    rest = shortest - start
    end = next((i for i in range(rest) if left[-1 - i] != right[-1 - i]), rest)
    return " ".join([*left[:start], "…", *left[len(left) - end :]])
