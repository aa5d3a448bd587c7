"""``POST /v1/questions``: what it takes, what it refuses, what it answers."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from service.errors import RulesRefused
from service.feedback.catalogue import load_catalogue
from service.feedback.questions import QuestionReader
from service.schemas import questions_reply, to_json

from .conftest import MakeApp, assert_problem, strict_loads

PARKING = "Is there parking?"
AUDIT = "You said 😀 the night audit is done by one person. What usually goes wrong with it?"


@pytest.mark.parametrize(("encoding", "shift"), [("utf-32", 0), ("utf-16", 1), ("utf-8", 3)])
def test_the_reply_is_the_serialised_report(client: FlaskClient, encoding: str, shift: int) -> None:
    asked = {"questions": [AUDIT, PARKING], "offset_encoding": encoding}
    response = client.post("/v1/questions", json=asked)
    assert response.status_code == 200
    assert response.content_type == "application/json"
    report = QuestionReader(load_catalogue()).read([AUDIT, PARKING])
    assert response.data == to_json(questions_reply(report, encoding))  # type: ignore[arg-type]
    first, second = strict_loads(response.data)["questions"]
    assert (first["category"], first["form"], first["reach"]) == ("role_challenges", "open", "specific")
    assert first["words"][0]["start"] == AUDIT.index("goes wrong") + shift
    assert first["words"][0]["text"] == "goes wrong"
    assert (second["category"], second["form"], second["too_early"]) == ("other", "closed", False)
    assert "against.yes_no" in {finding["id"] for finding in second["findings"]}


def test_the_context_and_what_is_left_out(client: FlaskClient) -> None:
    asked = {
        "questions": ["What is hard about the laundry and the ballroom?"],
        "context": "Our laundry does the linen of the ballroom.",
    }
    reply: Any = client.post("/v1/questions", json=asked).json
    assert reply["questions"][0]["reach"] == "specific"
    missing = [item["category"] for item in reply["not_covered"]]
    assert "role_challenges" not in missing
    assert "other" not in missing
    assert len(missing) == 5
    assert set(reply["versions"]) == {"service", "rules", "schema"}


@pytest.mark.parametrize(
    ("asked", "status", "pointer", "code"),
    [
        ({}, 422, "/questions", "missing"),
        ({"questions": []}, 422, "/questions", "too_short"),
        ({"questions": [PARKING] * 51}, 422, "/questions", "too_long"),
        ({"questions": [PARKING, ""]}, 422, "/questions/1", "string_too_short"),
        ({"questions": ["x" * 2_001]}, 413, "/questions/0", "string_too_long"),
        ({"questions": PARKING}, 422, "/questions", "list_type"),
        ({"questions": [7]}, 422, "/questions/0", "string_type"),
        ({"questions": [PARKING], "answer": "x"}, 422, "", "extra_forbidden"),
        ({"questions": [PARKING], "context": "x" * 20_001}, 413, "/context", "string_too_long"),
    ],
)
def test_what_is_no_request_is_refused(
    client: FlaskClient, asked: object, status: int, pointer: str, code: str
) -> None:
    body = assert_problem(client.post("/v1/questions", json=asked), status, code)
    assert body["errors"][0]["pointer"] == pointer


def test_the_longest_list_is_read(client: FlaskClient) -> None:
    longest = ("How do you see the company? " * 80)[:2_000]
    response = client.post("/v1/questions", json={"questions": [longest] * 50})
    assert response.status_code == 200
    assert len(strict_loads(response.data)["questions"]) == 50


def test_only_json_is_taken_and_only_by_post(client: FlaskClient) -> None:
    assert_problem(client.post("/v1/questions", data=b"x", content_type="text/plain"), 415)
    assert_problem(client.post("/v1/questions", data=b"{", content_type="application/json"), 400)
    assert client.get("/v1/questions").status_code == 405


def test_without_rules_it_is_not_ready(make_app: MakeApp) -> None:
    client = make_app(RulesRefused("mine.toml: a mistake")).test_client()
    body = assert_problem(client.post("/v1/questions", json={"questions": [PARKING]}), 503, "not_ready")
    assert body["detail"] == "mine.toml: a mistake"


def test_an_own_rules_file_is_followed(make_app: MakeApp, tmp_path: Any) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[finding."against.yes_no"]\nmessage = "Mine."\n')
    client = make_app(rules_file=str(own)).test_client()
    reply: Any = client.post("/v1/questions", json={"questions": [PARKING]}).json
    assert "Mine." in {finding["message"] for finding in reply["questions"][0]["findings"]}


def test_it_counts_as_any_request(make_app: MakeApp) -> None:
    client = make_app(rate_requests=1).test_client()
    assert client.post("/v1/questions", json={"questions": [PARKING]}).status_code == 200
    assert_problem(client.post("/v1/questions", json={"questions": [PARKING]}), 429)
    text = make_app().test_client().get("/metrics").text
    assert "parking" not in text.lower()
