"""Labelled answers as records and as lines of JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.labels import Label
from training.corpus import GoldSpan, LabelledAnswer, read_jsonl, word_labels, write_jsonl
from training.splits import Split, path_of

from .answers import marked


def test_an_answer_comes_back_from_its_line() -> None:
    answer = marked(findings=("answer.too_short",))
    assert LabelledAnswer.from_json(answer.to_json()) == answer
    bare = marked(question=None, question_type=None, answer_kind=None, components=None, score=None, meta={})
    assert LabelledAnswer.from_json(bare.to_json()) == bare


def test_a_label_that_allows_two_comes_back() -> None:
    line = json.dumps({"id": "x", "text": "It was mine.", "spans": [{"start": 0, "end": 12, "label": "ST"}]})
    answer = LabelledAnswer.from_json(line)
    assert answer.spans == (GoldSpan(0, 12, Label.TASK, Label.SITUATION),)
    assert LabelledAnswer.from_json(answer.to_json()) == answer


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        '{"id": "x", "text": "a"}',
        '{"id": "x", "text": "a", "spans": [{"start": 0, "end": 1, "label": "TSK"}]}',
    ],
)
def test_what_is_no_labelled_answer_is_refused(line: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        LabelledAnswer.from_json(line)


def test_a_file_is_cut_at_line_feeds_only(tmp_path: Path) -> None:
    text = "[A] one\u2028two\u0085three\x0cfour\rfive"
    answers = [marked(text, id=str(number)) for number in range(3)]
    path = tmp_path / "answers.jsonl"
    write_jsonl(path, answers)
    assert path.read_bytes().count(b"\n") == 3
    assert read_jsonl(path) == answers


def test_each_word_has_the_label_of_the_span_that_holds_its_first_character() -> None:
    spans = [GoldSpan(10, 14, Label.RESULT), GoldSpan(0, 5, Label.ACTION)]
    labels = [label for _, _, label in word_labels("I rang then done", spans)]
    assert labels == [Label.ACTION, Label.ACTION, None, Label.RESULT]


@pytest.mark.parametrize("split", Split)
def test_spans_of_the_shipped_answers_cover_every_word(split: Split) -> None:
    answers = read_jsonl(path_of(split))
    assert len(answers) > 30
    for answer in answers:
        assert all(label is not None for _, _, label in word_labels(answer.text, answer.spans)), answer.id
