"""Uploads of made-up answers, and what is to come of them."""

from __future__ import annotations

from service.batch.evaluation import evaluate, status_of
from service.batch.rows import Row
from service.jobs.payload import pack
from service.jobs.store import Job, Lease, Store, Upload, digest
from tests.batch.conftest import answers
from tests.batch.fakes import ObedientReviewer

OWNER, OTHER = "a" * 64, "b" * 64
MADE_BY = "{}"


def rows_of(texts: list[str]) -> list[Row]:
    return [Row(number, {"id": f"r{number}", "answer": text}) for number, text in enumerate(texts, start=1)]


def upload_of(texts: list[str] | int, *, owner: str = OWNER, same: str = "") -> Upload:
    """Return an upload of answers of all fates, or of given ones; ``same`` is a client's key."""
    rows = rows_of(answers(texts) if isinstance(texts, int) else texts)
    packed = [pack(row) for row in rows]
    content = digest(*packed)
    return Upload(owner, digest(same.encode(), b"" if same else content.encode()), content, packed)


def expected(texts: list[str] | int) -> list[bytes]:
    """Return the lines that an undisturbed run gives."""
    rows = rows_of(answers(texts) if isinstance(texts, int) else texts)
    return [evaluate(row, ObedientReviewer()) for row in rows]


def counts_expected(texts: list[str] | int) -> tuple[int, int, int]:
    fates = [status_of(line) for line in expected(texts)]
    return fates.count("scored"), fates.count("abstained"), fates.count("error")


def lines_in(store: Store, job_id: str, *, owner: str = OWNER) -> list[bytes]:
    return [line for _, line in store.outcomes(owner, job_id)]


def counts_of(job: Job) -> tuple[int, int, int]:
    return job.scored, job.abstained, job.errors


def claimed(store: Store, holder: str = "one") -> Lease:
    lease = store.claim(holder)
    assert lease is not None
    return lease


def found(store: Store, job_id: str, *, owner: str = OWNER) -> Job:
    job = store.get(owner, job_id)
    assert job is not None
    return job
