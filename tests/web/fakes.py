"""A reviewer without a model, and answers for it."""

from __future__ import annotations

import threading
import time

from service.errors import DeadlineExceeded
from service.labels import COMPONENTS, Label, Severity
from service.records import (
    Answer,
    Component,
    Finding,
    Guess,
    InputWarning,
    LabelledSpan,
    Report,
    Score,
    ScorePart,
    Stats,
    Versions,
)

VERSIONS = Versions(service="0.1.0", model="fake+1", rules="1", schema="1")
ANSWER = "I led 😀 a team of four. We shipped it two weeks early."


class FakeReviewer:
    """Calls an answer one ACTION that lacks a result.

    ``seconds`` is how long it takes, looking at the deadline every ``stage`` seconds as a reviewer does between
    stages, and at the end;
    ``failure`` is raised instead. ``most_at_once`` is how many reviews ever ran at the same time.
    """

    versions = VERSIONS

    def __init__(
        self, *, seconds: float = 0.0, stage: float = 0.01, failure: Exception | None = None
    ) -> None:
        self.seconds = seconds
        self.stage = stage
        self.failure = failure
        self.reviewed = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def review(self, answer: Answer, *, deadline: float | None = None) -> Report:
        with self._lock:
            self._at_once += 1
            self.reviewed += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self._work(deadline)
            if self.failure is not None:
                raise self.failure
            return report_on(answer)
        finally:
            with self._lock:
                self._at_once -= 1

    def _work(self, deadline: float | None) -> None:
        done = time.monotonic() + self.seconds
        while (now := time.monotonic()) < done:
            if deadline is not None and now > deadline:
                raise DeadlineExceeded
            time.sleep(min(self.stage, done - now))
        if deadline is not None and time.monotonic() > deadline:
            raise DeadlineExceeded


def report_on(answer: Answer) -> Report:
    """Return a complete hand-made report on ``answer``."""
    end = len(answer.text)
    given = answer.question_type
    return Report(
        answer=answer,
        question_type=Guess(
            "behavioural" if given is None else given.value, 0.9321, "detected" if given is None else "given"
        ),
        answer_kind=Guess("story", 0.8),
        spans=(LabelledSpan(0, end, Label.ACTION, 0.91),),
        components={
            label: Component(
                label is Label.ACTION, 0.9, 0, 0.0, (0.1, 0.25), 3 if label is Label.ACTION else 0
            )
            for label in COMPONENTS
        },
        score=Score(44, 50, (ScorePart("result.missing", -6),)),
        findings=(
            Finding(
                "result.missing",
                Severity.PROBLEM,
                Label.RESULT,
                "No result.",
                "Why.",
                "Say it.",
                0.9,
                insert_at=end,
            ),
            Finding(
                "action.too_thin",
                Severity.ADVICE,
                Label.ACTION,
                "Thin.",
                "Why.",
                "Say more.",
                0.8,
                start=0,
                end=end,
            ),
        ),
        focus=("result.missing",),
        stats=Stats(len(answer.text.split()), 1, 5),
        input_warnings=(InputWarning("unbroken_run", "A run was split."),),
        abstention=None,
        versions=VERSIONS,
    )
