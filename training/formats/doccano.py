"""doccano's JSON Lines for sequence labelling: ``label`` or ``labels`` with ``[start, end, label]``.

Projects with relations write ``entities`` instead. What doccano does not know on import it keeps, and writes beside the
text on export.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from training.corpus import told
from training.formats.fields import answer_of, meta_of, named
from training.formats.lines import read_objects, write_objects
from training.formats.records import Entry, ForeignSpan, Format, Item, Options, Refused, Task

_KNOWN = ("id", "text", "data", "label", "labels", "entities", "relations", "annotations", "meta")


class _Entity(BaseModel):
    label: str
    start_offset: int
    end_offset: int


class _Row(BaseModel):
    model_config = ConfigDict(extra="allow")

    text: str | None = None
    data: str | None = None
    id: int | str | None = None
    label: list[tuple[int, int, str]] | None = None
    labels: list[tuple[int, int, str]] | None = None
    entities: list[_Entity] | None = None
    meta: dict[str, object] | None = None


def _read(path: Path, _options: Options) -> Iterator[Entry]:
    for found in read_objects(path):
        yield found if isinstance(found, Refused) else _entry(*found, path.stem)


def _entry(line: int, source: dict[str, object], stem: str) -> Entry:
    default_id = f"{stem}-{line}"
    if "annotations" in source:
        reason = "its labels are numbers; export it from doccano as 'JSONL (text label)'"
        return Refused(line, default_id, (reason,), source)
    try:
        row = _Row.model_validate(source)
        text = row.data if row.text is None else row.text
        if text is None:
            raise ValueError("it has no text; export it anew")
        answer = answer_of(
            text,
            row.meta or {},
            default_id=default_id if row.id is None else f"{stem}-{row.id}",
            more={name: value for name, value in source.items() if name not in _KNOWN},
        )
        spans = _spans(row)
    except ValidationError as error:
        return Refused(line, default_id, (f"this is no export of doccano: {told(error)}",), source)
    except ValueError as error:
        return Refused(line, default_id, (str(error),), source)
    notes = ("its relations were left out",) if source.get("relations") else ()
    return Item(line, answer, spans, source, notes=notes)


def _spans(row: _Row) -> tuple[ForeignSpan, ...]:
    entities = row.entities
    given = [
        spans
        for spans in (
            row.label,
            row.labels,
            None if entities is None else [(e.start_offset, e.end_offset, e.label) for e in entities],
        )
        if spans is not None
    ]
    if any(sorted(spans) != sorted(given[0]) for spans in given):
        raise ValueError("'label' and 'labels' (or 'entities') say different things; keep one of them")
    return tuple(ForeignSpan(*span) for span in given[0]) if given else ()


def _write(path: Path, tasks: Sequence[Task], _options: Options) -> None:
    write_objects(
        path,
        (
            {
                "text": task.answer.text,
                "label": [list(named(span)) for span in task.answer.spans],
                "meta": meta_of(task.answer),
            }
            for task in tasks
        ),
    )


DOCCANO = Format("doccano", _read, _write, counts_utf16=True, takes_suggestions=True)
