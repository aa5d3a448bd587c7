"""Judged rows as a table for spreadsheets: CSV or XLSX, in which no text is ever a formula, a link or markup.

After OWASP's page on CSV injection a text that a spreadsheet might calculate gets an apostrophe; its list is
widened by the full-width forms of the signs, and by blanks before them, which some spreadsheets strip. An XLSX
cell has a type, so that there nothing needs a sign in front.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import xlsxwriter  # type: ignore[import-untyped]

from service.batch.outcomes import Judged
from service.labels import COMPONENTS

Cell = str | int | float | None

COLUMNS: tuple[str, ...] = (
    "row", "id", "client", "date", "attempt", "question", "question_type", "answer_kind", "status", "score",
    *(f"{label.value.lower()}_{figure}" for label in COMPONENTS for figure in ("score", "share")),
    "findings", "focus", "words", "spoken_seconds", "reason", "error_code", "error", "answer",
)  # fmt: skip

#: UTF-16 units that a cell of Excel holds, and rows of a sheet.
LONGEST_CELL = 32_767
MOST_ROWS = 1_048_576

#: What a spreadsheet calculates when it comes first; other forms of these are the same to some.
_SIGNS = frozenset("=+-@")
_LINE_SIGNS = frozenset("\t\r\n")
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}|\d{0,15}\.\d{1,15})", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
#: What XML 1.0 cannot hold is shown as its picture.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {
    0x7F: 0x2421,
    0xFFFE: 0xFFFD,
    0xFFFF: 0xFFFD,
}


def write_csv(file: TextIO, rows: Iterable[Judged]) -> None:
    """Write a header and a line for each row; ``file`` must not translate line ends."""
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in cells_of(row)])


def write_xlsx(file: BinaryIO, rows: Iterable[Judged], *, scratch: Path, most_rows: int = MOST_ROWS) -> int:
    """Write a workbook; return how many texts had to be cut to fit a cell of Excel.

    One row at a time is held; ``scratch`` is the folder for the parts of the file until they are one. Beyond
    ``most_rows`` of a sheet another begins.
    """
    workbook = xlsxwriter.Workbook(
        file,
        {
            "constant_memory": True,
            "tmpdir": str(scratch),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    # Equal results are equal bytes: not the time of writing.
    workbook.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001
    sheets = _Sheets(workbook, most_rows)
    for row in rows:
        sheets.add(cells_of(row))
    workbook.close()
    return sheets.cut


class _Sheets:
    """Adds rows below one another, on a new sheet with its own header where one is full."""

    def __init__(self, workbook: Any, most_rows: int) -> None:
        self._workbook = workbook
        self._most_rows = most_rows
        self._begin()
        self.cut = 0

    def add(self, cells: Sequence[Cell]) -> None:
        """Write one row; counts the texts that had to be cut."""
        if self._next_row == self._most_rows:
            self._begin()
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                shown = _shown(cell)
                fitted = _fitted(shown)
                self.cut += fitted is not shown
                self._sheet.write_string(self._next_row, column, fitted)
            elif cell is not None:
                self._sheet.write_number(self._next_row, column, cell)
        self._next_row += 1

    def _begin(self) -> None:
        self._sheet = self._workbook.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        for column, name in enumerate(COLUMNS):
            self._sheet.write_string(0, column, name)
        self._next_row = 1


def cells_of(row: Judged) -> tuple[Cell, ...]:
    """Return the figures of a row, in the order of ``COLUMNS``; what it does not have is ``None``."""
    reply = row.reply
    components: Mapping[str, Any] = reply.get("components", {})
    parts = [components.get(label.value, {}) for label in COMPONENTS]
    problem = reply.get("error")
    findings = reply.get("findings", ())
    return (
        row.row,
        reply["id"],
        row.client,
        row.date,
        row.attempt,
        row.question,
        _of(reply, "question_type", "label"),
        _of(reply, "answer_kind", "label"),
        "error" if problem is not None else reply["status"],
        _of(reply, "score", "value"),
        *(part.get(figure) for part in parts for figure in ("score", "share")),
        " ".join(finding["id"] for finding in findings),
        " ".join(reply.get("focus", ())),
        _of(reply, "stats", "words"),
        _of(reply, "stats", "spoken_seconds"),
        _of(reply, "reason", "code"),
        None if problem is None else problem["errors"][0]["code"],
        None if problem is None else _told(problem),
        row.answer,
    )


def safe_cell(cell: Cell) -> Cell:
    """Return a cell of a CSV file that no spreadsheet calculates; numbers stay what they are."""
    if not isinstance(cell, str):
        return cell
    text = _SURROGATE.sub("\ufffd", cell)
    if _NUMBER.fullmatch(text):
        return text
    first = next((character for character in text if not _is_blank(character)), "")
    is_sign = unicodedata.normalize("NFKC", first)[:1] in _SIGNS
    return f"'{text}" if is_sign or text[:1] in _LINE_SIGNS else text


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def _of(reply: Mapping[str, Any], name: str, within: str) -> Any:
    part = reply.get(name)
    return None if part is None else part[within]


def _told(problem: Mapping[str, Any]) -> str:
    """Return an error as a line for people: each field with what is wrong with it."""
    told = (f"{item['pointer'].removeprefix('/')}: {item['message']}" for item in problem["errors"])
    return "; ".join(message.removeprefix(": ") for message in told)


def _shown(text: str) -> str:
    """Return ``text`` as XML can hold it."""
    text = _SURROGATE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n")).translate(_PICTURES)
    # XlsxWriter writes a text between these marks as it is, unescaped, when it saves memory.
    return f" {text}" if text.startswith("<r>") and text.endswith("</r>") else text


def _fitted(text: str) -> str:
    """Return the very ``text`` where it fits a cell, else as much of it as does, and how long it was."""
    if len(text) <= LONGEST_CELL // 2 or _units(text) <= LONGEST_CELL:
        return text
    note = f"[cut, {len(text)} characters]"
    room = 2 * (LONGEST_CELL - len(note))
    return text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + note


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
