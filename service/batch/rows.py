"""From a file of answers to rows: CSV or JSON Lines, in memory that does not grow with the file.

Every row that can be told apart comes out, as a ``Row`` or, where only that row is wrong, as a ``BadRow``. Where
it is not certain where the rows are, for instance behind a quote that nobody closed, ``UnreadableFile`` says
at which line and column; nothing is guessed and nothing is skipped but empty lines.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal, get_args

from service import strict_json
from service.errors import InvalidRequest, Problem
from service.schemas import FeedbackRequest, parse_request
from service.settings import Settings

Media = Literal["csv", "jsonl"]
MEDIA: tuple[Media, ...] = get_args(Media)

#: The columns of the contract; ``date`` and ``attempt`` are for the reports only.
COLUMNS = (
    "answer", "question", "question_type", "context", "id", "client", "date", "attempt",
)  # fmt: skip
_DEFAULTS = Settings()
_NAMES = frozenset((*FeedbackRequest.model_fields, "date", "attempt"))
#: What spreadsheets separate columns by; the header tells which it is.
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
#: Characters of one record of a CSV file, over all its lines.
LONGEST_RECORD = 1_000_000
_LONGEST_NAME = 40
_MOST_ATTEMPTS = 1_000_000
_PIECE = 64 * 1024
_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"')
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?")

#: First bytes of what is no text in UTF-8; the longer of two that begin alike comes first.
_FOREIGN = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"PK\x03\x04", "an Excel workbook or a ZIP file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"%PDF", "a PDF"),
)  # fmt: skip
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Row:
    """One answer of a file: ``number`` from 1, ``data`` as ``schemas.parse_request`` takes it.

    ``date`` (ISO 8601) and ``attempt`` are passed on to reports, never judged.
    """

    number: int
    data: dict[str, object]
    date: str | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read as a request; the rows after it can."""

    number: int
    id: str | None
    problem: InvalidRequest

    def __reduce__(self) -> tuple[Callable[..., BadRow], tuple[object, ...]]:
        """Say how another process makes it: an exception alone is rebuilt from its message only."""
        refusal = self.problem
        return _bad_row, (self.number, self.id, refusal.status, refusal.detail, refusal.problems)


class UnreadableFile(InvalidRequest):
    """A file whose rows cannot be told apart; ``line`` and ``column`` (in characters) count from 1."""

    def __init__(self, code: str, message: str, *, line: int = 1, column: int = 1, status: int = 400) -> None:
        told = _at(line, column, message)
        super().__init__(status, told, (Problem("", code, told),))
        self.line = line
        self.column = column


def read_rows(
    stream: BinaryIO,
    media: Media,
    *,
    settings: Settings = _DEFAULTS,
) -> Iterator[Row | BadRow]:
    """Yield the rows of ``stream``, which is read piece by piece.

    A line of JSON may be as long and as deep as the body of a single request. Raises ``UnreadableFile``.
    """
    if media == "csv":
        return _csv_rows(_TextLines(stream))
    return _json_rows(stream, settings.max_json_depth, settings.max_body_bytes)


def _bad_row(
    number: int, row_id: str | None, status: int, detail: str, problems: tuple[Problem, ...]
) -> BadRow:
    return BadRow(number, row_id, InvalidRequest(status, detail, problems))


def _at(line: int, column: int, message: str) -> str:
    return f"line {line}, column {column}: {message}"


def _refuse_foreign(head: bytes) -> None:
    """Raise ``UnreadableFile`` by name where the first bytes are not those of text in UTF-8."""
    found = next((name for mark, name in _FOREIGN if head.startswith(mark)), None)
    if found is None and b"\0" in head:
        halves = (head[0:64:2], head[1:64:2])
        found = next(("UTF-16" for half in halves if half and half.count(0) > len(half) // 2), None)
    if found is not None:
        raise UnreadableFile("not_utf8", f"the file is {found}; save it as text in UTF-8")


# --- CSV -------------------------------------------------------------------------------------------------


class _TextLines:
    """The lines of a CSV file as text, with their ends, whatever these are; an iterator for ``csv.reader``.

    ``record`` holds what was read since ``begin``, so that a fault in it can be shown.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._lines = self._read(stream)
        self._count = 0
        self._length = 0
        self.first = 1
        self.record: list[str] = []

    def begin(self) -> None:
        """Note that the next line begins a record."""
        self.record.clear()
        self._length = 0
        self.first = self._count + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        text = self._decoded(next(self._lines))
        self._length += len(text)
        if self._length > LONGEST_RECORD:
            raise self._too_long()
        self.record.append(text)
        return text

    def _read(self, stream: BinaryIO) -> Iterator[bytes]:
        pending = stream.read(_PIECE)
        _refuse_foreign(pending)
        pending = pending.removeprefix(_BYTE_ORDER_MARK)
        while piece := stream.read(_PIECE):
            lines = (pending + piece).splitlines(keepends=True)
            # The last may go on, and a CR at its end may be half of a CR LF.
            pending = lines.pop()
            yield from lines
            if len(pending) > 4 * LONGEST_RECORD:
                self._count += 1
                raise self._too_long()
        yield from pending.splitlines(keepends=True)

    def _decoded(self, raw: bytes) -> str:
        self._count += 1
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            column = len(raw[: error.start].decode()) + 1
            message = (
                f"byte 0x{raw[error.start]:02x} is not UTF-8; {_guess(raw[error.start])}; save it as UTF-8"
            )
            raise UnreadableFile("not_utf8", message, line=self._count, column=column) from None
        if "\0" in text:
            raise UnreadableFile(
                "nul_character",
                "there is a NUL character",
                line=self._count,
                column=text.index("\0") + 1,
            )
        return text

    def _too_long(self) -> UnreadableFile:
        message = f"a row has more than {LONGEST_RECORD} characters; a quote may not be closed"
        return UnreadableFile("row_too_long", message, line=self.first, status=413)


def _guess(byte: int) -> str:
    windows_only = 0x80 <= byte <= 0x9F
    return f"the file may be Windows-1252{'' if windows_only else ' or ISO-8859-1'}"


def _csv_rows(lines: _TextLines) -> Iterator[Row | BadRow]:
    delimiter, names = _header(lines)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 0
    while True:
        lines.begin()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _located(error, lines, delimiter) from None
        if cells is None:
            return
        if not cells:
            continue
        number += 1
        if len(cells) == len(names):
            yield _csv_row(number, dict(zip(names, cells, strict=True)), lines.first)
        else:
            yield BadRow(number, None, _ragged(lines, delimiter, len(cells), len(names)))


def _header(lines: _TextLines) -> tuple[str, list[str]]:
    """Return the delimiter and the names of the columns; raise where they are not those of the contract."""
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise UnreadableFile("empty_file", "the file is empty; its first line must name the columns")
    line = lines.first + len(lines.record) - 1
    known = f"known are {', '.join(COLUMNS)}"
    for delimiter in _DELIMITERS:
        cells = _header_cells(first, delimiter)
        names = [re.sub(r"[\s-]+", "_", cell.strip().lower()) for cell in cells]
        if "answer" in names:
            break
    else:
        # What stands there may be an answer, and is not repeated.
        raise UnreadableFile("no_answer_column", f"this line names no column 'answer'; {known}", line=line)
    places = [start + 1 for start, _ in _cells(first, delimiter)]
    for index, (name, cell, column) in enumerate(zip(names, cells, places, strict=True)):
        if not name:
            message = f"column number {index + 1} has no name; {known}"
            raise UnreadableFile("unnamed_column", message, line=line, column=column)
        if name not in COLUMNS:
            shown = "".join(c for c in cell.strip()[:_LONGEST_NAME] if c.isprintable())
            message = f"the column '{shown}' is not known; {known}"
            raise UnreadableFile("unknown_column", message, line=line, column=column)
        if name in names[:index]:
            message = f"the column '{name}' comes twice"
            raise UnreadableFile("duplicate_column", message, line=line, column=column)
    return delimiter, names


def _header_cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return []


def _csv_row(number: int, cells: dict[str, str], line: int) -> Row | BadRow:
    extra = {name: cells.pop(name).strip() or None for name in ("date", "attempt") if name in cells}
    data: dict[str, object] = {
        name: cell if cell or name == "answer" else None for name, cell in cells.items()
    }
    attempt = extra.get("attempt")
    given: object = attempt
    if attempt is not None and attempt.isascii() and attempt.isdigit() and len(attempt) < 10:
        given = int(attempt)
    return _row(number, data, extra.get("date"), given, line)


def _ragged(lines: _TextLines, delimiter: str, found: int, wanted: int) -> InvalidRequest:
    """Return the problem of a row of ``found`` cells: where the first stands that is too many or missing."""
    text = "".join(lines.record)
    places = _cells(text, delimiter)
    offset = places[wanted][0] if found > wanted else places[-1][1]
    line, column = _place(text, offset, lines.first)
    message = f"the row has {found} of the header's {wanted} columns"
    if found > wanted:
        message = (
            f"the row has {found} columns, the header {wanted}; "
            f"a text with {_DELIMITERS[delimiter]} needs quotes round it"
        )
    told = _at(line, column, message)
    return InvalidRequest(400, told, (Problem("", "ragged_row", told),))


def _located(error: csv.Error, lines: _TextLines, delimiter: str) -> UnreadableFile:
    """Return where in the record ``csv`` stopped, which it does not say."""
    text = "".join(lines.record)
    cells = _cells(text, delimiter)
    start, end = cells[-1]
    if "field larger than field limit" in str(error):
        most = csv.field_size_limit()
        start = next((first for first, last in cells if last - first > most), start)
        code, offset, status = "cell_too_long", start, 413
        message = f"a cell has more than {most} characters, or its quote is not closed"
    elif end < len(text) and text[start] == '"' and text[end] not in "\r\n":
        code, offset, status = "stray_quote", end, 400
        message = "there is text behind a closing quote; a quote within a quoted cell is written twice"
    else:
        code, offset, status = "unclosed_quote", start, 400
        message = "the quote that opens this cell is never closed"
    line, column = _place(text, offset, lines.first)
    return UnreadableFile(code, message, line=line, column=column, status=status)


def _cells(record: str, delimiter: str) -> list[tuple[int, int]]:
    """Return start and end of each cell of a record, as ``csv`` reads it; the last ends where it stops."""
    plain = re.compile(rf"[^{re.escape(delimiter)}\r\n]*+")
    cells = []
    start = 0
    while True:
        cell = (_QUOTED if record.startswith('"', start) else plain).match(record, start)
        end = len(record) if cell is None else cell.end()
        cells.append((start, end))
        if not record.startswith(delimiter, end):
            return cells
        start = end + 1


def _place(text: str, offset: int, first_line: int) -> tuple[int, int]:
    """Return line and column of an offset of ``text``, which begins at ``first_line``."""
    ends = [0, *(match.end() for match in _LINE_END.finditer(text, 0, offset))]
    return first_line + len(ends) - 1, offset - ends[-1] + 1


# --- JSON Lines ------------------------------------------------------------------------------------------


def _json_rows(stream: BinaryIO, max_depth: int, max_line_bytes: int) -> Iterator[Row | BadRow]:
    number = 0
    for line, raw in enumerate(_byte_lines(stream, max_line_bytes), start=1):
        if raw is not None and not raw.strip():
            continue
        number += 1
        if raw is None:
            yield BadRow(number, None, _line_too_long(line, max_line_bytes))
        else:
            yield _json_row(number, raw, line, max_depth)
    if not number:
        raise UnreadableFile("empty_file", "the file is empty; it must hold one JSON object a line")


def _byte_lines(stream: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """Yield the lines without their ends, ``None`` for one over ``limit`` bytes; only LF ends a line."""
    raw = stream.readline(limit + len(_BYTE_ORDER_MARK) + 2)
    _refuse_foreign(raw)
    raw = raw.removeprefix(_BYTE_ORDER_MARK)
    while raw:
        text = raw.removesuffix(b"\n").removesuffix(b"\r")
        yield text if len(text) <= limit else None
        while raw and not raw.endswith(b"\n"):
            raw = stream.readline(_PIECE)
        raw = stream.readline(limit + 2)


def _line_too_long(line: int, limit: int) -> InvalidRequest:
    told = _at(line, limit + 1, f"a line must not be longer than {limit} bytes")
    return InvalidRequest(413, told, (Problem("", "body_too_large", told),))


def _json_row(number: int, raw: bytes, line: int, max_depth: int) -> Row | BadRow:
    try:
        data = strict_json.parse(raw, max_depth=max_depth, names=_NAMES, what="line")
    except strict_json.MalformedJson as error:
        return BadRow(number, None, _told_at(line, error.column, error))
    if not isinstance(data, dict):
        return BadRow(number, None, _told_at(line, 1, _refusal_of(data)))
    return _row(number, data, data.pop("date", None), data.pop("attempt", None), line)


def _refusal_of(data: object) -> InvalidRequest:
    """Return what a single request of ``data``, which is no object, is answered with."""
    try:
        parse_request(data)
    except InvalidRequest as refusal:
        return refusal
    raise AssertionError("what is no object is no request")


def _told_at(line: int, column: int, error: InvalidRequest) -> InvalidRequest:
    problems = tuple(
        Problem(problem.pointer, problem.code, _at(line, column, problem.message))
        for problem in error.problems
    )
    return InvalidRequest(error.status, _at(line, column, error.detail), problems)


# --- Both ------------------------------------------------------------------------------------------------


def _row(number: int, data: dict[str, object], date: object, attempt: object, line: int) -> Row | BadRow:
    problems = []
    if not _is_date(date):
        problems.append(
            Problem("/date", "not_a_date", f"line {line}, column 'date': must be a date as 2026-03-31")
        )
    if not _is_attempt(attempt):
        problems.append(
            Problem(
                "/attempt", "not_a_number", f"line {line}, column 'attempt': must be a whole number from 1"
            )
        )
    if problems:
        detail = "; ".join(problem.message for problem in problems)
        row_id = data.get("id")
        known_id = row_id if isinstance(row_id, str) else None
        return BadRow(number, known_id, InvalidRequest(422, detail, tuple(problems)))
    # Checked just now; the type checker can't know.
    return Row(number, data, date, attempt)  # type: ignore[arg-type]


def _is_date(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_attempt(value: object) -> bool:
    return value is None or (type(value) is int and 1 <= value <= _MOST_ATTEMPTS)
