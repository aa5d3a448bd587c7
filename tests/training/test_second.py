"""The second reading: sheets hide the labels, replies are read strictly, agreement is counted by word."""

from __future__ import annotations

import pytest

from service.labels import Label
from service.language.nlp import Language
from training.corpus import LabelledAnswer
from training.marks import parse_marks
from training.prepare import PreparedAnswer, prepared
from training.second import adjudication, agreement, read_reading, sample, sheet

MARKED = (
    "[S] Our van broke down in Leeds. [A] I rang the depot and I borrowed another one. [R] It came at four."
)


def answer(answer_id: str = "x-1", marked: str = MARKED) -> LabelledAnswer:
    text, spans = parse_marks(marked)
    return LabelledAnswer(
        answer_id, "What happened?", text, spans, "behavioural", "story", ("result.measured",),
        {"S": 2, "T": 0, "A": 2, "R": 2}, 3.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def item(language: Language) -> PreparedAnswer:
    return next(prepared([answer()], language))


def test_a_sheet_numbers_every_clause_and_hides_the_labels(item: PreparedAnswer) -> None:
    text = sheet([item])
    assert text.startswith("## x-1\nquestion: What happened?\n")
    assert sum(line.split("|")[0].isdigit() for line in text.splitlines()) == len(item.offsets)
    assert not any(label.value in text for label in Label)
    assert "result.measured" not in text


def reply(item: PreparedAnswer, labels: str, findings: str = "none") -> str:
    return (
        f"## x-1\nlabels: {labels}\nkind: story\ncomponents: S2 T0 A2 R1\nfindings: {findings}\nscore: 2.5\n"
    )


def test_a_reply_becomes_spans_that_join_neighbours(item: PreparedAnswer) -> None:
    count = len(item.offsets)
    (read,) = read_reading(reply(item, f"1 S, 2-{count - 1} A, {count} R"), {"x-1": item})
    assert [span.label for span in read.spans] == [Label.SITUATION, Label.ACTION, Label.RESULT]
    assert read.text[read.spans[-1].start : read.spans[-1].end] == "It came at four."
    assert read.findings == ()
    assert read.score == 2.5


@pytest.mark.parametrize("labels", ["1 S", "1-90 S"])
def test_a_reply_must_cover_the_clauses_that_are_there(item: PreparedAnswer, labels: str) -> None:
    with pytest.raises(ValueError, match="x-1"):
        read_reading(reply(item, labels), {"x-1": item})


def test_agreement_counts_words() -> None:
    first = answer()
    other = answer(marked=MARKED.replace("[R] ", ""))
    figures = agreement([first], [other])
    words = len(first.text.split())
    assert figures["word_agreement"] == pytest.approx((words - 4) / words, abs=0.001)
    assert agreement([first], [first])["kappa"] == 1.0


def test_a_sample_is_the_same_for_any_order() -> None:
    answers = [answer(f"x-{number}") for number in range(20)]
    assert sample(answers, 5) == sample(answers[::-1], 5)


def test_adjudication_counts_who_was_right() -> None:
    rows: list[dict[str, object]] = [
        {"first": "TASK", "second": "ACTION", "final": "TASK"},
        {"first": "TASK", "second": "ACTION", "final": "SITUATION"},
        {"finding": "result.missing", "first": True, "second": False, "final": False},
    ]
    assert adjudication(rows) == {
        "finding: second reader right": 1,
        "label: first reader right": 1,
        "label: neither reader right": 1,
    }
