"""Prodigy's JSON Lines, as ``db-out`` writes and ``spans.manual`` reads them.

A span has ``start`` and ``end`` in characters, and ``token_start`` and ``token_end`` in tokens. ``token_end`` is the
last token itself, not the one behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from training.corpus import told
from training.formats.fields import answer_of, meta_of
from training.formats.lines import read_objects, write_objects
from training.formats.records import (
    Entry,
    ForeignSpan,
    Format,
    Item,
    LeftOut,
    Options,
    Refused,
    Task,
)
from training.formats.tokens import token_spans, tokenized

_EXCLUSIVE = (
    "token_end counts the token behind the span, Prodigy's the last one in it; the characters were taken"
)


class _Token(BaseModel):
    start: int
    end: int


class _Span(BaseModel):
    label: str
    start: int | None = None
    end: int | None = None
    token_start: int | None = None
    token_end: int | None = None


class _Row(BaseModel):
    text: str
    spans: list[_Span] | None = None
    tokens: list[_Token] | None = None
    answer: str | None = None
    meta: dict[str, object] | None = None
    annotator: str | None = Field(default=None, alias="_annotator_id")
    session: str | None = Field(default=None, alias="_session_id")
    input_hash: int | None = Field(default=None, alias="_input_hash")


def _read(path: Path, _options: Options) -> Iterator[Entry]:
    for found in read_objects(path):
        yield found if isinstance(found, Refused) else _entry(*found, path.stem)


def _entry(line: int, source: dict[str, object], stem: str) -> Entry:
    default_id = f"{stem}-{line}"
    try:
        row = _Row.model_validate(source)
        # Two people's labels of one text have the hash in common.
        named = default_id if row.input_hash is None else f"{stem}-{row.input_hash}"
        answer = answer_of(row.text, row.meta or {}, default_id=named)
        spans, notes = _spans(row)
    except ValidationError as error:
        return Refused(line, default_id, (f"this is no task of Prodigy: {told(error)}",), source)
    except ValueError as error:
        return Refused(line, default_id, (str(error),), source)
    if row.answer != "accept":
        said = (
            f"it was answered {row.answer!r}"
            if row.answer in ("reject", "ignore")
            else "it has no answer yet"
        )
        return LeftOut(line, answer.id, f"{said} in Prodigy; only what was accepted is labelled")
    return Item(line, answer, spans, source, annotator=row.annotator or row.session, notes=notes)


def _spans(row: _Row) -> tuple[tuple[ForeignSpan, ...], tuple[str, ...]]:
    """Return the spans of a row by their characters; raises ``ValueError`` where its tokens say otherwise."""
    tokens = row.tokens or []
    spans = []
    is_exclusive = []
    for span in row.spans or []:
        first, last = span.token_start, span.token_end
        by_tokens = None
        if first is not None and last is not None and 0 <= first <= last < len(tokens):
            by_tokens = tokens[first].start, tokens[last].end
        if span.start is not None and span.end is not None:
            there = span.start, span.end
        elif by_tokens is not None:
            there = by_tokens
        else:
            raise ValueError("a span has neither start and end nor tokens to find them by; export it anew")
        if first is not None and last is not None and tokens and by_tokens != there:
            is_off_by_one = 0 <= first < last <= len(tokens)
            if not is_off_by_one or (tokens[first].start, tokens[last - 1].end) != there:
                raise ValueError(
                    f"span {there[0]}-{there[1]}: its tokens {first}-{last} are other words; export it anew"
                )
            is_exclusive.append(True)
        elif by_tokens is not None:
            is_exclusive.append(False)
        spans.append(ForeignSpan(*there, span.label))
    if any(is_exclusive) and not all(is_exclusive):
        raise ValueError(
            "token_end is the last token in some spans and the one behind it in others; export it anew"
        )
    return tuple(spans), (_EXCLUSIVE,) if any(is_exclusive) else ()


def _write(path: Path, tasks: Sequence[Task], _options: Options) -> None:
    write_objects(path, (_row(task) for task in tasks))


def _row(task: Task) -> dict[str, object]:
    answer = task.answer
    doc = tokenized(answer.text)
    row: dict[str, object] = {
        "text": answer.text,
        "meta": meta_of(answer),
        "tokens": [
            {
                "text": token.text,
                "start": token.idx,
                "end": token.idx + len(token),
                "id": token.i,
                "ws": bool(token.whitespace_),
            }
            for token in doc
        ],
        "spans": [
            {
                "start": span.start_char,
                "end": span.end_char,
                "token_start": span.start,
                "token_end": span.end - 1,
                "label": span.label_,
            }
            for span in token_spans(doc, task)
        ],
    }
    if task.suggested_by is None:
        row["answer"] = "accept"
    return row


PRODIGY = Format("prodigy", _read, _write, takes_suggestions=True)
