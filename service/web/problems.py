"""The one shape of every error: ``application/problem+json`` (RFC 9457) with a list of what is wrong.

``type`` is always ``about:blank`` and ``title`` the status phrase, as section 4.2.1 of the RFC has it; what a
program should look at is ``errors[].code``. Nothing of a request is ever repeated.
"""

from __future__ import annotations

import http
from collections.abc import Mapping

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from service.errors import DeadlineExceeded, InvalidRequest, Overloaded, Problem, StarFeedbackError
from service.schemas import to_json
from service.web.headers import ALWAYS
from service.web.logs import log_failure

MEDIA_TYPE = "application/problem+json"
#: Problems that one reply tells of; a request of thousands of faults must not make a larger reply.
MOST_ERRORS = 20

#: What is said, and the code, where no more is known than the status.
_BY_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "the request is malformed"),
    401: ("unauthorised", "an API key is needed: 'Authorization: Bearer KEY'"),
    404: ("not_found", "there is nothing here; /openapi.json lists what there is"),
    405: ("method_not_allowed", "the method is not one of those in the Allow header"),
    413: ("body_too_large", "the request is too large"),
    414: ("uri_too_long", "the request line is too long"),
    415: ("unsupported_media_type", "the body must be application/json in UTF-8, not compressed"),
    417: ("expectation_failed", "only 'Expect: 100-continue' is understood"),
    422: ("invalid", "the request is understood but invalid"),
    429: ("too_many_requests", "too many requests; try again later"),
    431: ("headers_too_large", "the header fields are too large"),
    500: ("internal_error", "the service failed; the fault is logged under the id in X-Request-Id"),
    501: ("not_implemented", "this transfer coding is not implemented"),
    503: ("unavailable", "the service is not ready"),
}


class Unauthorised(StarFeedbackError):
    """A request without an API key that may use the service."""


class RateExceeded(Overloaded):
    """A key has used up what it may send in a minute."""


class NotReady(StarFeedbackError):
    """The model could not be loaded; the message says why."""

    retry_after = 30


def problem(status: int, detail: str = "", problems: tuple[Problem, ...] = ()) -> dict[str, object]:
    """Return the body of an error reply as plain data; ``errors`` is never empty."""
    code, usual_detail = _BY_STATUS.get(status, _BY_STATUS[400 if status < 500 else 500])
    detail = detail or usual_detail
    told = problems[:MOST_ERRORS] or (Problem("", code, detail),)
    return {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [{"pointer": item.pointer, "code": item.code, "message": item.message} for item in told],
    }


def problem_message(status: int, request_id: str) -> bytes:
    """Return a whole HTTP/1.1 error message, for requests that never become one of Flask's."""
    body = to_json(problem(status))
    head = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
        "X-Request-Id": request_id,
        **ALWAYS,
    }
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}", *(f"{k}: {v}" for k, v in head.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def register(app: Flask) -> None:
    """Make every error of ``app``, whatever its origin, a problem reply."""
    app.register_error_handler(InvalidRequest, _invalid_request)
    app.register_error_handler(Unauthorised, _unauthorised)
    app.register_error_handler(Overloaded, _overloaded)
    app.register_error_handler(DeadlineExceeded, _deadline_exceeded)
    app.register_error_handler(NotReady, _not_ready)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(Exception, _failure)


def _reply(
    status: int,
    detail: str = "",
    problems: tuple[Problem, ...] = (),
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = to_json(problem(status, detail, problems))
    return Response(body, status, headers=headers, content_type=MEDIA_TYPE)


def _invalid_request(error: InvalidRequest) -> Response:
    return _reply(error.status, error.detail, error.problems)


def _unauthorised(_error: Unauthorised) -> Response:
    return _reply(401, headers={"WWW-Authenticate": "Bearer"})


def _overloaded(error: Overloaded) -> Response:
    code = "rate_exceeded" if isinstance(error, RateExceeded) else "line_full"
    return _later(429, code, error.detail, error.retry_after)


def _deadline_exceeded(error: DeadlineExceeded) -> Response:
    return _later(503, "deadline", error.detail, error.retry_after)


def _not_ready(error: NotReady) -> Response:
    return _later(503, "not_ready", str(error), error.retry_after)


def _later(status: int, code: str, detail: str, seconds: int) -> Response:
    return _reply(status, detail, (Problem("", code, detail),), headers={"Retry-After": str(seconds)})


def _http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status not in _BY_STATUS:
        status = 400 if status < 500 else 500
    allowed = getattr(error, "valid_methods", None)
    return _reply(status, headers={"Allow": ", ".join(sorted(allowed))} if allowed else None)


def _failure(error: Exception) -> Response:
    log_failure(error, id=g.get("request_id"))
    return _reply(500)
