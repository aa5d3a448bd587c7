"""Errors on answers so short that they can be counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.labels import Label
from service.records import LabelledSpan
from service.settings import Settings
from training import cli
from training.cli import FINE, main
from training.corpus import GoldSpan, LabelledAnswer, write_jsonl
from training.errors import (
    PAGE,
    Compared,
    compared,
    confusions,
    error_classes,
    error_row,
    grouped,
    page_tables,
    report,
    side_by_side,
    worst,
)
from training.prepare import PreparedAnswer
from training.splits import DATA, Split, path_of

from ..conftest import TinyModel
from .answers import marked

S, T, A, R, O = Label  # noqa: E741  (the letters of the marks)
#: Ten words of one letter, cut into clauses of four, two and four.
TEN = "a b c d e f g h i j"
CLAUSES = ((0, 7), (8, 11), (12, 19))


def answer(*runs: tuple[int, int, Label], either: Label | None = None, **fields: object) -> LabelledAnswer:
    """Return the ten words with their labels; places are counted in words."""
    spans = tuple(GoldSpan(2 * start, 2 * end - 1, label, either) for start, end, label in runs)
    return marked(text=TEN, spans=spans, **fields)


def item(labelled: LabelledAnswer, *gold: Label) -> PreparedAnswer:
    return PreparedAnswer(labelled, ((),) * 3, CLAUSES, (4, 2, 4), gold)


def seen(*runs: tuple[int, int, Label]) -> tuple[LabelledSpan, ...]:
    return tuple(LabelledSpan(2 * start, 2 * end - 1, label, 1.0) for start, end, label in runs)


@pytest.fixture
def one() -> Compared:
    """Give an answer with a cut inside its first clause, and a task in the last one that was seen as action."""
    labelled = answer((0, 3, S), (3, 6, A), (6, 10, T))
    return compared(item(labelled, S, A, T), seen((0, 4, S), (4, 10, A)))


@pytest.fixture
def faultless() -> Compared:
    labelled = answer((0, 4, S), (4, 10, A), id="t-0", meta={"mode": "notes"}, answer_kind=None)
    return compared(item(labelled, S, A, A), seen((0, 4, S), (4, 10, A)))


def test_a_wrong_word_is_of_the_boundary_where_its_clause_holds_two_labels(one: Compared) -> None:
    assert [(word.gold, word.seen, word.mixed) for word in one.wrong] == [(A, S, True), *[(T, A, False)] * 4]
    assert [word.mixed for word in one.words] == [True] * 4 + [False] * 6


def test_a_word_that_may_have_two_labels_is_wrong_in_neither() -> None:
    both = answer((0, 10, T), either=S)
    found = compared(item(both, T, T, T), seen((0, 4, S), (4, 6, A), (6, 10, T)))
    assert [(word.gold, word.seen, word.mixed) for word in found.wrong] == [(T, A, False)] * 2


def test_a_row_tells_label_errors_from_boundary_errors(one: Compared, faultless: Compared) -> None:
    row = error_row([one, faultless])
    assert (row["answers"], row["words"], row["wrong"]) == (2, 20, "5 (25.0%)")
    assert (row["label_errors"], row["boundary_errors"]) == (4, 1)
    assert row["task_f1"] == 0
    # With the commonest label of each clause one word of 20 is wrong: an ACTION that is seen as SITUATION.
    assert row["reachable_f1"] == round((2 * 7 / (7 + 8) + 2 * 8 / (9 + 8) + 1) / 3, 3)
    assert error_row([faultless])["task_f1"] == ""


def test_confusions_are_counted_in_words(one: Compared) -> None:
    table = confusions([one])
    assert table["gold TASK"] == {
        "seen SITUATION": 0, "seen TASK": 0, "seen ACTION": 4, "seen RESULT": 0, "seen OTHER": 0,
    }  # fmt: skip
    assert table["gold ACTION"]["seen SITUATION"] == 1
    assert sum(int(str(count)) for row in table.values() for count in row.values()) == 10


def test_the_largest_error_class_comes_first(one: Compared, faultless: Compared) -> None:
    assert error_classes([one, faultless]) == {
        "TASK seen as ACTION": {
            "words": "4 (80.0%)", "label_errors": 4, "boundary_errors": 0, "answers": 1,
        },
        "ACTION seen as SITUATION": {
            "words": "1 (20.0%)", "label_errors": 0, "boundary_errors": 1, "answers": 1,
        },
    }  # fmt: skip
    assert error_classes([faultless]) == {}


def test_answers_are_grouped_by_mode_and_kind_but_not_by_what_all_share(
    one: Compared, faultless: Compared
) -> None:
    groups = grouped([one, faultless])
    assert list(groups) == ["mode notes", "mode typed", "kind none", "kind story"]
    assert groups["mode notes"] == groups["kind none"] == [faultless]


def test_the_worst_answer_stands_side_by_side(one: Compared, faultless: Compared) -> None:
    assert worst([faultless, one], 2) == [one]
    assert worst([faultless, one], 0) == []
    lines = list(side_by_side(one))
    assert lines[0] == "#### t-1 (typed, story, behavioural)"
    assert lines[1] == "5 of 10 words wrong: 4 label errors, 1 boundary errors"
    assert [line.split() for line in lines[4:]] == [
        ["SITUATION", "SITUATION", "3", "a", "b", "c"],
        ["!", "ACTION", "SITUATION", "1", "d"],
        ["ACTION", "ACTION", "2", "e", "f"],
        ["!", "TASK", "ACTION", "4", "g", "h", "i", "j"],
    ]


def test_a_report_without_worst_answers_holds_no_words_and_no_ids(one: Compared) -> None:
    assert "g h i j" in report("set", [one], most=1)
    told = report("set", [one], most=0)
    assert "g h i j" not in told
    assert "t-1" not in told
    assert "| gold TASK | 0 | 0 | 4 | 0 | 0 |" in told


def test_the_page_has_a_mark_for_every_table(one: Compared) -> None:
    content = PAGE.read_text(encoding="utf-8")
    for name in page_tables({"set": [one]}, "Model m."):
        assert content.index(f"<!-- {name} -->") < content.index(f"<!-- /{name} -->")


@pytest.fixture
def data(tiny: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a file of labelled answers one of which is mislabelled, with the tiny model to be found."""
    monkeypatch.setattr(Settings, "from_environment", lambda *_: Settings(models_dir=tiny.folder.parent))
    answers = [one.answer for one in tiny.prepared[:3]]
    text = answers[2].text
    answers[2] = marked(text=text, spans=(GoldSpan(0, len(text), R),), id="wrong")
    write_jsonl(tmp_path / "told.jsonl", answers)
    return tmp_path / "told.jsonl"


def test_the_command_prints_the_worst_answer(data: Path) -> None:
    result = CliRunner().invoke(main, ["errors", "tiny-1", str(data), "--worst", "1"])
    assert result.exit_code == FINE, result.output
    assert "#### wrong (typed, story, behavioural)" in result.output
    assert "! RESULT    OTHER" in result.output
    assert "| RESULT seen as OTHER |" in result.output


def test_the_command_writes_a_file_and_the_page(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, out = tmp_path / "ERRORS.md", tmp_path / "told.md"
    page.write_bytes(PAGE.read_bytes())
    monkeypatch.setattr(cli, "PAGE", page)
    result = CliRunner().invoke(main, ["errors", "tiny-1", str(data), "--out", str(out), "--page"])
    assert result.exit_code == FINE, result.output
    assert result.output == ""
    assert "#### wrong" in out.read_text(encoding="utf-8")
    content = page.read_text(encoding="utf-8")
    assert "Model tiny-1 (" in content
    assert "| RESULT seen as OTHER |" in content
    assert "#### wrong" not in content


@pytest.mark.parametrize("held", ["test.jsonl", "first_reading.jsonl", "second_reading.jsonl", "marked", "."])
def test_what_holds_the_frozen_part_is_refused(held: str) -> None:
    for command in (["errors", "tiny-1"], ["candidates"], ["train", "--out", "unused"]):
        result = CliRunner().invoke(main, [*command, str(DATA / held)])
        assert result.exit_code == 2
        assert "frozen test part" in result.output


def test_of_the_frozen_part_figures_only_are_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "path_of", lambda split: data if split is Split.TEST else path_of(split))
    assert CliRunner().invoke(main, ["errors", "tiny-1", str(data)]).exit_code == 2
    result = CliRunner().invoke(main, ["errors", "tiny-1", str(data), "--frozen"])
    assert result.exit_code == FINE, result.output
    assert "| RESULT seen as OTHER |" in result.output
    assert "wrong (" not in result.output
    assert "Worst answers" not in result.output
