"""``POST /v1/compare``: two attempts at one question."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.errors import DeadlineExceeded, InvalidRequest, Problem
from service.records import Abstention, Answer, Report
from service.reviewer import Reviewer

from .conftest import MakeApp, assert_problem, strict_loads
from .fakes import FakeReviewer

QUESTION = "Tell me about a time you improved something."
FIRST = (
    "Our returns desk was a mess last spring. I rang the supplier and asked for a lid. The queue got better."
)
SECOND = (
    "Our returns desk was a mess last spring, with a queue to the door every Monday. I had to get it under control before "
    "the sale. I sat there for two mornings and wrote down why things came back, I rang the supplier and asked for "
    "another lid, and I put a note on the shelf. By May returns went from forty a week to nine."
)


def asked(**second: object) -> dict[str, object]:
    return {
        "first": {"answer": FIRST, "question": QUESTION, "id": "1"},
        "second": {"answer": SECOND, "question": QUESTION, "id": "2", **second},
    }


class Refusing(FakeReviewer):
    """Judges only what begins with "Our"."""

    def review(self, answer: Answer, *, deadline: float | None = None) -> Report:
        report = super().review(answer, deadline=deadline)
        if answer.text.startswith("Our"):
            return report
        return replace(
            report,
            abstention=Abstention("gibberish", "These are no words."),
            score=None,
            findings=(),
            spans=(),
        )


def test_what_changed_is_told(make_app: MakeApp, reviewer: Reviewer) -> None:
    response = make_app(reviewer).test_client().post("/v1/compare", json=asked())
    assert response.status_code == 200
    reply: Any = strict_loads(response.data)
    one, other = (reviewer.review(Answer(text, question=QUESTION)) for text in (FIRST, SECOND))
    assert one.score is not None
    assert other.score is not None
    assert (reply["first"]["id"], reply["second"]["id"]) == ("1", "2")
    assert (reply["first"]["value"], reply["second"]["value"]) == (one.score.value, other.score.value)
    assert reply["score"]["change"] == other.score.value - one.score.value
    assert sum(part["change"] for part in reply["score"]["parts"]) == reply["score"]["change"]
    assert "result.measured" in reply["strengths"]["gained"]
    parts = {part["component"]: part for part in reply["parts"]}
    assert list(parts) == ["SITUATION", "TASK", "ACTION", "RESULT"]
    for label, component in one.components.items():
        assert parts[label]["first"] == {
            "present": component.present, "score": component.score, "words": component.words,
        }  # fmt: skip
        now = other.components[label].present
        expected = {
            (True, True): "kept",
            (True, False): "lost",
            (False, True): "gained",
            (False, False): "missing",
        }
        assert parts[label]["change"] == expected[component.present, now]


def test_the_same_attempt_twice_changes_nothing(make_app: MakeApp, reviewer: Reviewer) -> None:
    same = {"answer": FIRST, "question": QUESTION}
    reply: Any = (
        make_app(reviewer).test_client().post("/v1/compare", json={"first": same, "second": same}).json
    )
    assert reply["score"]["change"] == 0
    assert reply["findings"]["cured"] == reply["findings"]["new"] == []
    assert reply["findings"]["kept"]
    assert {part["change"] for part in reply["parts"]} <= {"kept", "missing"}


def test_an_attempt_that_was_not_judged_is_told_as_such(make_app: MakeApp) -> None:
    client = make_app(Refusing()).test_client()
    reply: Any = client.post("/v1/compare", json=asked(answer="asdf jkl")).json
    assert reply["first"]["status"] == "scored"
    assert "reason" not in reply["first"]
    assert reply["second"]["status"] == "abstained"
    assert reply["second"]["reason"]["code"] == "gibberish"
    assert reply["second"]["value"] is None
    assert reply["score"] is None
    assert (reply["parts"], reply["findings"]) == ([], {"cured": [], "new": [], "kept": []})


@pytest.mark.parametrize(
    ("second", "code"),
    [({"question": "What is your salary?"}, "questions_differ"), ({"question": None}, "questions_differ")],
)
def test_two_questions_are_not_compared(client: FlaskClient, second: dict[str, object], code: str) -> None:
    body = assert_problem(client.post("/v1/compare", json=asked(**second)), 422, code)
    assert "salary" not in str(body)


def test_two_questions_of_one_given_type_are_compared(client: FlaskClient) -> None:
    both: dict[str, Any] = asked(question="Tell me about another one.", question_type="behavioural")
    assert_problem(client.post("/v1/compare", json=both), 422, "questions_differ")
    both["first"]["question_type"] = "behavioural"
    assert client.post("/v1/compare", json=both).status_code == 200
    both["first"]["question_type"] = "salary"
    assert_problem(client.post("/v1/compare", json=both), 422, "question_types_differ")


def test_both_requests_are_checked_at_once(client: FlaskClient) -> None:
    response = client.post("/v1/compare", json={"first": {"answer": ""}, "second": {"Secret": 1}})
    body = assert_problem(response, 422)
    assert {item["pointer"] for item in body["errors"]} == {"/first/answer", "/second/answer", "/second"}
    unknown = next(item for item in body["errors"] if item["code"] == "extra_forbidden")
    assert "question_type" in unknown["message"], "it names the fields of that object"
    assert "Secret" not in str(body)
    assert_problem(client.post("/v1/compare", json={"first": {"answer": "a"}}), 422, "missing")


def test_what_the_reviewer_refuses_points_into_its_attempt(make_app: MakeApp) -> None:
    refusal = InvalidRequest(413, "too many tokens", (Problem("/answer", "too_many_tokens", "at most 5"),))
    response = make_app(FakeReviewer(failure=refusal)).test_client().post("/v1/compare", json=asked())
    assert assert_problem(response, 413)["errors"][0]["pointer"] == "/first/answer"


def test_both_attempts_share_one_turn_and_one_deadline(make_app: MakeApp) -> None:
    slow = FakeReviewer(seconds=0.2)
    assert_problem(make_app(slow, deadline=0.3).test_client().post("/v1/compare", json=asked()), 503)
    assert slow.reviewed == 2
    failing = FakeReviewer(failure=DeadlineExceeded())
    assert_problem(make_app(failing).test_client().post("/v1/compare", json=asked()), 503, "deadline")


def test_same_request_gives_the_same_bytes(make_app: MakeApp, reviewer: Reviewer) -> None:
    client = make_app(reviewer).test_client()
    assert len({client.post("/v1/compare", json=asked()).data for _ in range(3)}) == 1
