"""The Flask application: collaborators in, application out."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType

from flask import Flask, Response, g, request

from service.batch.evaluation import Reviews
from service.errors import StarFeedbackError
from service.settings import Settings
from service.web import problems
from service.web.access import ApiKeys
from service.web.headers import ALWAYS, request_id
from service.web.jobs import JobViews
from service.web.limits import WaitingLine
from service.web.logs import log_event, log_failure
from service.web.metrics import Metrics
from service.web.rates import RateLimiter
from service.web.routes import Views
from service.web.serving import Serving

#: What a key is not asked for: health, and the page with its files, which hold nothing and send the key themselves.
_PUBLIC = frozenset({"healthz", "readyz", "page", "static"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class _Application(Flask):
    def log_exception(
        self,
        exc_info: tuple[type, BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> None:
        """Log what goes wrong outside a view without its message, which Flask would log."""
        log_failure(exc_info[1] or sys.exc_info()[1] or Exception())


def create_app(
    settings: Settings,
    reviewer: Reviews | StarFeedbackError | Serving,
    *,
    rates: Path | None = None,
) -> Flask:
    """Return the application.

    ``reviewer`` may be the error that kept it from being made: then the application runs without one,
    ``/readyz`` says why and ``/v1/feedback`` answers 503; or what serves now and may be replaced. ``rates`` is the file in which processes share the
    rate limit; ``None``: this process counts for itself. Raises ``SettingsRefused`` for malformed digests.
    """
    app = _Application("service.web")
    # Two slashes are another path, not a reason to redirect.
    app.url_map.merge_slashes = False
    serving = reviewer if isinstance(reviewer, Serving) else Serving(reviewer)
    metrics = Metrics()
    keys = ApiKeys(settings.api_key_digests)
    limiter = RateLimiter(rates, requests=settings.rate_requests, size=settings.rate_bytes)
    views = Views(
        settings,
        serving,
        metrics=metrics,
        line=WaitingLine(settings.waiting_line, watch=metrics.set_waiting),
        limiter=limiter,
    )

    @app.before_request
    def begin() -> None:
        g.began = time.monotonic()
        g.request_id = request_id(request.headers.get("X-Request-Id"))
        g.bytes_read = 0
        if request.endpoint not in _PUBLIC:
            g.key = keys.identify(request.headers.get("Authorization"), request.remote_addr)

    @app.after_request
    def finish(response: Response) -> Response:
        _add_headers(response)
        seconds = time.monotonic() - g.began
        route = request.url_rule.rule if request.url_rule is not None else "none"
        metrics.count_request(route, response.status_code, seconds)
        log_event(
            "request",
            id=g.request_id,
            method=request.method if request.method in _METHODS else "other",
            route=route,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            bytes_in=g.bytes_read,
            # Of a stream it is not known yet, and asking would read it to the end.
            bytes_out=response.calculate_content_length() if response.is_sequence else None,
        )
        return response

    views.register(app)
    JobViews(settings, serving, limiter=limiter).register(app)
    problems.register(app)
    return app


def _add_headers(response: Response) -> None:
    # Static files say themselves how they may be kept; they hold nothing that anybody wrote.
    is_file = request.endpoint == "static" and response.status_code < 400
    for name, value in ALWAYS.items():
        if name != "Cache-Control" or not is_file:
            response.headers[name] = value
    response.headers["X-Request-Id"] = g.request_id
