"""The one shape of every error, over HTTP and for a row of a batch: RFC 9457 with a list of what is wrong.

``type`` is always ``about:blank`` and ``title`` the status phrase, as section 4.2.1 of the RFC has it; what a
program should look at is ``errors[].code``. Nothing of a request is ever repeated.
"""

from __future__ import annotations

import http
from collections.abc import Mapping

from service.errors import DeadlineExceeded, InvalidRequest, Overloaded, Problem, StarFeedbackError

#: Problems that one reply tells of; a request of thousands of faults must not make a larger reply.
MOST_ERRORS = 20

#: What is said, and the code, where no more is known than the status.
BY_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "the request is malformed"),
    401: ("unauthorised", "an API key is needed: 'Authorization: Bearer KEY'"),
    403: ("forbidden", "another site's page may not send this"),
    404: ("not_found", "there is nothing here; /openapi.json lists what there is"),
    405: ("method_not_allowed", "the method is not one of those in the Allow header"),
    409: ("conflict", "not in this state"),
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


def problem(status: int, detail: str = "", problems: tuple[Problem, ...] = ()) -> dict[str, object]:
    """Return the body of an error reply as plain data; ``errors`` is never empty."""
    code, usual_detail = BY_STATUS.get(status, BY_STATUS[400 if status < 500 else 500])
    detail = detail or usual_detail
    told = problems[:MOST_ERRORS] or (Problem("", code, detail),)
    return {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [{"pointer": item.pointer, "code": item.code, "message": item.message} for item in told],
    }


def problem_of(error: StarFeedbackError) -> dict[str, object]:
    """Return what ``error`` is as a problem, for an answer that is not a request of its own."""
    match error:
        case InvalidRequest():
            return problem(error.status, error.detail, error.problems)
        case Overloaded():
            return coded(429, "line_full", error.detail)
        case DeadlineExceeded():
            return coded(503, "deadline", error.detail)
        case _:
            return coded(500, "internal_error", "the service failed on this row")


def coded(status: int, code: str, message: str) -> dict[str, object]:
    """Return a problem of one error that is about the whole."""
    return problem(status, message, (Problem("", code, message),))
