"""Jobs over HTTP, and the pages on which a person sends a file and fetches what came of it.

The pages need no script: forms that are sent, and a page of each job that may be looked at again. A job is told of
to the key that sent it only; to any other there is none.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from flask import Flask, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from service import __version__
from service.errors import InvalidRequest, Overloaded, Problem
from service.jobs.database import StoreFailed
from service.jobs.payload import pack
from service.jobs.replies import erased_reply, job_reply
from service.jobs.results import FORMATS, lines_of, open_reports, open_table
from service.jobs.runner import made_by
from service.jobs.store import Job, JobGone, Receipt, Store, Upload, digest, open_store
from service.schemas import to_json
from service.settings import Settings
from service.web.batch import Places, checked_rows, read_upload
from service.web.body import CSV, MULTIPART, NDJSON, check_media_type
from service.web.logs import log_event
from service.web.problems import JobsOff, NotInThisState
from service.web.rates import RateLimiter
from service.web.serving import Serving

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP = "application/zip"
_TYPES = {"jsonl": NDJSON, "csv": f"{CSV}; charset=utf-8", "xlsx": XLSX}
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
_PIECE = 64 * 1024


class JobViews:
    """The views of jobs. The store is opened when it is first needed, in the process that needs it."""

    def __init__(self, settings: Settings, serving: Serving, *, limiter: RateLimiter) -> None:
        self._settings = settings
        self._serving = serving
        self._limiter = limiter
        self._uploads = Places(
            settings.max_batches, "as many files as may be are being read; try again later"
        )
        # It takes a processor for seconds, which single answers need too.
        self._making = Places(1, "another table or report is being made; try again in a moment")
        self._opening = threading.Lock()
        self._opened: Store | None = None

    def register(self, app: Flask) -> None:
        """Add every route to ``app``, and to its templates whether there are jobs."""
        app.jinja_env.globals["keeps_jobs"] = self._settings.keeps_jobs
        routes: tuple[tuple[str, str, Callable[..., AnyResponse], str], ...] = (
            ("/v1/jobs", "send_job", self.send, "POST"),
            ("/v1/jobs/<job_id>", "job", self.state, "GET"),
            ("/v1/jobs/<job_id>", "erase_job", self.erase, "DELETE"),
            ("/v1/jobs/<job_id>/results", "job_results", self.results, "GET"),
            ("/v1/jobs/<job_id>/reports.zip", "job_reports", self.reports, "GET"),
            ("/files", "files_page", self.files_page, "GET"),
            ("/files", "send_file", self.send_file, "POST"),
            ("/files/<job_id>", "file_page", self.file_page, "GET"),
            ("/files/<job_id>/erase", "erase_file", self.erase_file, "POST"),
        )
        for rule, name, view, method in routes:
            app.add_url_rule(rule, name, view, methods=[method])

    # --- For programs --------------------------------------------------------------------------------

    def send(self) -> Response:
        """Take a file in as a job."""
        reply = job_reply(self._take_in(NDJSON, CSV, MULTIPART), now=time.time())
        return Response(
            to_json(reply), 202, content_type="application/json", headers={"Location": str(reply["url"])}
        )

    def state(self, job_id: str) -> Response:
        """Tell how far a job is."""
        return _json(job_reply(self._get(job_id), now=time.time()))

    def erase(self, job_id: str) -> Response:
        """Erase a job now, whatever its state."""
        return _json(erased_reply(self._erase(job_id)))

    def results(self, job_id: str) -> Response:
        """Hand out what became of the rows."""
        kind = request.args.get("format", "jsonl")
        if kind not in FORMATS:
            message = f"the format must be {', '.join(FORMATS)}"
            raise InvalidRequest(400, message, (Problem("", "unknown_format", message),))
        store = self._done(job_id)
        if kind == "jsonl":
            return _attached(lines_of(store, _owner(), job_id), _TYPES[kind], "results.jsonl")
        with self._making.hold():
            file = open_table(store, _owner(), job_id, "csv" if kind == "csv" else "xlsx")
        return _file(file, _TYPES[kind], f"results.{kind}")

    def reports(self, job_id: str) -> Response:
        """Hand out the reports, made now."""
        store = self._done(job_id)
        with self._making.hold():
            file = open_reports(store, _owner(), job_id)
        return _file(file, ZIP, "reports.zip")

    # --- For people ----------------------------------------------------------------------------------

    def files_page(self) -> Response:
        """Show the form for a file."""
        self._check_on()
        return self._form(erased=request.args.get("erased"))

    def send_file(self) -> AnyResponse:
        """Take in the file of the form, and lead to its page."""
        self._check_on()
        try:
            job = self._take_in(MULTIPART)
        except InvalidRequest as error:
            messages = [problem.message for problem in error.problems] or [error.detail]
            return self._form(error.status, messages)
        except Overloaded as error:
            return self._form(429, [error.detail], retry_after=error.retry_after)
        except StoreFailed:
            return self._form(503, ["files cannot be kept just now; try again later"], retry_after=30)
        return redirect(url_for("file_page", job_id=job.id), 303)

    def file_page(self, job_id: str) -> Response:
        """Show how far a job is, and what came of it."""
        try:
            job = self._get(job_id)
        except JobGone:
            return self._form(404, ["this file is not here: it was deleted, or its time is over"])
        page = render_template(
            "file.html", job=job, told=job_reply(job, now=time.time()), formats=FORMATS, version=__version__
        )
        return Response(page)

    def erase_file(self, job_id: str) -> AnyResponse:
        """Erase a job from its page."""
        _refuse_other_sites()
        try:
            receipt = self._erase(job_id)
        except JobGone:
            return self._form(404, ["this file is not here: it was deleted, or its time is over"])
        return redirect(url_for("files_page", erased="now" if receipt.off_disk else "soon"), 303)

    def _form(
        self,
        status: int = 200,
        messages: list[str] | None = None,
        *,
        erased: str | None = None,
        retry_after: int | None = None,
    ) -> Response:
        page = render_template(
            "files.html",
            messages=messages or [],
            erased=erased,
            most_rows=self._settings.max_batch_rows,
            most_bytes=self._settings.max_upload_bytes,
            retention=_in_words(self._settings.jobs_retention),
            version=__version__,
        )
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return Response(page, status, headers=headers)

    # --- Both ----------------------------------------------------------------------------------------

    def _take_in(self, *types: str) -> Job:
        self._check_on()
        _refuse_other_sites()
        check_media_type(request, *types)
        key = request.headers.get("Idempotency-Key")
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            message = "the Idempotency-Key must be 1 to 255 visible characters of ASCII"
            raise InvalidRequest(400, message, (Problem("", "bad_idempotency_key", message),))
        with self._uploads.hold():
            upload = read_upload(request, self._settings.max_upload_bytes)
            g.bytes_read = upload.size
            # Its bytes are not counted: who sends a long file would be shut out for a minute. Jobs have limits
            # of their own.
            self._limiter.spend(g.key, 0)
            content = digest(upload.media.encode(), upload.file.getvalue())
            rows = [pack(row) for row in checked_rows(upload, self._settings)]
            return self._create(Upload(_owner(), self._sameness(key, content), content, rows))

    def _create(self, upload: Upload) -> Job:
        job = self._store().create(upload)
        log_event("job_taken", id=g.request_id, rows=job.rows)
        return job

    def _sameness(self, key: str | None, content: str) -> str:
        """Return what is equal for uploads that are to be one job: the client's key, or the very same file.

        The same file is another job where it would be judged otherwise.
        """
        if key is not None:
            return digest(b"key", key.encode())
        versions = self._serving.versions
        judge = "" if versions is None else made_by(versions, self._settings)
        return digest(b"content", content.encode(), judge.encode())

    def _check_on(self) -> None:
        if not self._settings.jobs_dir:
            raise JobsOff(
                404, "jobs_off", "jobs are switched off; POST /v1/feedback/batch takes many answers"
            )
        if not self._settings.keeps_jobs:
            raise JobsOff(
                409,
                "nothing_kept",
                "this service keeps nothing, so that it has no jobs; POST /v1/feedback/batch takes many answers",
            )

    def _store(self) -> Store:
        self._check_on()
        with self._opening:
            if self._opened is None:
                self._opened = open_store(self._settings)
            return self._opened

    def _get(self, job_id: str) -> Job:
        job = self._store().get(_owner(), job_id)
        if job is None:
            raise JobGone
        return job

    def _done(self, job_id: str) -> Store:
        job = self._get(job_id)
        if job.state != "done":
            raise NotInThisState("not_done", f"the job is {job.state}; there are results once it is done")
        return self._store()

    def _erase(self, job_id: str) -> Receipt:
        receipt = self._store().erase(_owner(), job_id)
        if receipt is None:
            raise JobGone
        log_event("job_erased", id=g.request_id, rows=receipt.rows, off_disk=receipt.off_disk)
        return receipt


def _owner() -> str:
    key: bytes = g.key
    return key.hex()


def _refuse_other_sites() -> None:
    """Refuse what a page of another site made a browser send; a form needs no leave of ours for that."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        message = "a page of another site may not send this"
        raise InvalidRequest(403, message, (Problem("", "other_site", message),))


def _json(reply: dict[str, object]) -> Response:
    return Response(to_json(reply), content_type="application/json")


def _attached(pieces: Iterator[bytes], media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(pieces, content_type=media_type, headers=headers)


def _file(file: BinaryIO, media_type: str, name: str) -> Response:
    response = _attached(iter(lambda: file.read(_PIECE), b""), media_type, name)
    response.content_length = file.seek(0, 2)
    file.seek(0)
    response.call_on_close(file.close)
    return response


def _in_words(seconds: float) -> str:
    """Return a time in the largest unit of which it has several, exactly."""
    for name, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds > length and not seconds % length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:g} seconds"
