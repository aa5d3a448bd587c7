"""Tables for spreadsheets: all figures, no formulas, nothing cut without a word."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.batch.evaluation import evaluate
from service.batch.outcomes import Judged, judged
from service.batch.rows import BadRow, Row
from service.batch.tables import (
    COLUMNS,
    LONGEST_CELL,
    Cell,
    cells_of,
    safe_cell,
    write_csv,
    write_xlsx,
)
from service.errors import InvalidRequest, Problem

from .fakes import ObedientReviewer

#: What spreadsheets have been made to calculate, open or fetch.
PAYLOADS = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.com?x="&A1,"click")', '=WEBSERVICE("http://example.com")', "=IMPORTXML(A1)",
    "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "   =1+1", "\u00a0=1+1", "\u200b=1+1", "\ufeff=1+1", "\x00=1+1", "\x1f=1",
    "＝1+1", "＋1+1", "－1+1", "＠SUM(A1)", " ＝1+1", "﹦1+1", "﹢1", "﹣a", "﹫a", "\tplain", "\rplain", "\nplain",
    "=", "+", "-", "@", "- a list", "--1", "+-1", "-1-1", "=-1", "-1e5", "-0x10", "-1,5", "-inf", "+nan", "-١",
    "http://example.com", "mailto:a@example.com", "file:///etc/passwd", "internal:Sheet1!A1", "external:a.xlsx",
    "{=1+1}", "<r>a</r>", "<r><t>=1+1</t></r>", "</t></is></c>", "<f>1+1</f>", "&lt;", "]]>", "_x003D_1+1",
]  # fmt: skip


def rows_with(text: str) -> list[Judged]:
    """Return a row with ``text`` wherever there can be one."""
    row = Judged(1, text, text, text or "a", text, None, _reply(text))
    problem = {"errors": [{"pointer": "", "code": text, "message": text}]}
    return [row, replace(row, row=2, reply={"row": 2, "id": text, "error": problem})]


def _reply(text: str) -> dict[str, Any]:
    return {
        "id": text,
        "status": "scored",
        "question_type": {"label": text},
        "answer_kind": None,
        "components": {},
        "score": {"value": -5},
        "findings": [{"id": text}],
        "focus": [text],
        "stats": {"words": 3, "spoken_seconds": 1},
    }


def some_rows() -> list[Judged]:
    texts = ["I led 😀 a team.", "NOTHING", "TOKENS", "FAULT", ""]
    rows: list[Row | BadRow] = [
        Row(number, {"answer": text, "client": "Ann", "id": f"r{number}"}, "2026-03-31", 2)
        for number, text in enumerate(texts, start=1)
    ]
    rows.append(BadRow(6, "r6", InvalidRequest(400, "d", (Problem("/date", "not_a_date", "line 7"),))))
    return list(judged(rows, [evaluate(row, ObedientReviewer()) for row in rows]))


def as_csv(rows: list[Judged]) -> str:
    file = io.StringIO(newline="")
    write_csv(file, rows)
    return file.getvalue()


def as_xlsx(rows: list[Judged], folder: Path, **options: int) -> tuple[bytes, int]:
    file = io.BytesIO()
    cut = write_xlsx(file, rows, scratch=folder, **options)
    assert list(folder.iterdir()) == []
    return file.getvalue(), cut


def read_xlsx(book: bytes) -> list[list[Any]]:
    sheets = openpyxl.load_workbook(io.BytesIO(book)).worksheets
    return [list(row) for sheet in sheets for row in sheet.iter_rows(values_only=True)]


def test_a_row_has_all_its_figures() -> None:
    scored, abstained, too_long, fault, empty, bad = (
        dict(zip(COLUMNS, cells_of(row), strict=True)) for row in some_rows()
    )
    assert scored == {
        "row": 1, "id": "r1", "client": "Ann", "date": "2026-03-31", "attempt": 2, "question": None,
        "question_type": "behavioural", "answer_kind": "story", "status": "scored", "score": 44,
        "situation_score": 0, "situation_share": 0.0, "task_score": 0, "task_share": 0.0,
        "action_score": 3, "action_share": 0.0, "result_score": 0, "result_share": 0.0,
        "findings": "result.missing action.too_thin", "focus": "result.missing", "words": 5, "spoken_seconds": 5,
        "reason": None, "error_code": None, "error": None, "answer": "I led 😀 a team.",
    }  # fmt: skip
    assert (abstained["status"], abstained["reason"], abstained["score"]) == ("abstained", "too_short", None)
    assert (too_long["status"], too_long["error_code"], too_long["error"]) == (
        "error",
        "too_many_tokens",
        "answer: too many",
    )
    assert fault["error_code"] == "internal_error"
    assert (empty["error_code"], empty["answer"]) == ("string_too_short", "")
    assert (bad["row"], bad["id"], bad["error"], bad["answer"]) == (6, "r6", "date: line 7", "")


def test_both_tables_say_the_same(tmp_path: Path) -> None:
    rows = some_rows()
    of_csv = list(csv.reader(io.StringIO(as_csv(rows), newline="")))
    of_xlsx = [
        ["" if cell is None else str(cell) for cell in row] for row in read_xlsx(as_xlsx(rows, tmp_path)[0])
    ]
    assert of_csv[0] == of_xlsx[0] == list(COLUMNS)
    assert len(of_csv) == len(of_xlsx) == len(rows) + 1
    for one, other in zip(of_csv[1:], of_xlsx[1:], strict=True):
        assert [_plain(cell) for cell in one] == [_plain(cell) for cell in other]


def _plain(cell: str) -> object:
    return float(cell) if re.fullmatch(r"-?[\d.]+", cell) else cell


@pytest.mark.parametrize("text", PAYLOADS)
def test_no_text_is_a_formula_in_csv(text: str) -> None:
    for row in list(csv.reader(io.StringIO(as_csv(rows_with(text)), newline="")))[1:]:
        for name, cell in zip(COLUMNS, row, strict=True):
            if name == "score":
                assert cell in ("-5", "")
            else:
                assert not _calculates(cell), (name, cell)


def _calculates(cell: str) -> bool:
    bare = cell.lstrip(" \u00a0\u200b\ufeff\0\x1f\t\r\n")
    return cell[:1] in ("\t", "\r", "\n") or (bare[:1] != "" and bare[0] in "=+-@＝＋－＠﹦﹢﹣﹫")


@pytest.mark.parametrize("text", PAYLOADS)
def test_no_text_is_a_formula_link_or_markup_in_xlsx(text: str, tmp_path: Path) -> None:
    book, cut = as_xlsx(rows_with(text), tmp_path)
    assert cut == 0
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if "worksheets/sheet" in name]
        assert not [name for name in parts.namelist() if "_rels/sheet" in name]
    (sheet,) = sheets
    assert not re.search(rb"<(?:\w+:)?(?:f|hyperlink|r)[ >]", sheet)
    shown = {row[COLUMNS.index("answer")] for row in read_xlsx(book)[1:]}
    (answer,) = shown
    # Excel undoes this escape of what looks like one of its own; openpyxl does not.
    answer = answer.replace("_x005F_", "_")
    assert answer.strip().lstrip("\u2400\u241f") == (text.replace("\r", "\n").strip().lstrip("\0\x1f"))
    assert read_xlsx(book)[1][COLUMNS.index("score")] == -5


def test_numbers_stay_numbers() -> None:
    cells: list[Cell] = [-5, 0.25, -0.5, None, "-5", "+3", "-0.25", "-.5", "12", "a-5"]
    assert [safe_cell(cell) for cell in cells] == cells
    assert '"error",-5,' not in as_csv(rows_with("x"))
    assert '"scored",-5,' in as_csv(rows_with("x"))


_ANY = st.text(st.characters() | st.sampled_from("=+-@\t\r\n＝＋－＠ '\"\ufeff\u200b\0\ud800,;"), max_size=12)


@given(_ANY)
@settings(max_examples=3_000)
def test_safe_cells_are_safe_and_say_the_same(text: str) -> None:
    cell = safe_cell(text)
    assert isinstance(cell, str)
    visible = re.sub("[\ud800-\udfff]", "\ufffd", text)
    assert cell in (visible, f"'{visible}")
    cell.encode()
    is_number = re.fullmatch(r"[+-]?[0-9]{1,15}|[+-]?[0-9]{0,15}\.[0-9]{1,15}", visible)
    assert not _calculates(cell) or is_number


@given(st.lists(_ANY, min_size=1, max_size=4))
@settings(max_examples=150)
def test_any_text_can_be_written_and_read(texts: list[str]) -> None:
    rows = [row for text in texts for row in rows_with(text)]
    assert len(list(csv.reader(io.StringIO(as_csv(rows), newline="")))) == len(rows) + 1
    as_csv(rows).encode()


@given(st.lists(_ANY, min_size=1, max_size=4))
@settings(max_examples=100)
def test_any_text_makes_a_sound_workbook(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    rows = [row for text in texts for row in rows_with(text)]
    book, _ = as_xlsx(rows, tmp_path_factory.mktemp("scratch"))
    assert len(read_xlsx(book)) == len(rows) + 1


@pytest.mark.parametrize(
    ("text", "is_cut"),
    [("x" * 32_767, False), ("x" * 32_768, True), ("x" * 40_000, True), ("😀" * 16_383, False), ("😀" * 16_384, True)],
    ids=["fits", "one more", "many more", "wide", "one too wide"],
)  # fmt: skip
def test_what_excel_cannot_hold_is_cut_and_said(text: str, is_cut: bool, tmp_path: Path) -> None:
    row = replace(rows_with("a")[0], answer=text)
    book, cut = as_xlsx([row], tmp_path)
    cell = read_xlsx(book)[1][-1]
    assert cut == is_cut
    assert len(cell.encode("utf-16-le")) // 2 <= LONGEST_CELL
    if is_cut:
        assert cell.endswith(f"[cut, {len(text)} characters]")
        assert text.startswith(cell.removesuffix(f"[cut, {len(text)} characters]"))
    else:
        assert cell == text
    assert text in as_csv([row])


def test_control_characters_and_halves_are_shown(tmp_path: Path) -> None:
    row = replace(rows_with("a")[0], answer="a\x01b\x7fc\ud800d\ufffee\x00")
    assert read_xlsx(as_xlsx([row], tmp_path)[0])[1][-1] == "a␁b␡c\ufffdd\ufffde␀"


def test_a_sheet_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    rows = [replace(rows_with("a")[0], row=number) for number in range(1, 8)]
    book, _ = as_xlsx(rows, tmp_path, most_rows=4)
    sheets = openpyxl.load_workbook(io.BytesIO(book)).worksheets
    assert [sheet.max_row for sheet in sheets] == [4, 4, 2]
    assert all(sheet["A1"].value == "row" for sheet in sheets)
    assert [sheet.cell(number, 1).value for sheet in sheets for number in range(2, sheet.max_row + 1)] == [
        *range(1, 8)
    ]


def test_a_table_without_rows_has_a_header(tmp_path: Path) -> None:
    assert as_csv([]).count("\n") == 1
    assert read_xlsx(as_xlsx([], tmp_path)[0]) == [list(COLUMNS)]


def test_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    first = as_xlsx(some_rows(), tmp_path)
    assert first == as_xlsx(some_rows(), tmp_path)


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8"])
def test_offsets_for_reports_are_code_points(encoding: str) -> None:
    answer = "é 😀 I led a team 😀."
    row = Row(1, {"answer": answer, "offset_encoding": encoding})
    (found,) = judged([row], [evaluate(row, ObedientReviewer())])
    (span,) = found.reply["spans"]
    assert (span["start"], span["end"]) == (0, len(answer))
    assert [finding["insert_at"] for finding in found.reply["findings"]] == [len(answer), None]
    assert found.reply["offset_encoding"] == "utf-32"
    plain = Row(1, {"answer": answer})
    assert found.reply == json.loads(evaluate(plain, ObedientReviewer()))


def test_rows_and_lines_must_be_as_many() -> None:
    rows: list[Row | BadRow] = [Row(1, {"answer": "a"}), Row(2, {"answer": "b"})]
    with pytest.raises(ValueError, match="zip"):
        list(judged(rows, [evaluate(rows[0], ObedientReviewer())]))
