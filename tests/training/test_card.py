"""The card is filled from runs: figures go behind their mark, and are replaced when they are made anew."""

from __future__ import annotations

from pathlib import Path

from training.card import HELD_OUT, JUDGED, add_held_out, add_judgement, table
from training.describe import fill_tables, markdown, mix
from training.splits import Split, read_split


def card(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text(
        f"# Card\n\n{HELD_OUT}\n\n## Findings\n\n{JUDGED}\n\n## Limits\n\nMany.\n", encoding="utf-8"
    )
    return path


def test_figures_are_put_in_once_and_replaced(tmp_path: Path) -> None:
    path = card(tmp_path)
    add_held_out(path, {"test": {"macro_f1": 0.5}})
    add_held_out(path, {"test": {"macro_f1": 0.75}})
    text = path.read_text(encoding="utf-8")
    assert text.count("| test |") == 1
    assert "0.75" in text
    assert "0.5 " not in text
    assert text.index("0.75") < text.index("## Findings")


def test_each_data_set_keeps_its_own_judgement(tmp_path: Path) -> None:
    path = card(tmp_path)
    for name, value in (("test", 0.1), ("rated", 0.2), ("test", 0.3)):
        add_judgement(path, name, {"f1": value}, {"result.missing": {"gold": 1}})
    text = path.read_text(encoding="utf-8")
    assert text.count("## Judged against readers: test") == 1
    assert text.count("## Judged against readers: rated") == 1
    assert "0.3" in text
    assert "0.1" not in text
    assert text.rstrip().endswith("Many.")


def test_a_table_has_every_column() -> None:
    assert table({"a": {"x": 1}, "b": {"y": 2}}).splitlines()[-1] == "| b |  | 2 |"


def test_the_datasheet_is_filled_between_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- mix -->\nold\n<!-- /mix -->\nb\n", encoding="utf-8")
    fill_tables(page, {"mix": markdown({"answers": 3})})
    text = page.read_text(encoding="utf-8")
    assert "| answers | 3 |" in text
    assert "old" not in text
    assert text.startswith("a\n")
    assert text.endswith("b\n")


def test_the_mix_counts_the_development_part() -> None:
    answers = read_split(Split.DEVELOPMENT)
    rows = mix(answers)
    assert rows["answers"] == len(answers)
    assert rows["words"] == sum(len(answer.text.split()) for answer in answers)
