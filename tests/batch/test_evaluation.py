"""One row to one line: the bytes of the single reply, or what is wrong with that row."""

from __future__ import annotations

import json

import pytest

from service.batch.evaluation import Reviews, evaluate, status_of
from service.batch.rows import BadRow, Row
from service.errors import InvalidRequest, Overloaded, Problem, StarFeedbackError
from service.records import Answer, Report, Versions
from service.reviewer import Reviewer
from service.schemas import feedback_reply, parse_request, to_json
from tests.web.fakes import VERSIONS

from .fakes import ObedientReviewer

QUESTION = "Tell me about a time you solved a problem."
STORY = (
    "Last spring the till crashed. I opened a paper ledger 😀. We sold on and nobody waited over ten minutes."
)


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8"])
def test_a_line_is_the_reply_to_the_single_request(reviewer: Reviewer, encoding: str) -> None:
    data: dict[str, object] = {"answer": STORY, "question": QUESTION, "id": "7", "offset_encoding": encoding}
    asked = parse_request(data)
    alone = to_json(feedback_reply(reviewer.review(asked.to_answer()), asked.offset_encoding))
    assert evaluate(Row(3, data, "2026-03-31", 2), reviewer) == alone
    assert b"\n" not in alone


class Failing:
    """A reviewer that raises."""

    versions: Versions = VERSIONS

    def __init__(self, error: Exception) -> None:
        self._error = error

    def review(self, _answer: Answer, *, deadline: float | None = None) -> Report:  # noqa: ARG002
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidRequest(413, "too many", (Problem("/answer", "too_many_tokens", "m"),)), 413, "too_many_tokens"),
        (Overloaded("full"), 429, "line_full"),
        (StarFeedbackError("secret"), 500, "internal_error"),
        (ValueError("secret"), 500, "internal_error"),
        (RecursionError("secret"), 500, "internal_error"),
        (MemoryError("secret"), 500, "internal_error"),
        (UnicodeEncodeError("utf-8", "secret", 0, 1, "secret"), 500, "internal_error"),
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_the_rows_error(error: Exception, status: int, code: str) -> None:
    failing: Reviews = Failing(error)
    line = evaluate(Row(4, {"answer": "my secret", "id": "x"}), failing)
    reply = json.loads(line)
    assert (reply["row"], reply["id"]) == (4, "x")
    assert reply["error"]["status"] == status
    assert reply["error"]["errors"][0]["code"] == code
    assert list(reply["error"]) == ["type", "title", "status", "detail", "errors"]
    assert b"secret" not in line
    assert status_of(line) == "error"


def test_a_fault_is_named_by_type_and_place() -> None:
    detail = json.loads(evaluate(Row(1, {"answer": "a"}), Failing(KeyError("secret"))))["error"]["detail"]
    assert "KeyError at tests.batch.test_evaluation:" in detail


def test_a_late_row_is_unavailable() -> None:
    reply = json.loads(evaluate(Row(1, {"answer": "LATE"}), ObedientReviewer()))
    assert reply["error"]["status"] == 503
    assert reply["error"]["errors"][0]["code"] == "deadline"


@pytest.mark.parametrize("row_id", [None, 7, ["x"], "x" * 2_001])
def test_what_is_no_id_is_not_repeated(row_id: object) -> None:
    reply = json.loads(evaluate(Row(1, {"answer": "a", "id": row_id, "more": 1}), ObedientReviewer()))
    assert reply["id"] is None
    assert reply["error"]["status"] in (413, 422)


def test_a_bad_row_needs_no_reviewer() -> None:
    bad = BadRow(9, "x", InvalidRequest(400, "line 12, column 3: what is wrong"))
    reply = json.loads(evaluate(bad, Failing(AssertionError())))
    assert (reply["row"], reply["id"], reply["error"]["status"]) == (9, "x", 400)
    assert reply["error"]["detail"] == "line 12, column 3: what is wrong"


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"{}", b'{"status":"x"}', b'{"status":"scored"', b"\0\0", b"\xff"]
)
def test_what_is_no_line_has_no_status(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        status_of(line)


def test_statuses_are_read_back() -> None:
    lines = [evaluate(Row(1, {"answer": word}), ObedientReviewer()) for word in ("a", "NOTHING", "TOKENS")]
    assert [status_of(line) for line in lines] == ["scored", "abstained", "error"]
