"""What ``/metrics`` tells: counts and times, labelled by names from the code only; no text, no client.

With several worker processes prometheus_client keeps each one's numbers in files, named by a process
identifier, that are added up when read. Here the identifier is the worker's slot (0, 1, …), which its
successor takes over together with its files, so that workers may come and go without end and counters stay
exact. ``PROMETHEUS_MULTIPROC_DIR`` must be set before prometheus_client is first imported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def use_slot(slot: int) -> None:
    """Keep this process's numbers under ``slot``; to be called before any ``Metrics`` is made."""
    values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
        process_identifier=lambda: slot
    )


class Metrics:
    """The numbers of one process, and the sum over all."""

    def __init__(self) -> None:
        self._directory = os.environ.get(DIRECTORY_VARIABLE)
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "star_feedback_requests", "Requests answered.", ["route", "status"], registry=self._registry
        )
        self._answers = Counter(
            "star_feedback_answers", "Answers reviewed.", ["status", "question_type"], registry=self._registry
        )
        self._request_seconds = Histogram(
            "star_feedback_request_seconds",
            "From a request's headers to its reply.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stage_seconds = Histogram(
            "star_feedback_stage_seconds",
            "Time that one answer spent in each stage.",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._waiting = Gauge(
            "star_feedback_waiting",
            "Requests that wait for their turn.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._waiting.set(0)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a reply to ``route``, a template and never a path, that took ``seconds``."""
        self._requests.labels(route, f"{status // 100}xx").inc()
        self._request_seconds.labels(route).observe(seconds)

    def count_answer(self, status: str, question_type: str) -> None:
        """Count a review by its status and question type."""
        self._answers.labels(status, question_type).inc()

    def time_stage(self, name: str, seconds: float) -> None:
        """Note that an answer spent ``seconds`` in stage ``name``."""
        self._stage_seconds.labels(name).observe(seconds)

    def set_waiting(self, waiting: int) -> None:
        """Tell how many requests wait in this process."""
        self._waiting.set(waiting)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as stage ``name``, also where it raises."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.time_stage(name, time.perf_counter() - began)

    def exposition(self) -> bytes:
        """Return the numbers of all processes in Prometheus's text format."""
        if self._directory is None:
            return generate_latest(self._registry)
        everywhere = CollectorRegistry()
        MultiProcessCollector(everywhere, self._directory)  # type: ignore[no-untyped-call]
        return generate_latest(everywhere)
