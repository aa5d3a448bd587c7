"""Reading a request's body: the right kind, and never more of it than the limit."""

from __future__ import annotations

from io import BytesIO

from flask import Request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser

from service.errors import InvalidRequest, Problem

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
MULTIPART = "multipart/form-data"
_PIECE = 64 * 1024
#: Parts of a form that are looked at before it is refused.
_MOST_PARTS = 8


def check_media_type(request: Request, *accepted: str) -> None:
    """Raise ``InvalidRequest`` (415) unless the body is said to be of an ``accepted`` type, in UTF-8."""
    if request.mimetype not in accepted:
        message = f"the Content-Type must be {' or '.join(accepted)}"
        raise _refusal(415, "unsupported_media_type", message)
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() != "utf-8":
        raise _refusal(415, "unsupported_charset", "the charset must be utf-8")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise _refusal(415, "unsupported_encoding", "compressed bodies are not accepted")


def read_body(request: Request, limit: int, *, advice: str = "") -> bytes:
    """Return the whole body, of at most ``limit`` bytes, however it is framed.

    ``advice`` says what to do with a longer one. Raises ``InvalidRequest``: 413 for a longer one, as soon as that is known; 400 where it ends too early.
    """
    declared = request.content_length
    if declared is not None and declared > limit:
        raise _too_large(limit, advice)
    pieces: list[bytes] = []
    left = limit + 1
    try:
        while left and (piece := request.stream.read(min(left, _PIECE))):
            pieces.append(piece)
            left -= len(piece)
    except (OSError, ParseException):
        raise _cut_short() from None
    if not left:
        raise _too_large(limit, advice)
    body = b"".join(pieces)
    if declared is not None and len(body) < declared:
        raise _cut_short()
    return body


def file_of_form(request: Request, body: bytes) -> FileStorage:
    """Return the one file of a form, held in memory: what people wrote never goes to a temporary file.

    Raises ``InvalidRequest``: 400 for a broken form, 422 for one that holds anything else.
    """
    parser = FormDataParser(
        lambda total_content_length, content_type, filename, content_length=None: BytesIO(),  # noqa: ARG005
        max_form_memory_size=_PIECE,
        max_form_parts=_MOST_PARTS,
        silent=False,
    )
    try:
        _, fields, files = parser.parse(BytesIO(body), MULTIPART, len(body), dict(request.mimetype_params))
    except (ValueError, HTTPException):
        raise _refusal(400, "broken_form", "the multipart body is broken, or has too many parts") from None
    # Two parts may have one name.
    found = [file for _, file in files.items(multi=True)]
    if len(found) != 1 or fields:
        raise _refusal(422, "one_file", "the form must hold one file, and nothing else")
    return found[0]


def _too_large(limit: int, advice: str) -> InvalidRequest:
    message = f"the body must not be larger than {limit} bytes"
    return _refusal(413, "body_too_large", f"{message}; {advice}" if advice else message)


def _cut_short() -> InvalidRequest:
    return _refusal(400, "incomplete_body", "the body ended, or its framing broke, before its end")


def _refusal(status: int, code: str, message: str) -> InvalidRequest:
    return InvalidRequest(status, message, (Problem("", code, message),))
