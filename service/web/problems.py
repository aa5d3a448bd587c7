"""Errors as replies: every one, whatever its origin, is ``application/problem+json``."""

from __future__ import annotations

import http
from collections.abc import Mapping

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from service.corrections import NotKept
from service.errors import DeadlineExceeded, InvalidRequest, Overloaded, Problem, StarFeedbackError
from service.jobs.database import StoreFailed
from service.jobs.store import JobGone, QueueFull
from service.problem_details import BY_STATUS, problem
from service.schemas import to_json
from service.web.headers import ALWAYS
from service.web.logs import log_failure

MEDIA_TYPE = "application/problem+json"
#: Seconds after which a database may be back.
_STORE_RETRY_AFTER = 10


class Unauthorised(StarFeedbackError):
    """A request without an API key that may use the service."""


class RateExceeded(Overloaded):
    """A key has used up what it may send in a minute."""


class BatchesFull(Overloaded):
    """As many batches as a process takes are being answered."""


class JobsOff(StarFeedbackError):
    """There are no jobs in this service, and why."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


class NotInThisState(StarFeedbackError):
    """What is asked for is not there yet, or not any more."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class NotReady(StarFeedbackError):
    """The model could not be loaded; the message says why."""

    retry_after = 30


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
    app.register_error_handler(JobsOff, _jobs_off)
    app.register_error_handler(JobGone, _job_gone)
    app.register_error_handler(NotInThisState, _not_in_this_state)
    app.register_error_handler(StoreFailed, _store_failed)
    app.register_error_handler(NotKept, _not_kept)
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
    codes: dict[type, str] = {
        RateExceeded: "rate_exceeded",
        BatchesFull: "batches_full",
        QueueFull: "queue_full",
    }
    return _later(429, codes.get(type(error), "line_full"), error.detail, error.retry_after)


def _deadline_exceeded(error: DeadlineExceeded) -> Response:
    return _later(503, "deadline", error.detail, error.retry_after)


def _not_ready(error: NotReady) -> Response:
    return _later(503, "not_ready", str(error), error.retry_after)


def _jobs_off(error: JobsOff) -> Response:
    return _reply(error.status, error.detail, (Problem("", error.code, error.detail),))


def _job_gone(_error: JobGone) -> Response:
    message = "there is no such job: it is another's, was erased, or its time is over"
    return _reply(404, message, (Problem("", "no_such_job", message),))


def _not_in_this_state(error: NotInThisState) -> Response:
    return _reply(409, error.detail, (Problem("", error.code, error.detail),))


def _store_failed(error: StoreFailed) -> Response:
    log_failure(error, id=g.get("request_id"), reason=str(error))
    return _later(503, "jobs_unavailable", str(error), _STORE_RETRY_AFTER)


def _not_kept(error: NotKept) -> Response:
    log_failure(error, id=g.get("request_id"), reason=str(error))
    return _later(503, "corrections_unavailable", str(error), _STORE_RETRY_AFTER)


def _later(status: int, code: str, detail: str, seconds: int) -> Response:
    return _reply(status, detail, (Problem("", code, detail),), headers={"Retry-After": str(seconds)})


def _http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status not in BY_STATUS:
        status = 400 if status < 500 else 500
    allowed = getattr(error, "valid_methods", None)
    return _reply(status, headers={"Allow": ", ".join(sorted(allowed))} if allowed else None)


def _failure(error: Exception) -> Response:
    log_failure(error, id=g.get("request_id"))
    return _reply(500)
