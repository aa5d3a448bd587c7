"""Many answers in one request: read whole and checked, then answered line by line.

The body is read before the first line goes out: most clients send all before they read any, and two sides that
both only send wait for each other for ever. It is kept in memory, up to its limit and for few at once, because
a temporary file would hold what people wrote.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO

from flask import Request

from service.batch.evaluation import Reviews, Status, error_line, evaluate, status_of
from service.batch.rows import BadRow, Media, Row, read_rows
from service.batch.summary import Summary
from service.errors import DeadlineExceeded, InvalidRequest, Overloaded, Problem
from service.problem_details import problem_of
from service.schemas import to_json
from service.settings import Settings
from service.web.body import CSV, MULTIPART, NDJSON, file_of_form, read_body
from service.web.limits import WaitingLine
from service.web.logs import log_event
from service.web.metrics import Metrics
from service.web.problems import BatchesFull

_ADVICE = "send it in parts, or use the command line"
_MEDIA: dict[str, Media] = {CSV: "csv", NDJSON: "jsonl"}
#: By a file's name, which says more than the type that browsers send: Windows calls CSV a spreadsheet.
_ENDINGS: dict[str, Media] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
#: Seconds after which a row asks again for a place in a line that is full.
_PAUSE = 0.02
_RETRY_AFTER = 30


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of answers, and the bytes that were read to get it."""

    media: Media
    file: BytesIO
    size: int


def read_upload(request: Request, limit: int) -> Upload:
    """Return the file that ``request`` holds, as its body or as the one part of a form.

    Raises ``InvalidRequest``: 413 beyond ``limit`` bytes, 400 and 422 for broken forms, 415 for other files.
    """
    body = read_body(request, limit, advice=_ADVICE)
    if request.mimetype != MULTIPART:
        return Upload(_MEDIA[request.mimetype], BytesIO(body), len(body))
    part = file_of_form(request, body)
    name = (part.filename or "").lower()
    found = [media for ending, media in _ENDINGS.items() if name.endswith(ending)]
    media = found[0] if found else _MEDIA.get(part.mimetype)
    if media is None:
        message = f"the file's name must end in {', '.join(_ENDINGS)}, or its type be {' or '.join(_MEDIA)}"
        raise InvalidRequest(415, message, (Problem("", "unsupported_media_type", message),))
    return Upload(media, BytesIO(part.stream.read()), len(body))


class Places:
    """So many places, in one process, for what is not to be done more often at the same time."""

    def __init__(self, count: int, refusal: str) -> None:
        self._places = threading.BoundedSemaphore(count)
        self._refusal = refusal

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold one for the block; raises ``BatchesFull`` where there is none."""
        if not self._places.acquire(blocking=False):
            raise BatchesFull(self._refusal, retry_after=_RETRY_AFTER)
        try:
            yield
        finally:
            self._places.release()


def checked_rows(upload: Upload, settings: Settings) -> Iterator[Row | BadRow]:
    """Yield the rows of a file from its first on.

    Raises ``InvalidRequest`` where they cannot be told apart, or at the first that is too many.
    """
    upload.file.seek(0)
    for row in read_rows(upload.file, upload.media, settings=settings):
        if row.number > settings.max_batch_rows:
            message = f"there are more than {settings.max_batch_rows} rows; {_ADVICE}"
            raise InvalidRequest(413, message, (Problem("", "too_many_rows", message),))
        yield row


class Batches:
    """The batches of one process. Each takes its turn row by row, so that single answers get through."""

    def __init__(self, settings: Settings, *, metrics: Metrics, line: WaitingLine) -> None:
        self._settings = settings
        self._metrics = metrics
        self._line = line
        refusal = "as many batches as may be are being answered; try again later"
        self._places = Places(settings.max_batches, refusal)

    def place(self) -> AbstractContextManager[None]:
        """Hold one of the places for batches; raises ``BatchesFull`` where there is none."""
        return self._places.hold()

    def check(self, upload: Upload) -> None:
        """Read all rows once; raise ``InvalidRequest`` where they cannot be told apart, or are too many."""
        for _ in checked_rows(upload, self._settings):
            pass

    def lines(self, upload: Upload, reviewer: Reviews, *, request_id: str) -> Iterator[bytes]:
        """Yield a line for each row of what was checked, and the summary."""
        began = time.monotonic()
        counts: Counter[Status] = Counter()
        for row in checked_rows(upload, self._settings):
            line = self._line_for(row, reviewer)
            counts[status_of(line)] += 1
            yield line + b"\n"
        summary = Summary.of(counts, time.monotonic() - began)
        log_event(
            "batch",
            id=request_id,
            rows=summary.rows,
            scored=summary.scored,
            abstained=summary.abstained,
            errors=summary.errors,
            seconds=summary.seconds,
        )
        yield to_json(summary.as_data()) + b"\n"

    def _line_for(self, row: Row | BadRow, reviewer: Reviews) -> bytes:
        if isinstance(row, BadRow):
            return evaluate(row, reviewer)
        try:
            with self._turn():
                deadline = time.monotonic() + self._settings.deadline
                with self._metrics.stage("review"):
                    line = evaluate(row, reviewer, deadline=deadline)
        except (Overloaded, DeadlineExceeded) as error:
            return error_line(row, problem_of(error))
        self._count(line)
        return line

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the turn of the one line; where the line is full, ask again until the deadline."""
        joined = time.monotonic()
        deadline = joined + self._settings.deadline
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(self._line.turn(deadline=deadline))
                    break
                except Overloaded:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_PAUSE)
            self._metrics.time_stage("wait", time.monotonic() - joined)
            yield

    def _count(self, line: bytes) -> None:
        reply = json.loads(line)
        if "error" not in reply:
            self._metrics.count_answer(reply["status"], reply["question_type"]["label"])
