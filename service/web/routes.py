"""The routes: each reads, asks the one path, and writes; nothing is decided here."""

from __future__ import annotations

import time
from typing import Protocol

from flask import Flask, Response, g, render_template, request

from service import __version__
from service.errors import StarFeedbackError
from service.labels import QuestionType
from service.records import Answer, Report, Versions
from service.schemas import (
    MAX_CHARACTERS,
    SCHEMA_VERSION,
    FeedbackRequest,
    feedback_reply,
    parse_request,
    to_json,
)
from service.settings import Settings
from service.web import openapi, strict_json
from service.web.body import check_media_type, read_body
from service.web.limits import WaitingLine
from service.web.metrics import MEDIA_TYPE as METRICS_MEDIA_TYPE
from service.web.metrics import Metrics
from service.web.problems import NotReady
from service.web.rates import RateLimiter

_NAMES = frozenset(FeedbackRequest.model_fields)


class Reviews(Protocol):
    """What a reviewer is to the web: ``service.reviewer.Reviewer``, or a fake in tests."""

    @property
    def versions(self) -> Versions:
        """What makes the reports."""

    def review(self, answer: Answer, *, deadline: float | None = None) -> Report:
        """Return the feedback on ``answer``; ``deadline`` is a ``time.monotonic`` moment."""


class Views:
    """The views, with what they share."""

    def __init__(
        self,
        settings: Settings,
        reviewer: Reviews | StarFeedbackError,
        *,
        metrics: Metrics,
        line: WaitingLine,
        limiter: RateLimiter,
    ) -> None:
        self._settings = settings
        self._reviewer = reviewer
        self._metrics = metrics
        self._line = line
        self._limiter = limiter
        self._openapi = to_json(openapi.document())

    def register(self, app: Flask) -> None:
        """Add every route to ``app``."""
        app.add_url_rule("/v1/feedback", "feedback", self.feedback, methods=["POST"])
        app.add_url_rule("/healthz", "healthz", self.healthz)
        app.add_url_rule("/readyz", "readyz", self.readyz)
        app.add_url_rule("/version", "version", self.version)
        app.add_url_rule("/metrics", "metrics", self.metrics)
        app.add_url_rule("/openapi.json", "openapi", self.openapi)
        # "GET http://host" has no path at all, and is no reason to redirect.
        app.add_url_rule("/", "page", self.page, strict_slashes=False)

    def feedback(self) -> Response:
        """Give feedback on one answer."""
        reviewer = self._ready_reviewer()
        deadline = g.began + self._settings.deadline
        check_media_type(request)
        with self._metrics.stage("read"):
            asked = self._read_request()
        joined = time.monotonic()
        with self._line.turn(deadline=deadline):
            self._metrics.time_stage("wait", time.monotonic() - joined)
            with self._metrics.stage("review"):
                report = reviewer.review(asked.to_answer(), deadline=deadline)
        with self._metrics.stage("write"):
            body = to_json(feedback_reply(report, asked.offset_encoding))
        status = "scored" if report.abstention is None else "abstained"
        self._metrics.count_answer(status, report.question_type.label)
        return _json(body)

    def healthz(self) -> Response:
        """Say that the process is up."""
        return _json(to_json({"status": "ok"}))

    def readyz(self) -> Response:
        """Say whether the model is loaded and checked, or why not."""
        self._ready_reviewer()
        return _json(to_json({"status": "ready"}))

    def version(self) -> Response:
        """Name what makes the replies; model and rules are null while there are none."""
        if isinstance(self._reviewer, StarFeedbackError):
            return _json(
                to_json({"service": __version__, "model": None, "rules": None, "schema": SCHEMA_VERSION})
            )
        versions = self._reviewer.versions
        return _json(
            to_json(
                {
                    "service": versions.service,
                    "model": versions.model,
                    "rules": versions.rules,
                    "schema": versions.schema,
                }
            )
        )

    def metrics(self) -> Response:
        """Tell Prometheus the numbers of all processes."""
        return Response(self._metrics.exposition(), content_type=METRICS_MEDIA_TYPE)

    def openapi(self) -> Response:
        """Publish the OpenAPI document."""
        return _json(self._openapi)

    def page(self) -> str:
        """Show the page for people."""
        return render_template(
            "page.html",
            max_characters=MAX_CHARACTERS,
            question_types=[kind.value for kind in QuestionType],
            version=__version__,
        )

    def _ready_reviewer(self) -> Reviews:
        if isinstance(self._reviewer, StarFeedbackError):
            raise NotReady(str(self._reviewer))
        return self._reviewer

    def _read_request(self) -> FeedbackRequest:
        body = read_body(request, self._settings.max_body_bytes)
        g.bytes_read = len(body)
        self._limiter.spend(g.key, len(body))
        data = strict_json.parse(body, max_depth=self._settings.max_json_depth, names=_NAMES)
        return parse_request(data)


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")
