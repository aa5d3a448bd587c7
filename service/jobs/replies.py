"""What is told of a job over HTTP: states, counts and addresses, never a word of a row."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from service.jobs.store import Job, Receipt, State


class JobReply(BaseModel):
    """A job. Of one that is done, ``rows`` is ``scored`` + ``abstained`` + ``errors``."""

    model_config = ConfigDict(extra="forbid")

    id: str
    state: State
    rows: int
    scored: int
    abstained: int
    errors: int
    seconds: float = Field(description="Since judging began, or how long it took.")
    created: str = Field(description="In UTC, as ISO 8601 has it.")
    expires: str = Field(description="When it is erased by itself.")
    url: str
    results: str | None = Field(description="Where the results are, once it is done.")
    reports: str | None = Field(description="Where the reports are, once it is done.")


class ErasedReply(BaseModel):
    """The receipt of a deletion."""

    model_config = ConfigDict(extra="forbid")

    id: str
    rows: int
    off_disk: bool = Field(
        description="Whether no byte of it is in the files any more; if false, an hourly sweep does the rest in "
        "SQLite, the database's own vacuum in PostgreSQL."
    )


def job_reply(job: Job, *, now: float) -> dict[str, object]:
    """Return what is told of ``job`` as plain data; ``now`` is in seconds since 1970."""
    url = f"/v1/jobs/{job.id}"
    is_done = job.state == "done"
    until = now if job.finished is None else job.finished
    return JobReply(
        id=job.id,
        state=job.state,
        rows=job.rows,
        scored=job.scored,
        abstained=job.abstained,
        errors=job.errors,
        seconds=0.0 if job.started is None else round(max(0.0, until - job.started), 3),
        created=_moment(job.created),
        expires=_moment(job.expires),
        url=url,
        results=f"{url}/results" if is_done else None,
        reports=f"{url}/reports.zip" if is_done else None,
    ).model_dump()


def erased_reply(receipt: Receipt) -> dict[str, object]:
    """Return a receipt as plain data."""
    return ErasedReply(id=receipt.id, rows=receipt.rows, off_disk=receipt.off_disk).model_dump()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
