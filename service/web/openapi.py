"""The OpenAPI 3.1 document, made from the classes that check requests and describe replies."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic.json_schema import models_json_schema

from service import __version__
from service.schemas import FeedbackReply, FeedbackRequest, ProblemReply
from service.web import problems

Data = dict[str, object]

_EXAMPLE_REQUEST: Data = {
    "question": "Tell me about a time when you solved a problem under pressure.",
    "answer": "Last spring our booking system failed an hour before opening. I had to keep the desk running. "
    "I wrote the bookings on paper and typed them in at night. Nobody waited over ten minutes.",
    "offset_encoding": "utf-16",
}

#: Statuses that any route may answer with, besides its own.
EVERYWHERE = (400, 401, 404, 405, 500)
_FEEDBACK_ERRORS = (413, 415, 422, 429, 503)
_RETRIED = (429, 503)

_WHAT = {
    400: "Malformed: not JSON, not UTF-8, cut short, or holding what is refused (NaN, NUL, half characters).",
    401: "API keys are set, and this request has none of them.",
    404: "There is nothing at this path.",
    405: "The path does not take this method; see the Allow header.",
    413: "The body is too large, or a text in it too long.",
    415: "Not application/json in UTF-8, or compressed.",
    422: "JSON, but no such request; `errors` names every field that does not fit.",
    429: "Too many requests: of this key (`rate_exceeded`), or in all (`line_full`).",
    500: "A fault of the service, logged under the reply's X-Request-Id without any text of the request.",
    503: "Not ready (`not_ready`), or not done in time (`deadline`). Never a partial reply.",
}


def document() -> Data:
    """Return the document as plain data."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "star-feedback",
            "version": __version__,
            "description": "Feedback on interview answers: which words are Situation, Task, Action and "
            "Result, what is missing, and what to do next. Advice for practice; a person decides.",
        },
        "paths": {
            "/v1/feedback": {"post": _feedback()},
            "/healthz": {"get": _state("healthz", "Whether the process is up.", "ok")},
            "/readyz": {"get": _state("readyz", "Whether the model is loaded and checked.", "ready", (503,))},
            "/version": {"get": _operation("version", "What makes the replies.", _json(_VERSION))},
            "/metrics": {"get": _operation("metrics", "Numbers for Prometheus.", _text("text/plain"))},
            "/openapi.json": {"get": _operation("openapi", "This document.", _json({"type": "object"}))},
            "/": {"get": _operation("page", "The page for people.", _text("text/html"))},
        },
        "components": {
            "schemas": _schemas(),
            "headers": _HEADERS,
            "responses": {_name(status): _problem_response(status) for status in _WHAT},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "Needed where keys are set."}
            },
        },
        "security": [{"key": []}, {}],
    }


def _schemas() -> Data:
    _, schema = models_json_schema(
        [(FeedbackRequest, "validation"), (FeedbackReply, "serialization"), (ProblemReply, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Data = schema["$defs"]
    return schemas


def _feedback() -> Data:
    request = {"schema": _reference("schemas", "FeedbackRequest"), "examples": _example(_EXAMPLE_REQUEST)}
    operation = _operation(
        "feedback",
        "Feedback on one answer.",
        _json(_reference("schemas", "FeedbackReply")),
        _FEEDBACK_ERRORS,
    )
    return operation | {"requestBody": {"required": True, "content": {"application/json": request}}}


def _operation(
    name: str, summary: str, content: Data, errors: tuple[int, ...] = (), *, public: bool = False
) -> Data:
    """Describe one operation; ``public`` ones never need a key."""
    statuses = sorted((set(EVERYWHERE) | set(errors)) - ({401} if public else set()))
    responses: Data = {
        "200": {
            "description": summary,
            "headers": {"X-Request-Id": _reference("headers", "X-Request-Id")},
            "content": content,
        }
    }
    responses |= {str(status): _reference("responses", _name(status)) for status in statuses}
    described: Data = {"operationId": name, "summary": summary, "responses": responses}
    return described | {"security": []} if public else described


def _problem_response(status: int) -> Data:
    headers = ["X-Request-Id", *(["Retry-After"] if status in _RETRIED else [])]
    return {
        "description": _WHAT[status],
        "headers": {name: _reference("headers", name) for name in headers},
        "content": {
            problems.MEDIA_TYPE: {
                "schema": _reference("schemas", "ProblemReply"),
                "examples": _example(problems.problem(status)),
            }
        },
    }


def _name(status: int) -> str:
    return f"Problem{status}"


def _reference(kind: str, name: str) -> Data:
    return {"$ref": f"#/components/{kind}/{name}"}


def _example(value: Mapping[str, object]) -> Data:
    return {"example": {"value": value}}


def _json(schema: Data) -> Data:
    return {"application/json": {"schema": schema}}


def _text(media_type: str) -> Data:
    return {media_type: {"schema": {"type": "string"}}}


def _state(name: str, summary: str, state: str, errors: tuple[int, ...] = ()) -> Data:
    schema: Data = {"type": "object", "required": ["status"], "properties": {"status": {"const": state}}}
    return _operation(name, summary, _json(schema), errors, public=True)


_MAYBE_TEXT: Data = {"type": ["string", "null"]}
_VERSION: Data = {
    "type": "object",
    "required": ["service", "model", "rules", "schema"],
    "properties": {
        "service": {"type": "string"},
        "model": _MAYBE_TEXT,
        "rules": _MAYBE_TEXT,
        "schema": {"type": "string"},
    },
}
_HEADERS: Data = {
    "X-Request-Id": {
        "description": "The id of this request in the log: the one it came with, or a new one.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which the same request may pass.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
