"""Jobs as whole steps: taken in, claimed, begun, recorded row by row, finished, read, erased.

Who works on a job holds it for the length of the lease and says so again and again; one that a killed process
held is free when that time is over. Every step of the holder is one transaction which looks whether the job is
still held, so that nothing is lost, doubled, or written to a job that was erased.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from service.batch.evaluation import Status
from service.batch.rows import BadRow, Row
from service.errors import InvalidRequest, Overloaded, Problem, StarFeedbackError
from service.jobs.database import FILE_NAME, JOBS, OUTCOMES, ROWS, Database, open_database
from service.jobs.payload import unpack
from service.settings import Settings

State = Literal["queued", "running", "done", "failed"]

#: Rows that one transaction reads.
PAGE = 200
#: Faults of the service after which a job has failed.
MOST_FAULTS = 3
_UNFINISHED = ("queued", "running")
_RETRY_AFTER = 30


class QueueFull(Overloaded):
    """As many jobs as may be are not finished yet."""


class LeaseLost(StarFeedbackError):
    """The job is held by another process by now, or erased."""


class JobGone(StarFeedbackError):
    """The job was erased while it was read."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What makes a job: the packed rows, and the digests by which a second one is known.

    ``same`` is equal for what is to be one job; ``content`` tells whether it really has the same rows.
    """

    owner: str
    same: str
    content: str
    rows: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Job:
    """What may be told of a job. Moments are seconds since 1970; ``made_by`` is JSON, once it was begun."""

    id: str
    state: State
    rows: int
    scored: int
    abstained: int
    errors: int
    created: float
    started: float | None
    finished: float | None
    expires: float
    made_by: str | None

    @property
    def judged(self) -> int:
        """How many rows have an outcome; of a job that is done, all."""
        return self.scored + self.abstained + self.errors


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of ``holder`` to work on the job number ``seq``."""

    seq: int
    holder: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased; ``off_disk`` says whether no byte of it is in the files any more."""

    id: str
    rows: int
    off_disk: bool


class Store:
    """The jobs in a database. ``retention`` and ``lease`` are in seconds, ``clock`` tells those since 1970."""

    def __init__(
        self,
        database: Database,
        *,
        retention: float,
        lease: float,
        most_per_owner: int,
        most: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._retention = retention
        self._lease = lease
        self._most_per_owner = most_per_owner
        self._most = most
        self._clock = clock

    @property
    def lease(self) -> float:
        """Seconds for which a job is held without a word of its holder."""
        return self._lease

    @property
    def folder(self) -> Path:
        """A folder that only the owner may read."""
        return self._database.folder

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # --- Those who send ------------------------------------------------------------------------------

    def create(self, upload: Upload) -> Job:
        """Take a job in, or return the one that came of an equal upload.

        Raises ``InvalidRequest`` (422) where ``same`` was used for other rows, ``QueueFull``, ``StoreFailed``.
        """
        with self._database.writing(alone=True) as connection:
            found = _first(connection, JOBS.c.owner == upload.owner, JOBS.c.upload == upload.same)
            if found is not None and self._is_over(found):
                _erase(connection, [found["seq"]])
                found = None
            if found is None:
                self._check_room(connection, upload.owner)
                found = self._insert(connection, upload)
            elif found["content"] != upload.content:
                message = "this Idempotency-Key was used for another file"
                raise InvalidRequest(422, message, (Problem("", "idempotency_key_reused", message),))
            return _job(found)

    def get(self, owner: str, job_id: str) -> Job | None:
        """Return a job of ``owner``; ``None`` where there is none, or it is another's, or its time is over."""
        with self._database.reading() as connection:
            found = self._found(connection, owner, job_id)
            return None if found is None else _job(found)

    def outcomes(self, owner: str, job_id: str) -> Iterator[tuple[Row | BadRow, bytes]]:
        """Yield the rows of a job that have an outcome, with it, in order.

        No transaction is open while the caller works. Raises ``JobGone`` where the job goes meanwhile.
        """
        last = 0
        while True:
            with self._database.reading() as connection:
                found = self._found(connection, owner, job_id)
                if found is None:
                    raise JobGone
                wanted = (
                    select(ROWS.c.number, ROWS.c.payload, OUTCOMES.c.line)
                    .join(OUTCOMES, _same_row())
                    .where(ROWS.c.job == found["seq"], ROWS.c.number > last)
                    .order_by(ROWS.c.number)
                    .limit(PAGE)
                )
                page = connection.execute(wanted).all()
            for number, payload, line in page:
                yield unpack(number, payload), line
                last = number
            if len(page) < PAGE:
                return

    def erase(self, owner: str, job_id: str) -> Receipt | None:
        """Erase a job now, whatever its state; ``None`` where ``owner`` has none of this id."""
        with self._database.writing() as connection:
            found = self._found(connection, owner, job_id)
            if found is None:
                return None
            _erase(connection, [found["seq"]])
        return Receipt(job_id, found["rows"], self._database.erase_traces())

    # --- Those who work ------------------------------------------------------------------------------

    def claim(self, holder: str) -> Lease | None:
        """Hold the oldest job that is free; ``None`` where there is none."""
        now = self._clock()
        free = or_(JOBS.c.state == "queued", and_(JOBS.c.state == "running", JOBS.c.held_until <= now))
        with self._database.writing() as connection:
            wanted = select(JOBS.c.seq).where(free, JOBS.c.expires > now).order_by(JOBS.c.seq).limit(1)
            seq = connection.scalar(wanted.with_for_update(skip_locked=True))
            if seq is None:
                return None
            held = {"state": "running", "holder": holder, "held_until": now + self._lease}
            connection.execute(update(JOBS).where(JOBS.c.seq == seq).values(held))
        return Lease(seq, holder)

    def renew(self, lease: Lease) -> None:
        """Go on holding. Raises ``LeaseLost``."""
        with self._held(lease) as (connection, _):
            self._update(connection, lease, held_until=self._clock() + self._lease)

    def begin(self, lease: Lease, made_by: str) -> int:
        """Note that judging begins; return how many times it has since the last outcome, this one counted.

        Outcomes that something else than ``made_by`` made are thrown away.
        """
        with self._held(lease) as (connection, found):
            attempts = found["attempts"] + 1
            values = {"made_by": made_by, "started": found["started"] or self._clock()}
            if found["made_by"] not in (None, made_by):
                connection.execute(delete(OUTCOMES).where(OUTCOMES.c.job == lease.seq))
                attempts = 1
                values |= {"scored": 0, "abstained": 0, "errors": 0, "started": self._clock()}
            self._update(connection, lease, attempts=attempts, **values)
            return int(attempts)

    def pending(self, lease: Lease) -> Iterator[Row | BadRow]:
        """Yield the rows without an outcome, in order; what gets one meanwhile may or may not come."""
        last = 0
        while True:
            with self._database.reading() as connection:
                wanted = (
                    select(ROWS.c.number, ROWS.c.payload)
                    .outerjoin(OUTCOMES, _same_row())
                    .where(ROWS.c.job == lease.seq, ROWS.c.number > last, OUTCOMES.c.number.is_(None))
                    .order_by(ROWS.c.number)
                    .limit(PAGE)
                )
                page = connection.execute(wanted).all()
            for number, payload in page:
                yield unpack(number, payload)
                last = number
            if len(page) < PAGE:
                return

    def record(self, lease: Lease, number: int, status: Status, line: bytes) -> None:
        """Keep the outcome of a row, once; a second one of the same row changes nothing."""
        with self._held(lease) as (connection, found):
            place = {"job": lease.seq, "number": number}
            known = select(OUTCOMES.c.number).filter_by(**place)
            if connection.scalar(known) is not None:
                return
            connection.execute(insert(OUTCOMES).values(line=line, **place))
            column = "errors" if status == "error" else status
            # What began goes on with the next row.
            values = {column: found[column] + 1, "attempts": 1}
            self._update(connection, lease, held_until=self._clock() + self._lease, **values)

    def finish(self, lease: Lease) -> None:
        """Note that every row has its outcome. Raises ``RuntimeError`` where one has none."""
        with self._held(lease) as (connection, found):
            known = select(func.count()).select_from(OUTCOMES).where(OUTCOMES.c.job == lease.seq)
            if connection.scalar(known) != found["rows"]:
                raise RuntimeError("a job has not as many outcomes as rows")
            self._update(connection, lease, state="done", finished=self._clock(), holder=None)

    def release(self, lease: Lease) -> None:
        """Let go of a job that another may go on with at once; nothing is held against its rows."""
        with self._held(lease) as (connection, _):
            self._update(connection, lease, state="queued", holder=None, attempts=0)

    def note_fault(self, lease: Lease) -> State:
        """Let go of a job in which the service failed; after ``MOST_FAULTS`` times the job has, too."""
        with self._held(lease) as (connection, found):
            faults = found["faults"] + 1
            state: State = "queued"
            values: dict[str, object] = {}
            if faults >= MOST_FAULTS:
                state = "failed"
                # The same file may be sent again.
                values = {"finished": self._clock(), "upload": found["id"]}
            self._update(connection, lease, state=state, faults=faults, holder=None, **values)
            return state

    # --- Time ----------------------------------------------------------------------------------------

    def sweep(self) -> int:
        """Erase every job whose time is over, and what earlier deletions left; return how many jobs."""
        with self._database.writing() as connection:
            over = select(JOBS.c.seq).where(or_(JOBS.c.expires <= self._clock(), self._is_too_old()))
            found = list(connection.scalars(over))
            _erase(connection, found)
        self._database.erase_traces()
        return len(found)

    def _is_too_old(self) -> ColumnElement[bool]:
        """Say when a job is over by the retention of now, which may have been longer at its upload."""
        return JOBS.c.created <= self._clock() - self._retention

    def _is_over(self, found: RowMapping) -> bool:
        return bool(min(found["expires"], found["created"] + self._retention) <= self._clock())

    def _found(self, connection: Connection, owner: str, job_id: str) -> RowMapping | None:
        found = _first(connection, JOBS.c.id == job_id, JOBS.c.owner == owner)
        return None if found is None or self._is_over(found) else found

    def _check_room(self, connection: Connection, owner: str) -> None:
        unfinished = select(func.count()).select_from(JOBS).where(JOBS.c.state.in_(_UNFINISHED))
        unfinished = unfinished.where(JOBS.c.expires > self._clock())
        own = connection.scalar(unfinished.where(JOBS.c.owner == owner)) or 0
        if own >= self._most_per_owner:
            message = f"as many jobs as a key may have, {self._most_per_owner}, are not finished"
            raise QueueFull(message, retry_after=_RETRY_AFTER)
        if (connection.scalar(unfinished) or 0) >= self._most:
            raise QueueFull(
                "as many jobs as may be are not finished; try again later", retry_after=_RETRY_AFTER
            )

    def _insert(self, connection: Connection, upload: Upload) -> RowMapping:
        now = self._clock()
        job = {
            "id": secrets.token_hex(16),
            "owner": upload.owner,
            "upload": upload.same,
            "content": upload.content,
            "state": "queued",
            "created": now,
            "expires": now + self._retention,
            "rows": len(upload.rows),
            "held_until": 0.0,
            **dict.fromkeys(("scored", "abstained", "errors", "attempts", "faults"), 0),
        }
        found = connection.execute(insert(JOBS).values(job).returning(JOBS)).mappings().one()
        if upload.rows:
            connection.execute(
                insert(ROWS),
                [
                    {"job": found["seq"], "number": number, "payload": payload}
                    for number, payload in enumerate(upload.rows, start=1)
                ],
            )
        return found

    @contextmanager
    def _held(self, lease: Lease) -> Iterator[tuple[Connection, RowMapping]]:
        """Give a transaction of the holder, and the job as it is. Raises ``LeaseLost``."""
        held = select(JOBS).where(JOBS.c.seq == lease.seq, JOBS.c.holder == lease.holder)
        with self._database.writing() as connection:
            found = connection.execute(held.with_for_update()).mappings().first()
            if found is None:
                raise LeaseLost
            yield connection, found

    def _update(self, connection: Connection, lease: Lease, **values: object) -> None:
        connection.execute(update(JOBS).where(JOBS.c.seq == lease.seq).values(**values))


def open_store(settings: Settings, *, clock: Callable[[], float] = time.time) -> Store:
    """Open the store that ``settings`` name. Raises ``StoreFailed``."""
    return Store(
        open_database(Path(settings.jobs_dir), settings.jobs_url),
        retention=settings.jobs_retention,
        lease=settings.jobs_lease,
        most_per_owner=settings.max_jobs_per_key,
        most=settings.max_jobs,
        clock=clock,
    )


def forget_all(settings: Settings) -> None:
    """Erase what is kept from a time when jobs were, where ``settings`` say that nothing is.

    Raises ``StoreFailed``.
    """
    if settings.jobs_url or (Path(settings.jobs_dir) / FILE_NAME).exists():
        store = open_store(settings)
        store.sweep()
        store.close()


def digest(*parts: bytes) -> str:
    """Return the SHA-256 of ``parts``, which cannot be cut otherwise and give the same."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


def _first(connection: Connection, *conditions: ColumnElement[bool]) -> RowMapping | None:
    return connection.execute(select(JOBS).where(*conditions)).mappings().first()


def _same_row() -> ColumnElement[bool]:
    return and_(OUTCOMES.c.job == ROWS.c.job, OUTCOMES.c.number == ROWS.c.number)


def _erase(connection: Connection, seqs: Sequence[int]) -> None:
    tables: tuple[tuple[Table, str], ...] = ((OUTCOMES, "job"), (ROWS, "job"), (JOBS, "seq"))
    for seq in sorted(seqs):
        # A holder that is just recording ends first; its outcome goes too.
        connection.execute(select(JOBS.c.seq).where(JOBS.c.seq == seq).with_for_update())
        for table, column in tables:
            connection.execute(delete(table).where(table.c[column] == seq))


def _job(found: RowMapping) -> Job:
    return Job(**{name: found[name] for name in Job.__dataclass_fields__})
