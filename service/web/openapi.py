"""The OpenAPI 3.1 document, made from the classes that check requests and describe replies."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service import __version__
from service.batch.replies import RowErrorReply, SummaryReply
from service.batch.rows import COLUMNS
from service.jobs.replies import ErasedReply, JobReply
from service.jobs.results import FORMATS
from service.problem_details import problem
from service.schemas import (
    CompareReply,
    CompareRequest,
    CorrectionReply,
    CorrectionRequest,
    FeedbackReply,
    FeedbackRequest,
    ProblemReply,
    QuestionsReply,
    QuestionsRequest,
)
from service.web import problems
from service.web.body import CSV, MULTIPART, NDJSON
from service.web.jobs import XLSX, ZIP

Data = dict[str, object]

_EXAMPLE_REQUEST: Data = {
    "question": "Tell me about a time when you solved a problem under pressure.",
    "answer": "Last spring our booking system failed an hour before opening. I had to keep the desk running. "
    "I wrote the bookings on paper and typed them in at night. Nobody waited over ten minutes.",
    "offset_encoding": "utf-16",
}
_EXAMPLE_QUESTIONS: Data = {
    "questions": [
        "You said that the night audit is done by one person. What usually goes wrong with it?",
        "Is there parking?",
    ],
    "offset_encoding": "utf-16",
}
_EXAMPLE_COMPARISON: Data = {
    "first": {name: _EXAMPLE_REQUEST[name] for name in ("question", "answer")},
    "second": {
        "question": _EXAMPLE_REQUEST["question"],
        "answer": f"{_EXAMPLE_REQUEST['answer']} Since then a printed list has hung at the desk every night.",
    },
}
_EXAMPLE_CORRECTION: Data = {
    "question": "How did you end up here?",
    "answer": "I was asked to run the desk. I rang everyone.",
    "spans": [{"start": 0, "end": 28, "label": "TASK"}, {"start": 29, "end": 45, "label": "ACTION"}],
    "findings": ["result.missing", "action.too_thin"],
    "corrected_by": "coach 7",
    "model": "star-1+0123456789ab",
    "offset_encoding": "utf-16",
}
_EXAMPLE_CSV = (
    "id,question,answer\r\n"
    '1,Tell me about a problem that you solved.,"Our booking system failed, so I wrote every booking on '
    'paper."\r\n'
)

#: Statuses that any route may answer with, besides its own.
EVERYWHERE = (400, 401, 404, 405, 500)
_FEEDBACK_ERRORS = (413, 415, 422, 429, 503)
_RETRIED = (429, 503)

_WHAT = {
    400: "Malformed: not JSON, not UTF-8, cut short, or holding what is refused (NaN, NUL, half characters).",
    401: "API keys are set, and this request has none of them.",
    403: "A page of another site made the browser send this.",
    404: "There is nothing at this path; of a job: it is another's, or gone (`no_such_job`), or there are none "
    "(`jobs_off`); corrections may be switched off (`corrections_off`).",
    405: "The path does not take this method; see the Allow header.",
    409: "The job is not done yet (`not_done`), or the service keeps nothing, so that it has no jobs "
    "(`nothing_kept`).",
    413: "The body is too large, a text in it too long, or its rows are too many.",
    415: "Not of a type that the path takes, not UTF-8, or compressed.",
    422: "JSON, but no such request; `errors` names every field that does not fit.",
    429: "Too many requests: of this key (`rate_exceeded`), in all (`line_full`), batches (`batches_full`), "
    "or jobs that are not finished (`queue_full`).",
    500: "A fault of the service, logged under the reply's X-Request-Id without any text of the request.",
    503: "Not ready (`not_ready`), no database of jobs (`jobs_unavailable`), no file of corrections "
    "(`corrections_unavailable`), or not done in time (`deadline`). Never a partial reply.",
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
            "/v1/feedback/batch": {"post": _batch()},
            "/v1/questions": {"post": _questions()},
            "/v1/compare": {"post": _compare()},
            "/v1/corrections": {"post": _corrections()},
            **_jobs(),
            "/healthz": {"get": _state("healthz", "Whether the process is up.", "ok")},
            "/readyz": {
                "get": _state("readyz", "Whether a model is loaded and checked.", "ready", (503,), _WARNING)
            },
            "/version": {"get": _operation("version", "What makes the replies.", _json(_VERSION))},
            "/metrics": {"get": _operation("metrics", "Numbers for Prometheus.", _text("text/plain"))},
            "/openapi.json": {"get": _operation("openapi", "This document.", _json({"type": "object"}))},
            "/": {"get": _operation("page", "The page for people.", _text("text/html"))},
            **_files(),
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
    requests: tuple[type[BaseModel], ...] = (
        FeedbackRequest, QuestionsRequest, CompareRequest, CorrectionRequest,
    )  # fmt: skip
    replies: tuple[type[BaseModel], ...] = (
        FeedbackReply, RowErrorReply, SummaryReply, QuestionsReply, CompareReply, CorrectionReply, JobReply, ErasedReply,
        ProblemReply,
    )  # fmt: skip
    _, schema = models_json_schema(
        [
            *((asked, "validation") for asked in requests),
            *((reply, "serialization") for reply in replies),
        ],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Data = schema["$defs"]
    return schemas


def _feedback() -> Data:
    return _asked(
        "feedback", "Feedback on one answer.", ("FeedbackRequest", "FeedbackReply"), _EXAMPLE_REQUEST
    )


def _questions() -> Data:
    summary = "Feedback on a candidate's own questions, and what a list of them leaves out."
    return _asked("questions", summary, ("QuestionsRequest", "QuestionsReply"), _EXAMPLE_QUESTIONS)


def _compare() -> Data:
    summary = "What changed from one attempt at a question to the next."
    return _asked("compare", summary, ("CompareRequest", "CompareReply"), _EXAMPLE_COMPARISON)


def _corrections() -> Data:
    summary = (
        "Keep what the feedback on an answer should have been, with the answer, where that is switched on."
    )
    schemas = ("CorrectionRequest", "CorrectionReply")
    return _asked("corrections", summary, schemas, _EXAMPLE_CORRECTION)


def _asked(name: str, summary: str, schemas: tuple[str, str], example: Data) -> Data:
    """Describe a POST of JSON; ``schemas`` are those of the request and of the reply."""
    request = {"schema": _reference("schemas", schemas[0]), "examples": _example(example)}
    operation = _operation(name, summary, _json(_reference("schemas", schemas[1])), _FEEDBACK_ERRORS)
    return operation | {"requestBody": {"required": True, "content": {"application/json": request}}}


def _batch() -> Data:
    """Describe many answers; a schema of NDJSON is that of one line."""
    lines = [_reference("schemas", name) for name in ("FeedbackReply", "RowErrorReply", "SummaryReply")]
    reply: Data = {
        "description": "One line for each row, in order, then the summary. A reply without it was cut off.",
        "oneOf": lines,
    }
    operation = _operation(
        "batch",
        "Feedback on many answers, streamed; a bad row never stops the others.",
        {NDJSON: {"schema": reply}},
        _FEEDBACK_ERRORS,
    )
    return operation | _many()


def _many() -> Data:
    """Describe a file of answers; a schema of NDJSON or CSV is that of one line."""
    csv: Data = {
        "type": "string",
        "description": "A header and a row for each answer, in UTF-8. Columns, in any order and case: "
        f"{', '.join(COLUMNS)}; only answer is needed. date and attempt are not judged.",
    }
    part: Data = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
        "description": "One file, CSV or NDJSON by the ending of its name or its type.",
    }
    content: Data = {
        NDJSON: {"schema": _reference("schemas", "FeedbackRequest"), "examples": _example(_EXAMPLE_REQUEST)},
        CSV: {"schema": csv, "examples": {"example": {"value": _EXAMPLE_CSV}}},
        MULTIPART: {"schema": part},
    }
    return {"requestBody": {"required": True, "content": content}}


def _jobs() -> Data:
    """Describe batches that outlive their request."""
    errors = (409, 503)
    job = _json(_reference("schemas", "JobReply"))
    key: Data = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Uploads with the same key are one job; without one, uploads of the same file are.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    }
    wanted: Data = {
        "name": "format",
        "in": "query",
        "schema": {"type": "string", "enum": list(FORMATS), "default": "jsonl"},
    }
    taken = _operation(
        "send_job",
        "Take in a file of answers, to be judged in its turn.",
        job,
        (403, *errors, *_FEEDBACK_ERRORS),
        status=202,
    )
    text: Data = {"schema": {"type": "string"}}
    files: Data = {NDJSON: text, CSV: text, XLSX: {"schema": _BINARY}}
    return {
        "/v1/jobs": {"post": taken | _many() | {"parameters": [key]}},
        "/v1/jobs/{job_id}": {
            "get": _operation("job", "How far a job is.", job, errors) | {"parameters": [_JOB_ID]},
            "delete": _operation(
                "erase_job", "Erase a job now.", _json(_reference("schemas", "ErasedReply")), errors
            )
            | {"parameters": [_JOB_ID]},
        },
        "/v1/jobs/{job_id}/results": {
            "get": _operation("job_results", "What became of the rows.", files, (429, *errors))
            | {"parameters": [_JOB_ID, wanted]}
        },
        "/v1/jobs/{job_id}/reports.zip": {
            "get": _operation(
                "job_reports",
                "A page for each client, and an index.",
                {ZIP: {"schema": _BINARY}},
                (429, *errors),
            )
            | {"parameters": [_JOB_ID]}
        },
    }


def _files() -> Data:
    """Describe the pages of jobs."""
    page, errors = _text("text/html"), (403, 409, 413, 415, 422, 429, 503)
    return {
        "/files": {
            "get": _operation("files_page", "The page for a file.", page, (409,)),
            "post": _operation("send_file", "Take in the file of that page.", page, errors, status=303),
        },
        "/files/{job_id}": {
            "get": _operation("file_page", "The page of one file.", page, (409, 503))
            | {"parameters": [_JOB_ID]}
        },
        "/files/{job_id}/erase": {
            "post": _operation("erase_file", "Erase it from its page.", page, (403, 409, 503), status=303)
            | {"parameters": [_JOB_ID]}
        },
    }


def _operation(
    name: str,
    summary: str,
    content: Data,
    errors: tuple[int, ...] = (),
    *,
    public: bool = False,
    status: int = 200,
) -> Data:
    """Describe one operation; ``public`` ones never need a key. A ``status`` other than 200 leads elsewhere."""
    statuses = sorted((set(EVERYWHERE) | set(errors)) - ({401} if public else set()))
    headers = ["X-Request-Id", *([] if status == 200 else ["Location"])]
    responses: Data = {
        str(status): {
            "description": summary,
            "headers": {header: _reference("headers", header) for header in headers},
            "content": content,
        }
    }
    responses |= {str(error): _reference("responses", _name(error)) for error in statuses}
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
                "examples": _example(problem(status)),
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


def _state(
    name: str, summary: str, state: str, errors: tuple[int, ...] = (), more: Data | None = None
) -> Data:
    schema: Data = {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"const": state}, **(more or {})},
        "additionalProperties": False,
    }
    return _operation(name, summary, _json(schema), errors, public=True)


_WARNING: Data = {
    "warning": {
        "type": "string",
        "description": "Why it is not the model that the index names which serves.",
    }
}
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
_BINARY: Data = {"type": "string", "format": "binary"}
_JOB_ID: Data = {
    "name": "job_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_HEADERS: Data = {
    "X-Request-Id": {
        "description": "The id of this request in the log: the one it came with, or a new one.",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The address at which to look next.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which the same request may pass.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
