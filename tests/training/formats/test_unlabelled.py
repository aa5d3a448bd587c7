"""Answers to look at come from the files that a batch takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.formats.records import UnreadableData
from training.formats.unlabelled import read_answers

from ..answers import marked


def test_lines_with_answer_or_text_are_read(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    rows = [
        {"answer": "I ran.", "question": "Why?", "id": "a"},
        {"text": "I sat."},
        json.loads(marked().to_json()),
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    answers, broken = read_answers(path)
    assert broken == []
    assert [(answer.id, answer.question, answer.text, answer.spans) for answer in answers] == [
        ("a", "Why?", "I ran.", ()),
        ("new-2", None, "I sat.", ()),
        ("t-1", "Tell me about a time.", marked().text, ()),
    ]
    assert answers[2].meta == marked().meta


def test_a_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("id,answer\nx,I ran.\n,I sat.\n", encoding="utf-8")
    answers, broken = read_answers(path)
    assert [(answer.id, answer.text) for answer in answers] == [("x", "I ran."), ("new-2", "I sat.")]
    assert broken == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{nonsense", "row 2: line 2, column 2: the line is not JSON"),
        ('{"answer": " "}', "row 2: there is no text under 'answer'"),
        ('{"question": "zanzibar"}', "row 2: there is no text under 'answer'"),
        ('{"answer": 7}', "row 2: there is no text under 'answer'"),
        (json.dumps({"answer": "zanzibar " * 2300}), "row 2: the answer has more than 20000 characters"),
        ('{"answer": "zanzibar", "id": "a"}', "row 2: the id stood before"),
    ],
)
def test_a_row_that_is_no_answer_is_named_without_its_words(row: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text('{"answer": "I ran.", "id": "a"}\n' + row + "\n", encoding="utf-8")
    answers, broken = read_answers(path)
    assert [answer.id for answer in answers] == ["a"]
    assert len(broken) == 1
    assert reason in broken[0]
    assert "zanzibar" not in broken[0]


def test_a_file_of_another_kind_is_refused_by_its_ending(tmp_path: Path) -> None:
    path = tmp_path / "new.txt"
    path.write_text("I ran.", encoding="utf-8")
    with pytest.raises(UnreadableData, match=r"answers are read from \.csv, \.jsonl, \.ndjson"):
        read_answers(path)
