"""Files to rows: right rows, or an error that says where; nothing is lost without a word."""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.batch.evaluation import evaluate, status_of
from service.batch.rows import COLUMNS, MEDIA, BadRow, Media, Row, UnreadableFile, read_rows
from service.settings import Settings

from .broken import FILES, Bad, Refused
from .fakes import ObedientReviewer


def rows_of(body: bytes, media: Media = "csv") -> list[Row | BadRow]:
    return list(read_rows(io.BytesIO(body), media))


def judged(body: bytes, media: Media) -> tuple[list[Row | BadRow], list[dict[str, object]]]:
    rows = rows_of(body, media)
    return rows, [json.loads(evaluate(row, ObedientReviewer())) for row in rows]


@pytest.mark.parametrize("name", [name for name, file in FILES.items() if isinstance(file.comes, Refused)])
def test_a_file_that_cannot_be_read_is_refused_with_line_and_column(name: str) -> None:
    file = FILES[name]
    assert isinstance(file.comes, Refused)
    with pytest.raises(UnreadableFile) as refused:
        rows_of(file.body, file.media)
    error = refused.value
    assert (error.problems[0].code, error.line, error.column) == (
        file.comes.code,
        file.comes.line,
        file.comes.column,
    )
    assert error.detail.startswith(f"line {error.line}, column {error.column}: ")
    assert error.status in (400, 413)
    assert "secret" not in str((error.args, error.detail, error.problems))


@pytest.mark.parametrize(
    "name", [name for name, file in FILES.items() if not isinstance(file.comes, Refused)]
)
def test_a_file_that_can_be_read_gives_a_line_for_each_row(name: str) -> None:
    file = FILES[name]
    assert not isinstance(file.comes, Refused)
    rows, replies = judged(file.body, file.media)
    assert [row.number for row in rows] == list(range(1, len(file.comes) + 1))
    for row, reply, expected in zip(rows, replies, file.comes, strict=True):
        if isinstance(expected, str):
            assert isinstance(row, Row)
            assert row.data["answer"] == expected
            assert reply["status"] == "scored"
            continue
        assert list(reply) == ["row", "id", "error"]
        assert reply["row"] == row.number
        error = reply["error"]
        assert isinstance(error, dict)
        assert error["errors"][0]["code"] == expected.code
        assert expected.at in json.dumps(error)
        assert 400 <= error["status"] < 500
        assert "secret" not in json.dumps(error)


def test_there_are_enough_broken_files() -> None:
    assert sum(file.comes != ["my secret"] for file in FILES.values()) >= 60
    assert {file.media for file in FILES.values()} == set(MEDIA)
    assert sum(isinstance(part, Bad) for file in FILES.values() for part in _parts(file.comes)) >= 30


def _parts(comes: Refused | list[str | Bad]) -> list[str | Bad]:
    return [] if isinstance(comes, Refused) else comes


def test_columns_become_fields_and_empty_cells_null() -> None:
    body = (
        "Client,DATE,attempt,id,context,Question-Type,question,answer\r\n"
        "Ann,2026-03-31, 2 ,7,We bake.,salary,How much?,As much as now.\r\n"
        ",,,,,,,I led.\r\n"
    )
    full, bare = rows_of(body.encode())
    assert full == Row(
        1,
        {
            "client": "Ann",
            "id": "7",
            "context": "We bake.",
            "question_type": "salary",
            "question": "How much?",
            "answer": "As much as now.",
        },
        "2026-03-31",
        2,
    )
    assert isinstance(bare, Row)
    assert set(bare.data) | {"date", "attempt"} == set(COLUMNS)
    assert [value for value in bare.data.values() if value is not None] == ["I led."]
    assert (bare.date, bare.attempt) == (None, None)


def test_a_bad_row_says_whose_it_is() -> None:
    (bad,) = rows_of(b'{"answer":"a","id":"k-1","date":"soon","attempt":0}', "jsonl")
    assert isinstance(bad, BadRow)
    assert bad.id == "k-1"
    assert [problem.pointer for problem in bad.problem.problems] == ["/date", "/attempt"]


def test_a_bad_row_survives_the_way_to_another_process() -> None:
    (bad,) = rows_of(b"answer\na,b\n")
    again = pickle.loads(pickle.dumps(bad))  # noqa: S301
    assert evaluate(again, ObedientReviewer()) == evaluate(bad, ObedientReviewer())


def test_limits_come_from_the_settings() -> None:
    body = b'{"answer":"abcdefgh"}\n{"answer":[[1]]}\n{"answer":"a"}\n'
    tight = Settings(max_body_bytes=18, max_json_depth=2)
    codes = [
        row.problem.problems[0].code if isinstance(row, BadRow) else "fine"
        for row in read_rows(io.BytesIO(body), "jsonl", settings=tight)
    ]
    assert codes == ["body_too_large", "too_deep", "fine"]


class _Counting(io.RawIOBase):
    """A file of ``rows`` rows that is made while it is read; notes the largest piece that was asked for."""

    def __init__(self, head: bytes, row: bytes, rows: int) -> None:
        self.left = rows
        self.given = 0
        self._row = row
        self._pending = head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while self.left and len(self._pending) < len(buffer):
            self._pending += self._row
            self.left -= 1
        size = min(len(buffer), len(self._pending))
        buffer[:size] = self._pending[:size]
        self._pending = self._pending[size:]
        self.given += size
        return size


@pytest.mark.parametrize(
    ("media", "head", "row"),
    [("csv", b"answer,id\n", b'"I led, and\nwe won.",1\n'), ("jsonl", b"", b'{"answer":"I led."}\n')],
)
def test_a_row_comes_out_before_the_file_is_read(media: Media, head: bytes, row: bytes) -> None:
    raw = _Counting(head, row, 1_000_000)
    rows = read_rows(io.BufferedReader(raw), media)
    for number in range(1, 10_001):
        assert next(rows).number == number
        assert raw.given < number * len(row) + 300_000


_CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from(',;"\r\n\u2028\x85\t\ufeff')
)  # fmt: skip


@given(
    st.lists(st.tuples(_CELL, _CELL), max_size=8), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"])
)
@settings(max_examples=300)
def test_what_a_csv_writer_writes_is_read_back(
    cells: list[tuple[str, str]], delimiter: str, end: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("answer", "question"), *cells])
    rows = rows_of(file.getvalue().encode())
    assert [row.data for row in rows if isinstance(row, Row)] == [
        {"answer": answer, "question": question or None} for answer, question in cells
    ]
    assert len(rows) == len(cells)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=20))
@settings(max_examples=300)
@example(["a\u2028b", "c\x85d", "\x1e\x0b\x0c\r\n"])
def test_no_line_of_json_is_split(answers: list[str]) -> None:
    body = "".join(json.dumps({"answer": answer}, ensure_ascii=False) + "\n" for answer in answers)
    assert [row.data for row in rows_of(body.encode(), "jsonl") if isinstance(row, Row)] == [
        {"answer": answer} for answer in answers
    ]


_SEEDS = [file.body for file in FILES.values() if len(file.body) < 500]


@given(
    st.sampled_from(_SEEDS),
    st.sampled_from(MEDIA),
    st.lists(
        st.tuples(
            st.floats(0, 1),
            st.integers(0, 4),
            st.binary(max_size=3)
            | st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\\ud800", b"["]),
        ),
        max_size=4,
    ),
)
@settings(max_examples=2_000)
def test_mutated_files_lose_nothing(
    body: bytes, media: Media, changes: list[tuple[float, int, bytes]]
) -> None:
    for place, length, change in changes:
        start = round(place * len(body))
        body = body[:start] + change + body[start + length :]
    refused = None
    try:
        rows = rows_of(body, media)
    except UnreadableFile as error:
        refused = error
    if refused is not None:
        assert 1 <= refused.line <= len(body.splitlines()) + 1
        assert 1 <= refused.column <= len(body) + 1
        return
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    counts = Counter(status_of(evaluate(row, ObedientReviewer())) for row in rows)
    assert counts.total() == len(rows)
