"""What each route answers when all is well, and what every reply carries."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient
from jinja2 import DictLoader

from service import __version__
from service.errors import ModelRefused
from service.records import Answer
from service.schemas import feedback_reply, to_json
from service.web.headers import ALWAYS

from .conftest import MakeApp, assert_problem, strict_loads
from .fakes import ANSWER, VERSIONS, FakeReviewer, report_on


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8"])
def test_feedback_is_the_serialised_report(client: FlaskClient, encoding: str) -> None:
    asked = {"answer": ANSWER, "id": "7", "client": "x", "question": "Why?", "offset_encoding": encoding}
    response = client.post("/v1/feedback", json=asked)
    assert response.status_code == 200
    assert response.content_type == "application/json"
    report = report_on(Answer(ANSWER, question="Why?", id="7", client="x"))
    assert response.data == to_json(feedback_reply(report, encoding))  # type: ignore[arg-type]
    end = {"utf-32": len(ANSWER), "utf-16": len(ANSWER) + 1, "utf-8": len(ANSWER) + 3}[encoding]
    assert strict_loads(response.data)["spans"][0]["end"] == end


def test_same_request_gives_the_same_bytes(client: FlaskClient) -> None:
    replies = {client.post("/v1/feedback?a=b", json={"answer": ANSWER}).data for _ in range(5)}
    assert len(replies) == 1


def test_state_and_version(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ready"}
    assert client.get("/version").json == {
        "service": VERSIONS.service,
        "model": VERSIONS.model,
        "rules": VERSIONS.rules,
        "schema": VERSIONS.schema,
    }


def test_without_a_model_the_service_runs_and_says_why(make_app: MakeApp) -> None:
    client = make_app(ModelRefused("weights.npz is damaged")).test_client()
    assert client.get("/healthz").status_code == 200
    assert assert_problem(client.get("/readyz"), 503, "not_ready")["detail"] == "weights.npz is damaged"
    assert_problem(client.post("/v1/feedback", json={"answer": ANSWER}), 503, "not_ready")
    version = client.get("/version").json
    assert version is not None
    assert version["service"] == __version__
    assert version["model"] is None


def test_page_is_rendered_with_escaping(make_app: MakeApp) -> None:
    app = make_app()
    app.jinja_loader = DictLoader({"page.html": "{{ max_characters }} {{ '<b>' }}"})
    response = app.test_client().get("/")
    assert response.data == b"20000 &lt;b&gt;"
    assert app.test_client().get("/", environ_overrides={"PATH_INFO": ""}).data == response.data
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/metrics", "/openapi.json"])
def test_every_reply_has_the_headers(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    for name, value in ALWAYS.items():
        assert response.headers[name] == value
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("given", ["a", "req-42", "0af7651916cd43dd8448eb211c80319c", "A.b_c-" + "9" * 58])
def test_sane_request_id_is_echoed(client: FlaskClient, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize(
    "given", ["", " ", "a b", "-a", "a" * 65, "<b>", 'a"b', "é", "a,b", "../a", "I led a team"]
)
def test_other_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    made = [client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] for _ in range(2)]
    assert all(len(request_id) == 32 and request_id.isalnum() for request_id in made)
    assert made[0] != made[1]


def test_one_log_line_for_each_request(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        reply = client.post("/v1/feedback?x=1", json={"answer": "abc"}, headers={"X-Request-Id": "a-1"})
        client.open("/nothing?x=1", method="BREW")
    feedback, nothing = (record.__dict__["fields"] for record in caplog.records)
    assert feedback.pop("ms") >= 0
    assert feedback == {
        "id": "a-1", "method": "POST", "route": "/v1/feedback", "status": 200,
        "bytes_in": len(b'{"answer": "abc"}'), "bytes_out": len(reply.data),
    }  # fmt: skip
    assert (nothing["method"], nothing["route"], nothing["status"]) == ("other", "none", 404)


def test_metrics_count_requests_answers_and_stages(make_app: MakeApp) -> None:
    client = make_app(FakeReviewer(seconds=0.02)).test_client()
    for _ in range(3):
        client.post("/v1/feedback", json={"answer": ANSWER, "client": "Jane", "question_type": "salary"})
    client.post("/v1/feedback", json={})
    client.get("/some/path")
    text = client.get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert lines['star_feedback_requests_total{route="/v1/feedback",status="2xx"}'] == "3.0"
    assert lines['star_feedback_requests_total{route="/v1/feedback",status="4xx"}'] == "1.0"
    assert lines['star_feedback_requests_total{route="none",status="4xx"}'] == "1.0"
    assert lines['star_feedback_answers_total{question_type="salary",status="scored"}'] == "3.0"
    assert lines['star_feedback_stage_seconds_count{stage="review"}'] == "3.0"
    assert float(lines['star_feedback_stage_seconds_sum{stage="review"}']) >= 0.06
    assert lines['star_feedback_stage_seconds_count{stage="read"}'] == "4.0"
    assert lines["star_feedback_waiting"] == "0.0"
    assert "Jane" not in text
    assert "/some/path" not in text
