"""Labelled answers: the record, and its JSON Lines form.

The form is the one that Prodigy and spaCy's ``Doc.char_span`` read: offsets are Unicode code points
into ``text``, end-exclusive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, Field, StrictInt, ValidationError

from service.labels import Label

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """A run of words and the part that a reader says it plays.

    ``or_label`` is a second label that counts as right too (``"ST"`` in files whose authors did not tell
    SITUATION from TASK).
    """

    start: int
    end: int
    label: Label
    or_label: Label | None = None

    @property
    def name(self) -> str:
        """The label as files write it."""
        return self.label.value if self.or_label is None else "ST"


@dataclass(frozen=True, slots=True)
class LabelledAnswer:
    """One answer as a reader labelled and rated it.

    ``findings`` are ids of the catalogue; a criterion carries ``:met`` or ``:missing``.
    ``components`` rates S, T, A and R from 0 (absent) to 3 (strong), or ``None`` for a question that
    wants no story. ``score`` is the reader's overall mark, 1 to 5.
    """

    id: str
    question: str | None
    text: str
    spans: tuple[GoldSpan, ...]
    question_type: str | None = None
    answer_kind: str | None = None
    findings: tuple[str, ...] = ()
    components: Mapping[str, int | None] | None = None
    score: float | None = None
    meta: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the answer as one line of JSON, keys in a fixed order."""
        return json.dumps(
            {
                "id": self.id,
                "question": self.question,
                "text": self.text,
                "spans": [{"start": span.start, "end": span.end, "label": span.name} for span in self.spans],
                "question_type": self.question_type,
                "answer_kind": self.answer_kind,
                "findings": list(self.findings),
                "components": None if self.components is None else dict(self.components),
                "score": self.score,
                "meta": dict(self.meta),
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, line: str | bytes) -> LabelledAnswer:
        """Read one line. Raises ``ValueError``, which names the fields that are wrong and never what stands in them."""
        try:
            row = _Row.model_validate(json.loads(line))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            raise ValueError("it is not JSON in UTF-8") from None
        except ValidationError as error:
            raise ValueError(told(error)) from None
        answer = cls(
            id=row.id,
            question=row.question,
            text=row.text,
            spans=tuple(map(_span, row.spans)),
            question_type=row.question_type,
            answer_kind=row.answer_kind,
            findings=tuple(row.findings),
            components=row.components,
            score=row.score,
            meta=_meta(row),
        )
        if _HALF_PAIR.search(answer.to_json()):
            raise ValueError("there is half of a surrogate pair, which is no character")
        return answer


class _SpanRow(BaseModel):
    start: StrictInt
    end: StrictInt
    label: Literal["SITUATION", "TASK", "ACTION", "RESULT", "OTHER", "ST"]


class _Row(BaseModel):
    id: str
    text: str
    spans: list[_SpanRow]
    question: str | None = None
    question_type: str | None = None
    answer_kind: str | None = None
    findings: list[str] = []
    components: dict[str, int | None] | None = None
    score: int | Annotated[float, Field(allow_inf_nan=False)] | None = None
    meta: dict[str, str] = {}
    findings_of_one_reader: list[str] | None = None


def told(error: ValidationError) -> str:
    """Return which fields are wrong and how, without any of their content."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    return ", ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'it'} ({fault['type']})" for fault in faults[:_NAMED]
    )


def _meta(row: _Row) -> dict[str, str]:
    if row.findings_of_one_reader:
        return {**row.meta, "findings_of_one_reader": " ".join(row.findings_of_one_reader)}
    return row.meta


def _span(span: _SpanRow) -> GoldSpan:
    if span.label == "ST":
        return GoldSpan(span.start, span.end, Label.TASK, Label.SITUATION)
    return GoldSpan(span.start, span.end, Label(span.label))


def read_jsonl(path: Path) -> list[LabelledAnswer]:
    """Read a file of labelled answers; lines are split at the line feed only, never at U+2028 or U+0085."""
    lines = path.read_bytes().split(b"\n")
    return [LabelledAnswer.from_json(line) for line in lines if line.strip()]


def write_jsonl(path: Path, answers: Iterable[LabelledAnswer]) -> None:
    """Write answers, one JSON object a line, UTF-8."""
    path.write_bytes(b"".join(answer.to_json().encode() + b"\n" for answer in answers))


class _Labelled(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def label(self) -> Label: ...


def word_labels(text: str, spans: Iterable[_Labelled]) -> Iterator[tuple[int, int, Label | None]]:
    """Yield ``(start, end, label)`` for each word (run of non-space characters) of ``text``.

    The label is that of the span which holds the word's first character; ``None`` outside all spans.
    """
    ordered = sorted(spans, key=lambda span: span.start)
    position = 0
    for match in re.finditer(r"\S+", text):
        while position < len(ordered) and ordered[position].end <= match.start():
            position += 1
        inside = position < len(ordered) and ordered[position].start <= match.start()
        yield match.start(), match.end(), ordered[position].label if inside else None
