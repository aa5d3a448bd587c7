"""Reading a request's body: the right kind, and never more of it than the limit."""

from __future__ import annotations

from flask import Request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

from service.errors import InvalidRequest, Problem

_PIECE = 64 * 1024


def check_media_type(request: Request) -> None:
    """Raise ``InvalidRequest`` (415) unless the body is said to be plain JSON in UTF-8."""
    if request.mimetype != "application/json":
        raise _refusal(415, "unsupported_media_type", "the Content-Type must be application/json")
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() != "utf-8":
        raise _refusal(415, "unsupported_charset", "the charset must be utf-8")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise _refusal(415, "unsupported_encoding", "compressed bodies are not accepted")


def read_body(request: Request, limit: int) -> bytes:
    """Return the whole body, of at most ``limit`` bytes, however it is framed.

    Raises ``InvalidRequest``: 413 for a longer one, as soon as that is known; 400 where it ends too early.
    """
    declared = request.content_length
    if declared is not None and declared > limit:
        raise _too_large(limit)
    pieces: list[bytes] = []
    left = limit + 1
    try:
        while left and (piece := request.stream.read(min(left, _PIECE))):
            pieces.append(piece)
            left -= len(piece)
    except (OSError, ParseException):
        raise _cut_short() from None
    if not left:
        raise _too_large(limit)
    body = b"".join(pieces)
    if declared is not None and len(body) < declared:
        raise _cut_short()
    return body


def _too_large(limit: int) -> InvalidRequest:
    return _refusal(413, "body_too_large", f"the body must not be larger than {limit} bytes")


def _cut_short() -> InvalidRequest:
    return _refusal(400, "incomplete_body", "the body ended, or its framing broke, before its end")


def _refusal(status: int, code: str, message: str) -> InvalidRequest:
    return InvalidRequest(status, message, (Problem("", code, message),))
