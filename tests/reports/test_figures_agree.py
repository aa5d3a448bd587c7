"""One batch as HTML, CSV, XLSX and JSON: every figure is the same in all of them."""

from __future__ import annotations

import csv
from pathlib import Path
from xml.etree.ElementTree import Element

import openpyxl
import pytest

from service.batch.tables import COLUMNS
from service.labels import COMPONENTS

from .reading import parsed, text, with_class
from .replies import GROUP

FIGURES = ("score", *(f"{label.value.lower()}_{name}" for label in COMPONENTS for name in ("score", "share")))
Row = dict[str, float | None]


def of_replies() -> dict[int, Row]:
    rows = {}
    for judged in GROUP:
        score = judged.reply.get("score")
        parts = judged.reply.get("components") or {}
        rows[judged.row] = {"score": None if score is None else score["value"]} | {
            f"{label.value.lower()}_{name}": parts[label.value][name] if parts else None
            for label in COMPONENTS
            for name in ("score", "share")
        }
    return rows


def of_csv(folder: Path) -> dict[int, Row]:
    with (folder / "figures.csv").open(encoding="utf-8", newline="") as file:
        return {
            int(row["row"]): {name: float(row[name]) if row[name] else None for name in FIGURES}
            for row in csv.DictReader(file)
        }


def of_xlsx(folder: Path) -> dict[int, Row]:
    sheet = openpyxl.load_workbook(folder / "figures.xlsx").worksheets[0]
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in sheet.iter_rows(min_row=2, values_only=True)]
    return {row["row"]: {name: row[name] for name in FIGURES} for row in rows}  # type: ignore[misc]


def of_html(folder: Path) -> dict[int, Row]:
    rows = {}
    for path in folder.glob("*client*.html"):
        for answer in with_class(parsed(path), "answer"):
            place = next(text(item) for item in answer.iter("div") if text(item).startswith("Row"))
            rows[int(place.removeprefix("Row").split()[0])] = _of_answer(answer)
    return rows


def _of_answer(answer: Element) -> Row:
    row: Row = dict.fromkeys(FIGURES)
    for score in with_class(answer, "score"):
        row["score"] = _value(score)
        assert text(score).split()[0] == f"{row['score']:g}"
    for label in COMPONENTS:
        for line in answer.iter("tr"):
            if line.get("class") == f"part-{label.value}":
                share, mark = list(line.iter("data"))
                row |= {
                    f"{label.value.lower()}_share": float(share.get("value") or "nan"),
                    f"{label.value.lower()}_score": float(mark.get("value") or "nan"),
                }
                assert text(mark) == mark.get("value")
                shown = text(share).removesuffix("%")
                assert shown == "missing" or abs(int(shown) - 100 * float(share.get("value") or "nan")) <= 0.5
    return row


def _value(element: Element) -> float:
    return float(next(element.iter("data")).get("value") or "nan")


@pytest.mark.parametrize("read", [of_csv, of_xlsx, of_html])
def test_figures_are_those_of_the_replies(read: object, folder: Path) -> None:
    assert callable(read)
    assert read(folder) == of_replies()


def test_the_index_has_the_figures_of_the_replies(folder: Path) -> None:
    root = parsed(folder / "index.html")
    scores: dict[str, list[int]] = {}
    for judged in GROUP:
        if judged.client and judged.reply.get("score"):
            scores.setdefault(judged.client, []).append(judged.reply["score"]["value"])
    table = with_class(root, "clients")[0]
    seen = {}
    for line in list(table.iter("tr"))[1:]:
        name = text(next(line.iter("th"))).strip()
        cells = {cell.get("data-label"): text(cell) for cell in line.iter("td")}
        seen[name] = (float(cells["Mean"]), int(cells["Low"]), int(cells["High"]))
    assert seen.pop("Without a client name") == (71.0, 71, 71)
    assert seen == {
        name: (round(sum(values) / len(values), 1), min(values), max(values))
        for name, values in scores.items()
    }


def test_no_cell_of_the_workbook_is_a_formula_or_a_link(folder: Path) -> None:
    sheet = openpyxl.load_workbook(folder / "figures.xlsx").worksheets[0]
    for row in sheet.iter_rows():
        for cell in row:
            assert cell.data_type in ("s", "n")
            assert cell.hyperlink is None
