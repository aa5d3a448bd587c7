"""Reviewers without a model, which do what a word in the answer tells them, and an engine of this process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from service.batch.evaluation import Reviews, evaluate
from service.batch.rows import BadRow, Row
from service.errors import DeadlineExceeded, InvalidRequest, ModelRefused, Problem
from service.records import Abstention, Answer, Report, Versions
from service.settings import Settings
from tests.web.fakes import VERSIONS, report_on

#: A file; the first process that sees it removes it and dies.
CRASH_ONCE = "FAKE_CRASH_ONCE"
SECONDS = "FAKE_SECONDS"
#: A file that names the model.
MODEL_FILE = "FAKE_MODEL_FILE"


class ObedientReviewer:
    """Reports as the fake of the web tests, unless the answer holds a word in capitals."""

    def __init__(self, versions: Versions = VERSIONS) -> None:
        self.versions = versions

    def review(self, answer: Answer, *, deadline: float | None = None) -> Report:  # noqa: ARG002
        time.sleep(float(os.environ.get(SECONDS, "0")))
        text = answer.text
        if "CRASH" in text:
            os._exit(9)
        if "DROP" in text:
            once = Path(os.environ[CRASH_ONCE])
            if once.exists():
                once.unlink()
                os._exit(9)
        if "FAULT" in text:
            raise ValueError(f"cannot read {text}")
        if "TOKENS" in text:
            raise InvalidRequest(413, "too many", (Problem("/answer", "too_many_tokens", "too many"),))
        if "LATE" in text:
            raise DeadlineExceeded
        report = replace(report_on(answer), versions=self.versions)
        if "NOTHING" in text:
            empty = Abstention("too_short", "There is nothing to judge.")
            return replace(
                report, abstention=empty, score=None, findings=(), focus=(), spans=(), components={}
            )
        return report


def load_obedient(_settings: Settings | None = None) -> Reviews:
    return ObedientReviewer()


def load_refused(_settings: Settings | None = None) -> Reviews:
    raise ModelRefused("the model is damaged")


def load_named() -> Reviews:
    return ObedientReviewer(replace(VERSIONS, model=Path(os.environ[MODEL_FILE]).read_text()))


def load_dying() -> Reviews:
    os._exit(3)


def load_telling() -> Reviews:
    """Say in the versions what the process was like before anything was loaded."""
    threads = "/".join(os.environ[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL"))
    return ObedientReviewer(replace(VERSIONS, model=f"{threads} numpy {'numpy' in sys.modules}"))


class HereEngine:
    """Judges in this process; is interrupted at row ``stops_at``, and loses row ``loses``."""

    def __init__(self, *, versions: Versions = VERSIONS, stops_at: int = 0, loses: int = 0) -> None:
        self.versions = versions
        self.judged: list[int] = []
        self._stops_at = stops_at
        self._loses = loses

    def __enter__(self) -> HereEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def evaluate(self, rows: Iterable[Row | BadRow]) -> Iterator[bytes]:
        reviewer = ObedientReviewer(self.versions)
        for row in rows:
            if row.number == self._stops_at:
                raise KeyboardInterrupt
            self.judged.append(row.number)
            if row.number != self._loses:
                yield evaluate(row, reviewer)
