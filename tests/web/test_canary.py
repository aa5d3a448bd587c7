"""Nothing that a client sends reaches a log, a metric, an error body or a file."""

from __future__ import annotations

import base64
import json
import logging
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from service.errors import InvalidRequest, ModelRefused, Overloaded
from service.web.app import create_app

from .conftest import SETTINGS
from .fakes import FakeReviewer


class Canary:
    """A text that occurs nowhere else, in the forms in which it might be found."""

    def __init__(self) -> None:
        self.text = f"Canary{uuid.uuid4().hex[:18]}"
        plain = self.text.encode()
        self._forms = [
            plain,
            self.text.lower().encode(),
            self.text.encode("utf-16-le"),
            quote(f"{self.text} é").encode()[:-6],
            *(base64.b64encode(b"x" * shift + plain)[4:24] for shift in range(3)),
        ]

    def is_in(self, found: bytes) -> bool:
        lower = found.lower()
        return any(form in found or form.lower() in lower for form in self._forms)


@pytest.fixture
def canary() -> Canary:
    return Canary()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which every temporary file of the test lies."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _headers(canary: Canary) -> dict[str, str]:
    text = canary.text
    return {
        "User-Agent": text,
        "Referer": f"https://example.com/{text}",
        "Cookie": f"answer={text}",
        "Authorization": f"Bearer {text}",
        "X-Request-Id": f"I wrote {text}",
        "X-Forwarded-For": text,
        "Accept": text,
        f"X-{text}": text,
    }


def _bodies(canary: Canary) -> Iterator[tuple[bytes, str]]:
    text, media_type = canary.text, "application/json"
    good: dict[str, object] = {
        "answer": f"I led {text} in {text}.",
        "question": text,
        "context": text,
        "id": text,
        "client": text,
    }
    for data in (
        good,
        good | {text: text},
        good | {text: {text: [text, 1, None]}},
        good | {"answer": f"{text}\0"},
        good | {"answer": [text]},
        good | {"answer": text * 2_000},
        good | {"question": text * 200},
        good | {"question_type": text},
        good | {"offset_encoding": text},
        [text],
        text,
    ):
        yield json.dumps(data).encode(), media_type
    whole = json.dumps(good).encode()
    yield whole[:-1], media_type
    yield whole.replace(b"I led", b"\\ud800"), media_type
    yield whole + whole, media_type
    yield whole[:-1] + b"," + whole[1:], media_type
    yield b"\xff" + whole, media_type
    yield b"[" * 50 + whole, media_type
    yield text.encode(), media_type
    yield whole * 3_000, media_type
    for other in ("text/plain", f"application/{text}", f"application/json; charset={text}", text):
        yield whole, other


def _apps(canary: Canary, place: Path) -> Iterator[Flask]:
    failures: list[Exception] = [
        ValueError(canary.text),
        KeyError(canary.text),
        UnicodeEncodeError("utf-8", canary.text, 0, 1, canary.text),
        RuntimeError(canary.text, {canary.text: canary.text}),
    ]
    rates = place / "rates.sqlite"
    yield create_app(SETTINGS, FakeReviewer(), rates=rates)
    for failure in failures:
        yield create_app(SETTINGS, FakeReviewer(failure=failure))
    yield create_app(SETTINGS, FakeReviewer(failure=InvalidRequest(413, "too many tokens")))
    yield create_app(SETTINGS, FakeReviewer(failure=Overloaded("full")))
    yield create_app(replace(SETTINGS, deadline=0.001), FakeReviewer(seconds=1))
    yield create_app(replace(SETTINGS, rate_requests=3), FakeReviewer(), rates=rates)
    yield create_app(replace(SETTINGS, api_key_digests="0" * 64), FakeReviewer())
    yield create_app(SETTINGS, ModelRefused("no model"))


def _requests(app: Flask, canary: Canary) -> Iterator[TestResponse]:
    client, text, headers = app.test_client(), canary.text, _headers(canary)
    for body, media_type in _bodies(canary):
        yield client.post(
            f"/v1/feedback?answer={text}&{text}", data=body, content_type=media_type, headers=headers
        )
    for path, field in (("/v1/questions", "questions"), ("/v1/compare", "first")):
        for data in (
            {"questions": [f"Is there {text}?"], "context": text},
            {"questions": [text * 200, [text]], text: text},
            {"first": {"answer": text, text: text}, "second": {"answer": text, "question": text}},
            {
                "first": {"answer": text, "question": f"{text}?"},
                "second": {"answer": text, "question": "Why?"},
            },
            {field: text},
        ):
            yield client.post(f"{path}?{text}", json=data, headers=headers)
    for path in (
        "/healthz",
        "/readyz",
        "/version",
        "/openapi.json",
        f"/{text}",
        f"/static/{text}",
        "/v1/feedback",
    ):
        yield client.get(f"{path}?{text}={text}", headers=headers)
    yield client.open("/", method=text.upper(), headers=headers)
    # A page that fails: its template is replaced by one that is not there.
    app.jinja_loader = None
    yield client.get(f"/?{text}", headers=headers)


def test_canary_is_found_nowhere(
    canary: Canary,
    place: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    statuses: set[int] = set()
    metrics = []
    with caplog.at_level(logging.DEBUG):
        for app in _apps(canary, place):
            for response in _requests(app, canary):
                statuses.add(response.status_code)
                if response.status_code >= 400:
                    assert not canary.is_in(response.data), response.data
                    assert not canary.is_in(str(response.headers).encode())
            metrics.append(app.test_client().get("/metrics").data)
    assert statuses == {200, 400, 401, 404, 405, 413, 415, 422, 429, 500, 503}
    assert len(caplog.records) > 300
    for record in caplog.records:
        assert not canary.is_in(repr(record.__dict__).encode())
    assert not canary.is_in(caplog.text.encode())
    out, err = capfd.readouterr()
    assert not canary.is_in((out + err).encode())
    assert not any(map(canary.is_in, metrics))
    files = [path for path in place.rglob("*") if path.is_file()]
    assert place / "rates.sqlite" in files
    for path in files:
        assert not canary.is_in(path.read_bytes()), path


def test_canary_would_be_found(canary: Canary) -> None:
    text = canary.text
    for form in (text, text.upper(), f"a {text} b", quote(text), repr({text: 1})):
        assert canary.is_in(form.encode())
    assert canary.is_in(text.encode("utf-16"))
    for shift in range(6):
        assert canary.is_in(base64.b64encode(b"y" * shift + text.encode() + b"zz"))
    assert not canary.is_in(Canary().text.encode())
