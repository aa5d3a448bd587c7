"""The database of jobs: its tables, where it lies, how it is opened, how what is deleted leaves the disk.

SQLite by default, in a folder that only its owner may read. A read that turns into a write fails at once under
SQLite's plain ``BEGIN`` when another process writes, busy timeout or not; ``BEGIN IMMEDIATE`` waits its turn, so
that every transaction that writes begins with it. PostgreSQL where several machines share the jobs.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from service.errors import StarFeedbackError

#: The form of the tables; a database of another form is refused.
FORM = 1
FILE_NAME = "jobs.sqlite"
#: Seconds to wait for other processes' transactions.
_BUSY_TIMEOUT = 10.0
#: Seconds for which the erasing of traces waits for transactions that read.
_ERASE_PATIENCE = 5.0
#: Names the lock under which PostgreSQL's transactions that must not overlap run one after another.
_LOCK = 5_827_001

_METADATA = MetaData()
# SQLite counts up by itself in a column of this very type only.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

VERSION = Table("feedback_version", _METADATA, Column("form", Integer, nullable=False))
JOBS = Table(
    "feedback_job",
    _METADATA,
    Column("seq", _NUMBER, primary_key=True),
    #: 128 random bits: who knows it may ask, if the job is theirs.
    Column("id", String(32), nullable=False, unique=True),
    #: The SHA-256 of the key that sent it.
    Column("owner", String(64), nullable=False),
    #: Uploads of one owner that are equal here are one job.
    Column("upload", String(64), nullable=False),
    Column("content", String(64), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("created", Double, nullable=False, index=True),
    Column("started", Double),
    Column("finished", Double),
    Column("expires", Double, nullable=False, index=True),
    Column("rows", Integer, nullable=False),
    Column("scored", Integer, nullable=False),
    Column("abstained", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    #: Times that judging began since the last outcome.
    Column("attempts", Integer, nullable=False),
    #: Times that judging failed for no fault of a row.
    Column("faults", Integer, nullable=False),
    Column("holder", String(32)),
    Column("held_until", Double, nullable=False),
    #: What the outcomes depend on besides the rows.
    Column("made_by", String),
    UniqueConstraint("owner", "upload"),
    sqlite_autoincrement=True,
)
ROWS = Table(
    "feedback_row",
    _METADATA,
    Column("job", _NUMBER, ForeignKey(JOBS.c.seq), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
)
OUTCOMES = Table(
    "feedback_outcome",
    _METADATA,
    Column("job", _NUMBER, ForeignKey(JOBS.c.seq), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("line", LargeBinary, nullable=False),
)


class StoreFailed(StarFeedbackError):
    """The database cannot be used just now; the message holds nothing of what is kept in it."""


class StoreRefused(StoreFailed):
    """A folder or database that jobs must not be kept in."""


class Database:
    """An open database; to be opened after a fork, in the process that uses it."""

    def __init__(self, engine: Engine, *, folder: Path) -> None:
        self._engine = engine
        #: Only the owner may read what lies here.
        self.folder = folder
        self.is_sqlite = engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that only reads. Raises ``StoreFailed``."""
        with self._transaction(self._engine) as connection:
            yield connection

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[Connection]:
        """Give a transaction that writes; no two that are ``alone`` overlap. Raises ``StoreFailed``."""
        with self._transaction(self._engine.execution_options(writes=True)) as connection:
            if alone and not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection

    def erase_traces(self) -> bool:
        """Take what was deleted off the disk; say whether that is done.

        SQLite keeps it in its log until a checkpoint, which waits for transactions that read. When PostgreSQL
        overwrites it is its own affair.
        """
        if not self.is_sqlite:
            return False
        latest = time.monotonic() + _ERASE_PATIENCE
        while not self._checkpoint():
            if time.monotonic() > latest:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _checkpoint(self) -> bool:
        with failing_plainly(), self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            # Outside of any transaction, which SQLAlchemy would begin.
            busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]  # type: ignore[union-attr]
        return not busy

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        with failing_plainly(), engine.begin() as connection:
            yield connection


def open_database(folder: Path, url: str = "") -> Database:
    """Open the database at ``url``, or that in ``folder``, and make what is missing.

    Raises ``StoreRefused`` where others may read the folder or the tables are of another form, ``StoreFailed``.
    """
    with failing_plainly():
        _make_private(folder)
        if url:
            database = Database(_postgresql(url), folder=folder)
            _check_form(database)
            return database
        # Two connections that turn a new file to WAL at once do not wait for each other.
        with open(folder / "jobs.lock", "wb", opener=_private) as opening:
            fcntl.flock(opening, fcntl.LOCK_EX)
            path = folder / FILE_NAME
            if not path.exists():
                os.close(_private(str(path), os.O_RDWR | os.O_CREAT))
            database = Database(_sqlite(path), folder=folder)
            _check_form(database)
        return database


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StoreRefused(
            "the folder of jobs must belong to the service's user, with nobody else's rights (700)"
        )


def _private(path: str, flags: int) -> int:
    # Never through a link that somebody else may have put there.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _check_form(database: Database) -> None:
    try:
        with database.writing(alone=True) as connection:
            _make_or_refuse(connection, database.is_sqlite)
    except StoreFailed:
        database.close()
        raise


def _make_or_refuse(connection: Connection, is_sqlite: bool) -> None:
    tables = inspect(connection).get_table_names()
    if VERSION.name not in tables:
        if tables and is_sqlite:
            raise StoreRefused(f"{FILE_NAME} holds something else than jobs")
        _METADATA.create_all(connection)
        connection.execute(insert(VERSION).values(form=FORM))
        return
    form = connection.scalar(select(VERSION.c.form))
    if form != FORM:
        raise StoreRefused(
            f"the database of jobs has the form {form}; this version of the service knows {FORM}"
        )


def _sqlite(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # An error would repeat the texts that a statement was given.
        hide_parameters=True,
        connect_args={"timeout": _BUSY_TIMEOUT},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # Transactions begin as told below, not as the driver thinks.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
            "foreign_keys=ON",
            # What does not fit into memory would go to files that anybody may find.
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: str) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        # A server that was restarted is no reason for an error.
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5},
    )


@contextmanager
def failing_plainly() -> Iterator[None]:
    """Raise ``StoreFailed`` for what the database or the disk refuse, without what it was about."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreFailed(_told(error)) from None
    except OSError as error:
        raise StoreFailed(
            f"the folder of jobs cannot be used: {error.strerror or type(error).__name__}"
        ) from None


def _told(error: SQLAlchemyError) -> str:
    found = getattr(error, "orig", None) or error
    # PostgreSQL's messages may repeat a value; SQLite's are fixed texts.
    words = str(found) if type(found).__module__ == "sqlite3" else type(found).__name__
    return f"the database of jobs cannot be used: {words}"
