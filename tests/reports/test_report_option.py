"""``star-feedback batch --report DIR``, and the examples that the README runs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.batch import evaluation
from service.batch.evaluation import evaluate
from service.batch.outcomes import judged
from service.batch.rows import Row, read_rows
from service.cli import Exit, main
from service.labels import QuestionType
from service.reports.folder import write_reports
from service.reviewer import Reviewer
from tests.batch.fakes import load_obedient

from .reading import foreign, parsed, text, with_class

ROWS = [
    {
        "answer": "I led a team 😀 here.",
        "client": "Ann",
        "question": "Who?",
        "date": "2026-01-05",
        "attempt": 2,
    },
    {"answer": "I asked for it.", "client": "Ben", "offset_encoding": "utf-16"},
    {"answer": "I led 😀 it.", "client": "Ann", "offset_encoding": "utf-16"},
    {"answer": "", "client": "Ann"},
    {"answer": 7, "client": "Ann"},
    {"answer": "NOTHING"},
]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a file of rows, and spare each process the loading of the model."""
    monkeypatch.setattr(evaluation, "load_reviewer", load_obedient)
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def batch(source: Path, out: Path, report: Path) -> Result:
    arguments = ["batch", source, "-o", out, "--report", report, "--workers", "1"]
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_command_writes_the_reports_beside_the_results(source: Path, tmp_path: Path) -> None:
    result = batch(source, tmp_path / "out.csv", tmp_path / "pages" / "reports")
    assert result.exit_code == Exit.SOME_ROWS_FAILED
    root = parsed(tmp_path / "pages/reports/client-001.html")
    assert text(next(root.iter("h1"))) == "Ann"
    answers = [text(answer) for answer in with_class(root, "answer")]
    assert "2026-01-05, attempt 2" in answers[0]
    assert "Who?" in answers[0]
    assert "I led 😀 it." in "".join(answers[1].split("\n"))
    assert sum("This row is in error." in answer for answer in answers) == 2
    assert (tmp_path / "pages/reports/no-client.html").is_file()
    with (
        (tmp_path / "out.csv").open(newline="") as one,
        (tmp_path / "pages/reports/figures.csv").open(newline="") as other,
    ):
        assert list(csv.reader(one)) == list(csv.reader(other))


@pytest.mark.parametrize(
    ("out", "report", "said"),
    [
        ("out.csv", ".", "in.jsonl must not lie in"),
        ("reports/out.csv", "reports", "out.csv must not lie in reports"),
        ("out.csv", "mine", "mine holds what is no report"),
        ("out.csv", "in.jsonl", "in.jsonl must not lie in in.jsonl"),
    ],
)
def test_a_folder_that_must_not_be_replaced_is_bad_use(
    out: str, report: str, said: str, source: Path, tmp_path: Path
) -> None:
    for name in ("reports", "mine"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine/letter.txt").write_text("mine")
    result = batch(source, tmp_path / out, tmp_path / report)
    assert result.exit_code == Exit.BAD_USE
    assert said in result.stderr
    assert not (tmp_path / out).exists()
    assert (tmp_path / "mine/letter.txt").read_text() == "mine"


@pytest.fixture(scope="module")
def examples(root: Path) -> list[Row]:
    with (root / "examples/clients.csv").open("rb") as file:
        rows = list(read_rows(file, "csv"))
    assert all(isinstance(row, Row) for row in rows)
    return [row for row in rows if isinstance(row, Row)]


def test_the_examples_are_a_small_group_of_all_question_types(
    examples: list[Row], reviewer: Reviewer, tmp_path: Path
) -> None:
    assert 24 <= len(examples) <= 30
    lines = [evaluate(row, reviewer) for row in examples]
    replies = [json.loads(line) for line in lines]
    assert {reply["question_type"]["label"] for reply in replies} == set(QuestionType)
    assert {reply["status"] for reply in replies} == {"scored", "abstained"}
    dates: dict[object, set[str]] = {}
    for row in examples:
        dates.setdefault(row.data["client"], set()).update({row.date} - {None})  # type: ignore[arg-type]
    assert sorted(map(len, dates.values())) == [0, 0, 3, 3]
    write_reports(judged(examples, lines), tmp_path / "r", versions=reviewer.versions)
    pages = [parsed(path) for path in sorted((tmp_path / "r").rglob("*.html"))]
    assert all(foreign(page) == [] for page in pages)
    shown = [text(parsed(tmp_path / f"r/client-00{number}.html")) for number in (1, 2, 3, 4)]
    assert ["By part: mean mark of 3" in page for page in shown] == [True, True, False, False]
