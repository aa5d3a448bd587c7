"""Every error, whatever its origin, has the one shape."""

from __future__ import annotations

import logging

import pytest
from flask import Flask, Response, abort
from flask.testing import FlaskClient

from service.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ModelRefused,
    Overloaded,
    Problem,
    RulesRefused,
    SettingsRefused,
    StarFeedbackError,
)
from service.web.problems import NotReady, RateExceeded, Unauthorised

from .conftest import MakeApp, assert_problem
from .fakes import ANSWER, FakeReviewer

#: exception: (status, code)
RAISED: list[tuple[Exception, int, str]] = [
    (InvalidRequest(400, "malformed"), 400, "bad_request"),
    (
        InvalidRequest(413, "too long", (Problem("/answer", "too_many_tokens", "too many"),)),
        413,
        "too_many_tokens",
    ),
    (InvalidRequest(422, "invalid"), 422, "invalid"),
    (Unauthorised(), 401, "unauthorised"),
    (Overloaded("full", retry_after=3), 429, "line_full"),
    (RateExceeded("often", retry_after=3), 429, "rate_exceeded"),
    (DeadlineExceeded(), 503, "deadline"),
    (NotReady("no model"), 503, "not_ready"),
    (ModelRefused("damaged"), 500, "internal_error"),
    (RulesRefused("bad"), 500, "internal_error"),
    (SettingsRefused("bad"), 500, "internal_error"),
    (StarFeedbackError("base"), 500, "internal_error"),
    (ValueError("surprise"), 500, "internal_error"),
    (RecursionError(), 500, "internal_error"),
    (MemoryError(), 500, "internal_error"),
    (UnicodeEncodeError("utf-8", "secret", 0, 1, "surprise"), 500, "internal_error"),
]
#: Statuses that Flask or Werkzeug may raise, and what becomes of them.
ABORTED = {
    **{status: status for status in (400, 401, 403, 404, 405, 409, 413, 414, 415, 417, 422, 431, 500, 501)},
    **dict.fromkeys((406, 408, 410, 418), 400),
    502: 500,
}


def _with_route(app: Flask, error: Exception | int) -> FlaskClient:
    def fail() -> str:
        if isinstance(error, int):
            abort(error, description="secret")
        raise error

    app.add_url_rule("/fails", "fails", fail)
    return app.test_client()


@pytest.mark.parametrize(("error", "status", "code"), RAISED, ids=lambda value: repr(value)[:40])
def test_exception_becomes_a_problem(make_app: MakeApp, error: Exception, status: int, code: str) -> None:
    response = _with_route(make_app(), error).get("/fails")
    assert_problem(response, status, code)
    assert b"surprise" not in response.data
    assert b"secret" not in response.data


@pytest.mark.parametrize("status", ABORTED)
def test_abort_becomes_a_problem(make_app: MakeApp, status: int) -> None:
    response = _with_route(make_app(), status).get("/fails")
    assert_problem(response, ABORTED[status])
    assert b"secret" not in response.data


@pytest.mark.parametrize("error", [Overloaded("full", retry_after=7), RateExceeded("often", retry_after=7)])
def test_overload_says_when_to_come_back(make_app: MakeApp, error: Overloaded) -> None:
    assert _with_route(make_app(), error).get("/fails").headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/v1", "/v1/feedback/", "//v1//feedback", "//example.com/a", "/static/nothing.js",
     "/static/../app.py", "/static//etc/passwd", "/\0", "/\xff", "*"],
)  # fmt: skip
def test_unknown_path_is_404_and_never_a_redirect(client: FlaskClient, path: str) -> None:
    assert_problem(client.get("/", environ_overrides={"PATH_INFO": path}), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/feedback"),
        ("PUT", "/v1/feedback"),
        ("DELETE", "/v1/feedback"),
        ("POST", "/healthz"),
        ("POST", "/"),
        ("TRACE", "/version"),
        ("SECRET", "/version"),
    ],
)
def test_wrong_method_is_405_and_says_which_are_right(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method)
    assert_problem(response, 405, "method_not_allowed")
    allowed = response.headers["Allow"].split(", ")
    assert method not in allowed
    assert ("POST" if path == "/v1/feedback" else "GET") in allowed


def test_head_has_the_headers_of_get_and_no_body(client: FlaskClient) -> None:
    for path, status in (("/healthz", 200), ("/openapi.json", 200), ("/nothing", 404), ("/v1/feedback", 405)):
        head, get = client.head(path), client.get(path)
        assert head.status_code == get.status_code == status
        assert head.data == b""
        assert head.headers["Content-Length"] == get.headers["Content-Length"]
        assert head.content_type == get.content_type


def test_options_lists_the_methods_and_lets_no_other_site_in(client: FlaskClient) -> None:
    response = client.options("/v1/feedback", headers={"Origin": "https://example.com"})
    assert response.status_code == 200
    assert sorted(response.headers["Allow"].split(", ")) == ["OPTIONS", "POST"]
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


def test_failure_is_logged_by_type_and_place_only(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_app(FakeReviewer(failure=ValueError(f"cannot read {ANSWER}"))).test_client()
    with caplog.at_level(logging.DEBUG):
        response = client.post("/v1/feedback", json={"answer": ANSWER}, headers={"X-Request-Id": "a-1"})
    assert_problem(response, 500, "internal_error")
    failure, request = (
        record.__dict__["fields"] for record in caplog.records if record.name == "service.web"
    )
    assert failure["type"] == "ValueError"
    assert failure["where"][-1].startswith(f"{FakeReviewer.__module__}:")
    assert request["status"] == 500
    assert failure["id"] == request["id"] == "a-1"
    assert all(record.exc_info is None for record in caplog.records)
    assert "led" not in caplog.text


def test_failure_outside_a_view_is_a_problem_too(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()

    @app.before_request
    def fail_before() -> None:
        raise ValueError("secret")

    with caplog.at_level(logging.DEBUG):
        assert_problem(app.test_client().get("/healthz"), 500, "internal_error")
    assert "secret" not in caplog.text


def test_failure_after_a_view_is_a_problem_too(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()
    failures = [ValueError("secret")]

    @app.after_request
    def fail_once(response: Response) -> Response:
        if failures:
            raise failures.pop()
        return response

    with caplog.at_level(logging.DEBUG):
        assert_problem(app.test_client().get("/hidden"), 500, "internal_error")
    assert "ValueError" in [record.__dict__.get("fields", {}).get("type") for record in caplog.records]
    assert "secret" not in caplog.text
    assert "hidden" not in caplog.text
