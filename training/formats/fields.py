"""What of a labelled answer travels under ``meta``, in every format: its id, question, rating and notes.

Names and values are flat where a tool shows them to labellers; the rating is kept apart under ``star_feedback``,
because tools use names such as ``score`` for something else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.corpus import GoldSpan, LabelledAnswer, told

OWN = "star_feedback"
#: Names under ``meta`` that are fields of the record.
RESERVED = frozenset({"id", "question", OWN})
#: A score as JSON has it.
Number = int | Annotated[float, Field(allow_inf_nan=False)]


class Rating(BaseModel):
    """A reader's judgement of a whole answer; ``meta`` are notes whose names are reserved."""

    model_config = ConfigDict(extra="forbid")

    question_type: str | None = None
    answer_kind: str | None = None
    findings: list[str] = []
    components: dict[str, int | None] | None = None
    score: Number | None = None
    meta: dict[str, str] = {}


def meta_of(answer: LabelledAnswer) -> dict[str, object]:
    """Return what ``answer_of`` needs to make the answer again, but for its text and spans."""
    rating = Rating(
        question_type=answer.question_type,
        answer_kind=answer.answer_kind,
        findings=list(answer.findings),
        components=None if answer.components is None else dict(answer.components),
        score=answer.score,
        meta={name: value for name, value in answer.meta.items() if name in RESERVED},
    ).model_dump(exclude_defaults=True)
    notes = {name: value for name, value in answer.meta.items() if name not in RESERVED}
    question = {} if answer.question is None else {"question": answer.question}
    return {"id": answer.id, **question, **notes, **({OWN: rating} if rating else {})}


def answer_of(
    text: str,
    meta: Mapping[str, object],
    *,
    default_id: str,
    question: str | None = None,
    more: Mapping[str, object] | None = None,
) -> LabelledAnswer:
    """Return an answer without spans from its text and its ``meta``.

    ``default_id`` and ``question`` stand in where ``meta`` names none; ``more`` are notes beside ``meta``. Raises
    ``ValueError`` where the rating is not as ``meta_of`` wrote it.
    """
    try:
        rating = Rating.model_validate(meta.get(OWN, {}))
    except ValidationError as error:
        raise ValueError(f"meta.{OWN} is not as an export of ours has it: {told(error)}") from None
    asked = meta.get("question")
    given_id = meta.get("id")
    notes = {
        name: _as_text(value)
        for name, value in {**(more or {}), **meta}.items()
        if name not in RESERVED and value not in (None, "", [], {})
    }
    return LabelledAnswer(
        id=default_id if given_id in (None, "") else str(given_id),
        question=asked if isinstance(asked, str) else question,
        text=text,
        spans=(),
        question_type=rating.question_type,
        answer_kind=rating.answer_kind,
        findings=tuple(rating.findings),
        components=rating.components,
        score=rating.score,
        meta={**notes, **rating.meta},
    )


def named(span: GoldSpan) -> tuple[int, int, str]:
    """Return start, end and label of a span as files write it."""
    return span.start, span.end, span.name


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
