"""The routes: each reads, asks the one path, and writes; nothing is decided here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from flask import Flask, Response, g, render_template, request

from service import __version__, strict_json
from service.corrections import Choice, choices, corrected, keep
from service.errors import InvalidRequest, Problem
from service.feedback.catalogue import Catalogue, load_catalogue
from service.feedback.comparison import check_comparable, compare
from service.feedback.questions import QuestionReader
from service.labels import QuestionType
from service.records import Report
from service.schemas import (
    MAX_CHARACTERS,
    MAX_QUESTION_CHARACTERS,
    MAX_QUESTIONS,
    SCHEMA_VERSION,
    CompareRequest,
    CorrectedSpan,
    CorrectionRequest,
    FeedbackRequest,
    QuestionsRequest,
    compare_reply,
    feedback_reply,
    parse_request,
    questions_reply,
    to_json,
    validated,
)
from service.settings import Settings
from service.web import openapi
from service.web.batch import Batches, Upload, read_upload
from service.web.body import CSV, JSON, MULTIPART, NDJSON, check_media_type, read_body
from service.web.limits import WaitingLine
from service.web.logs import log_event
from service.web.metrics import MEDIA_TYPE as METRICS_MEDIA_TYPE
from service.web.metrics import Metrics
from service.web.rates import RateLimiter
from service.web.serving import Serving

_NAMES = frozenset(FeedbackRequest.model_fields)
_QUESTIONS_NAMES = frozenset(QuestionsRequest.model_fields)
_CORRECTION_NAMES = frozenset(CorrectionRequest.model_fields) | CorrectedSpan.model_fields.keys()
_COMPARE_NAMES = _NAMES | CompareRequest.model_fields.keys()


class Views:
    """The views, with what they share."""

    def __init__(
        self,
        settings: Settings,
        serving: Serving,
        *,
        metrics: Metrics,
        line: WaitingLine,
        limiter: RateLimiter,
    ) -> None:
        self._settings = settings
        self._serving = serving
        self._metrics = metrics
        self._line = line
        self._limiter = limiter
        self._batches = Batches(settings, metrics=metrics, line=line)
        self._openapi = to_json(openapi.document())

    def register(self, app: Flask) -> None:
        """Add every route to ``app``."""
        app.add_url_rule("/v1/feedback", "feedback", self.feedback, methods=["POST"])
        app.add_url_rule("/v1/feedback/batch", "batch", self.batch, methods=["POST"])
        app.add_url_rule("/v1/questions", "questions", self.questions, methods=["POST"])
        app.add_url_rule("/v1/compare", "compare", self.compare, methods=["POST"])
        app.add_url_rule("/v1/corrections", "corrections", self.corrections, methods=["POST"])
        app.add_url_rule("/healthz", "healthz", self.healthz)
        app.add_url_rule("/readyz", "readyz", self.readyz)
        app.add_url_rule("/version", "version", self.version)
        app.add_url_rule("/metrics", "metrics", self.metrics)
        app.add_url_rule("/openapi.json", "openapi", self.openapi)
        # "GET http://host" has no path at all, and is no reason to redirect.
        app.add_url_rule("/", "page", self.page, strict_slashes=False)

    def feedback(self) -> Response:
        """Give feedback on one answer."""
        reviewer = self._serving.reviewer()
        deadline = g.began + self._settings.deadline
        check_media_type(request, JSON)
        with self._metrics.stage("read"):
            asked = self._read_request()
        with self._turn(deadline), self._metrics.stage("review"):
            report = reviewer.review(asked.to_answer(), deadline=deadline)
        with self._metrics.stage("write"):
            body = to_json(feedback_reply(report, asked.offset_encoding))
        self._count(report)
        return _json(body)

    def batch(self) -> Response:
        """Give feedback on many answers, a line for each as soon as it is ready."""
        reviewer = self._serving.reviewer()
        check_media_type(request, NDJSON, CSV, MULTIPART)
        with ExitStack() as stack:
            stack.enter_context(self._batches.place())
            with self._metrics.stage("read"):
                upload = self._read_upload()
                self._batches.check(upload)
            lines = self._batches.lines(upload, reviewer, request_id=g.request_id)
            response = Response(lines, content_type=NDJSON)
            # Also where the client goes before the first line, when nothing of the stream has run.
            response.call_on_close(stack.pop_all().close)
        return response

    def questions(self) -> Response:
        """Give feedback on a candidate's own questions."""
        # What kept a reviewer from being made may well be the rules.
        self._serving.reviewer()
        deadline = g.began + self._settings.deadline
        check_media_type(request, JSON)
        with self._metrics.stage("read"):
            asked = validated(QuestionsRequest, self._read_json(_QUESTIONS_NAMES))
        with self._turn(deadline), self._metrics.stage("questions"):
            report = self._question_reader.read(asked.questions, asked.context)
        return _json(to_json(questions_reply(report, asked.offset_encoding)))

    def compare(self) -> Response:
        """Tell what changed from one attempt at a question to the next."""
        reviewer = self._serving.reviewer()
        deadline = g.began + self._settings.deadline
        check_media_type(request, JSON)
        with self._metrics.stage("read"):
            asked = validated(CompareRequest, self._read_json(_COMPARE_NAMES))
            check_comparable(asked.first.to_answer(), asked.second.to_answer())
        with self._turn(deadline):
            with self._metrics.stage("review"), _inside("first"):
                first = reviewer.review(asked.first.to_answer(), deadline=deadline)
            with self._metrics.stage("review"), _inside("second"):
                second = reviewer.review(asked.second.to_answer(), deadline=deadline)
        self._count(first)
        self._count(second)
        return _json(to_json(compare_reply(compare(first, second))))

    def corrections(self) -> Response:
        """Keep what a coach says the feedback should have been."""
        if not self._settings.corrections_file:
            message = "corrections are switched off: this service keeps no answer"
            raise InvalidRequest(404, message, (Problem("", "corrections_off", message),))
        check_media_type(request, JSON)
        with self._metrics.stage("read"):
            asked = validated(CorrectionRequest, self._read_json(_CORRECTION_NAMES))
        correction = corrected(asked, self._catalogue, at=datetime.now(UTC))
        keep(Path(self._settings.corrections_file), correction.line())
        log_event("correction_kept", id=g.request_id)
        return _json(to_json({"status": "kept", "id": correction.id, "corrected_at": correction.moment}))

    def healthz(self) -> Response:
        """Say that the process is up."""
        return _json(to_json({"status": "ok"}))

    def readyz(self) -> Response:
        """Say whether the model is loaded and checked, or why not."""
        self._serving.reviewer()
        trouble = self._serving.trouble
        return _json(to_json({"status": "ready"} | ({} if trouble is None else {"warning": trouble})))

    def version(self) -> Response:
        """Name what makes the replies; model and rules are null while there are none."""
        versions = self._serving.versions
        return _json(
            to_json(
                {
                    "service": __version__,
                    "model": None if versions is None else versions.model,
                    "rules": None if versions is None else versions.rules,
                    "schema": SCHEMA_VERSION,
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
            max_questions=MAX_QUESTIONS,
            max_question_characters=MAX_QUESTION_CHARACTERS,
            question_types=[kind.value for kind in QuestionType],
            version=__version__,
            needs_key=bool(self._settings.api_key_digests),
            choices=self._choices(),
        )

    @cached_property
    def _catalogue(self) -> Catalogue:
        return load_catalogue(self._settings.rules_file)

    @cached_property
    def _question_reader(self) -> QuestionReader:
        return QuestionReader(self._catalogue)

    def _choices(self) -> tuple[Choice, ...]:
        """Return the findings that a correction on the page may add; without a reviewer there is none to correct."""
        if not self._settings.corrections_file or self._serving.now is None:
            return ()
        return choices(self._catalogue)

    @contextmanager
    def _turn(self, deadline: float) -> Iterator[None]:
        joined = time.monotonic()
        with self._line.turn(deadline=deadline):
            self._metrics.time_stage("wait", time.monotonic() - joined)
            yield

    def _count(self, report: Report) -> None:
        status = "scored" if report.abstention is None else "abstained"
        self._metrics.count_answer(status, report.question_type.label)

    def _read_upload(self) -> Upload:
        upload = read_upload(request, self._settings.max_upload_bytes)
        g.bytes_read = upload.size
        self._limiter.spend(g.key, upload.size)
        return upload

    def _read_request(self) -> FeedbackRequest:
        return parse_request(self._read_json(_NAMES))

    def _read_json(self, names: frozenset[str]) -> object:
        body = read_body(request, self._settings.max_body_bytes)
        g.bytes_read = len(body)
        self._limiter.spend(g.key, len(body))
        return strict_json.parse(body, max_depth=self._settings.max_json_depth, names=names)


@contextmanager
def _inside(name: str) -> Iterator[None]:
    """Make what is wrong with the request ``name`` of a larger one point into the larger one."""
    try:
        yield
    except InvalidRequest as error:
        problems = tuple(replace(problem, pointer=f"/{name}{problem.pointer}") for problem in error.problems)
        raise InvalidRequest(error.status, error.detail, problems) from None


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")
