"""Fixtures of the HTTP tests, and what every error reply must look like."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.batch.evaluation import Reviews
from service.errors import StarFeedbackError
from service.settings import Settings
from service.web.app import create_app
from service.web.headers import ALWAYS
from service.web.serving import Serving

from .fakes import FakeReviewer

MakeApp = Callable[..., Flask]
#: No limit on the rate, which most tests would run into.
SETTINGS = Settings(rate_requests=0, rate_bytes=0)


@pytest.fixture
def make_app() -> MakeApp:
    """Make an application with the fake reviewer and settings that differ from ``SETTINGS`` as told."""

    def make(reviewer: Reviews | StarFeedbackError | Serving | None = None, **settings: Any) -> Flask:
        return create_app(replace(SETTINGS, **settings), FakeReviewer() if reviewer is None else reviewer)

    return make


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    """Talk to an application with the fake reviewer."""
    return make_app().test_client()


def strict_loads(body: bytes) -> Any:
    """Parse JSON as a strict parser does: UTF-8, no NaN or infinity, no doubled names, no half characters."""

    def refuse(literal: str) -> None:
        raise AssertionError(f"{literal} is not JSON")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names))
        return dict(pairs)

    data = json.loads(body.decode("utf-8"), parse_constant=refuse, object_pairs_hook=once)
    json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8")
    return data


def assert_problem(response: TestResponse, status: int, *codes: str) -> dict[str, Any]:
    """Hold that ``response`` is a problem reply of ``status`` whose errors have ``codes``; return it."""
    assert response.status_code == status, response.data
    assert response.content_type == "application/problem+json"
    body = strict_loads(response.data)
    assert list(body) == ["type", "title", "status", "detail", "errors"]
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["errors"]
    for item in body["errors"]:
        assert list(item) == ["pointer", "code", "message"]
        assert item["code"]
        assert item["message"]
    if codes:
        assert tuple(item["code"] for item in body["errors"]) == codes
    assert response.headers["X-Request-Id"]
    for name, value in ALWAYS.items():
        assert response.headers[name] == value
    if status in (429, 503):
        assert int(response.headers["Retry-After"]) >= 1
    return dict(body)
