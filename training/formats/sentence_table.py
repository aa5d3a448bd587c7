"""CSV with the columns ``id,question,answer,label``, one sentence a row.

An answer is the rows of one id, in their order, joined by a space. A fifth column, ``meta``, is written only in the
first row of an answer and never needed: it keeps the rating, and the white space between sentences where that is more
than a space.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from service.batch.tables import safe_cell
from service.language.ends import ends_sentence
from training.corpus import told, word_labels
from training.formats.fields import answer_of, meta_of
from training.formats.lines import read_text
from training.formats.records import (
    CannotWrite,
    Entry,
    ForeignSpan,
    Format,
    Item,
    Options,
    Refused,
    Task,
    UnreadableData,
)

COLUMNS = ("id", "question", "answer", "label")
_META = "meta"
_DELIMITERS = ",;\t"


class _Meta(BaseModel):
    """The ``meta`` column: ``gaps`` is the white space before each row, and behind the last one."""

    model_config = ConfigDict(extra="forbid")

    gaps: list[str] | None = None
    meta: dict[str, object] = {}


@dataclass(slots=True)
class _Rows:
    """The rows of one id."""

    line: int
    question: str
    meta: str
    cells: list[tuple[int, str, str]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def _read(path: Path, _options: Options) -> Iterator[Entry]:
    answers: dict[str, _Rows] = {}
    for line, row in _rows(path):
        question = row.get("question", "")
        rows = answers.setdefault(row["id"], _Rows(line, question, row.get(_META, "")))
        if not row["id"]:
            rows.reasons.append(f"line {line}: the cell 'id' is empty; name the answer in each of its rows")
        if question not in ("", rows.question):
            rows.reasons.append(
                f"line {line}: the question is another one than in line {rows.line}; use an id for each"
            )
        if not row["answer"].strip():
            rows.reasons.append(f"line {line}: the cell 'answer' is empty; take the row away")
        rows.cells.append((line, row["answer"], row["label"]))
    for answer_id, rows in answers.items():
        yield _entry(answer_id, rows)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    content = read_text(path)
    delimiter, names = _header(path, content)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    next(reader)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UnreadableData(f"{path}:{line}: the row that begins here can't be read ({error})") from None
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(names):
            raise UnreadableData(
                f"{path}:{line}: the row has {len(cells)} columns, the header {len(names)}; "
                "a text with commas needs quotes round it"
            )
        yield line, {name: _opened(cell) for name, cell in zip(names, cells, strict=True)}


def _header(path: Path, content: str) -> tuple[str, list[str]]:
    first = content.splitlines()[0] if content.strip() else ""
    for delimiter in _DELIMITERS:
        names = [name.strip().strip('"').lower() for name in first.split(delimiter)]
        if {"id", "answer", "label"} <= set(names):
            break
    else:
        raise UnreadableData(f"{path}:1: the first line must name the columns {','.join(COLUMNS)}")
    if len(set(names)) < len(names):
        raise UnreadableData(f"{path}:1: a column comes twice; name each once")
    if not set(names) <= {*COLUMNS, _META}:
        raise UnreadableData(
            f"{path}:1: there are other columns than {', '.join((*COLUMNS, _META))}; take them away"
        )
    return delimiter, names


def _entry(answer_id: str, rows: _Rows) -> Entry:
    source = {
        "id": answer_id,
        "question": rows.question,
        "rows": [{"line": line, "answer": cell, "label": label} for line, cell, label in rows.cells],
    }
    try:
        meta = _Meta.model_validate_json(rows.meta or "{}")
        text, spans = _joined(rows.cells, meta.gaps)
        answer = answer_of(text, meta.meta, default_id=answer_id, question=rows.question or None)
    except ValidationError as error:
        return Refused(rows.line, answer_id, (f"the cell 'meta' is not as exported: {told(error)}",), source)
    except ValueError as error:
        return Refused(rows.line, answer_id, (str(error),), source)
    if rows.reasons:
        return Refused(rows.line, answer_id, tuple(rows.reasons), source)
    return Item(rows.line, answer, spans, source)


def _joined(
    cells: Sequence[tuple[int, str, str]], gaps: Sequence[str] | None
) -> tuple[str, tuple[ForeignSpan, ...]]:
    """Return the text of an answer and its spans; neighbouring rows of one label are one span."""
    before = ["", *(" " for _ in cells[1:]), ""] if gaps is None else gaps
    if len(before) != len(cells) + 1 or any(gap.strip() for gap in before):
        raise ValueError("the cell 'meta' tells of other rows; empty it")
    text = ""
    spans: list[ForeignSpan] = []
    label_before = ""
    for (line, cell, label), gap in zip(cells, before, strict=False):
        start = len(text) + len(gap)
        text += gap + cell
        if label and label == label_before:
            spans[-1] = ForeignSpan(spans[-1].start, len(text), label, line=spans[-1].line)
        elif label:
            spans.append(ForeignSpan(start, len(text), label, line=line))
        label_before = label
    return text + before[-1], tuple(spans)


def _write(path: Path, tasks: Sequence[Task], _options: Options) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow((*COLUMNS, _META))
    written: set[str] = set()
    for task in tasks:
        answer = task.answer
        if answer.id in written:
            raise CannotWrite(f"the id {answer.id} stands for two answers; rows of one id are one answer")
        written.add(answer.id)
        pieces = _sentences(task)
        edges = [0, *(edge for start, end, _ in pieces for edge in (start, end)), len(answer.text)]
        gaps = [answer.text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]
        meta = _meta(task, gaps)
        for number, (start, end, label) in enumerate(pieces):
            cells = (answer.id, answer.question or "", answer.text[start:end], label)
            writer.writerow([_closed(cell) for cell in (*cells, "" if number else meta)])
    path.write_bytes(buffer.getvalue().encode())


def _meta(task: Task, gaps: Sequence[str]) -> str:
    own = meta_of(task.answer)
    del own["id"]
    if task.answer.question:
        del own["question"]
    cell: dict[str, object] = {"meta": own} if own else {}
    if list(gaps) != ["", *(" " for _ in gaps[2:]), ""]:
        cell["gaps"] = list(gaps)
    return json.dumps(cell, ensure_ascii=False) if cell else ""


def _sentences(task: Task) -> list[tuple[int, int, str]]:
    """Return start, end and label of each sentence of each span; words without a label have an empty one."""
    text, spans = task.answer.text, task.answer.spans
    names = {span.start: span.name for span in spans}
    pieces: list[tuple[int, int, str]] = []
    name = ""
    is_open = False
    for start, end, label in word_labels(text, spans):
        now = "" if label is None else names.get(start, name)
        if is_open and now == name and start not in names:
            pieces[-1] = (pieces[-1][0], end, now)
        else:
            pieces.append((start, end, now))
        name = now
        is_open = not ends_sentence(text[start:end][-3:])
    return pieces


def _closed(cell: str) -> str:
    """Return a cell that no spreadsheet calculates; ``_opened`` gives it back."""
    return f"'{cell}" if _is_formula(cell.lstrip("'")) else cell


def _opened(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _is_formula(cell.lstrip("'")) else cell


def _is_formula(cell: str) -> bool:
    return safe_cell(cell) != cell


CSV = Format("csv", _read, _write)
