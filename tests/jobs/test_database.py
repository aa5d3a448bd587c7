"""Where jobs lie: for their owner only, in a form that is known, whole after a crash of the machine."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text, update

from service.batch.evaluation import status_of
from service.jobs.database import FILE_NAME, FORM, VERSION, Database, StoreFailed, StoreRefused, open_database
from service.jobs.store import forget_all, open_store
from service.settings import Settings

from .uploads import OWNER, claimed, expected, found, lines_in, upload_of


def opened(place: Settings) -> Database:
    return open_database(Path(place.jobs_dir), place.jobs_url)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database = open_database(tmp_path / "state" / "jobs")
        with database.writing() as connection:
            connection.execute(update(VERSION).values(form=FORM))
        assert mode_of(tmp_path / "state" / "jobs") == 0o700
        files = list((tmp_path / "state" / "jobs").iterdir())
        assert {path.name for path in files} >= {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"}
        assert {mode_of(path) for path in files} == {0o600}
        database.close()
    finally:
        os.umask(before)


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(StoreRefused, match="nobody else"):
        open_database(folder)
    assert list(folder.iterdir()) == []
    assert mode_of(folder) == mode


def test_sqlite_is_set_as_it_must_be(tmp_path: Path) -> None:
    database = open_database(tmp_path / "jobs")
    with database.reading() as connection:

        def told(pragma: str) -> object:
            return connection.scalar(text(f"PRAGMA {pragma}"))

        assert told("journal_mode") == "wal"
        assert told("synchronous") == 2, "FULL"
        assert told("secure_delete") == 1
        assert told("busy_timeout") == 10_000
        assert told("foreign_keys") == 1
        assert told("temp_store") == 2, "in memory"
    database.close()


def test_it_is_made_once_by_whoever_comes_first(place: Settings) -> None:
    """Two that turn a new SQLite file to WAL at once do not wait for each other by themselves."""
    databases: list[Database] = []
    threads = [threading.Thread(target=lambda: databases.append(opened(place))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(databases) == 6
    for database in databases:
        with database.reading() as connection:
            assert connection.execute(VERSION.select()).all() == [(FORM,)]
        database.close()


def test_a_newer_form_is_refused_and_left_alone(place: Settings) -> None:
    store = open_store(place)
    job = store.create(upload_of(3))
    store.close()

    def set_form(form: int) -> None:
        database = opened(place)
        with database.writing() as connection:
            connection.execute(update(VERSION).values(form=form))
        database.close()

    set_form(FORM + 1)
    with pytest.raises(StoreRefused, match=f"form {FORM + 1}"):
        open_store(place)
    if not place.jobs_url:
        raw = sqlite3.connect(Path(place.jobs_dir) / FILE_NAME)
        raw.execute("UPDATE feedback_version SET form = ?", (FORM,))
        raw.commit()
        raw.close()
        store = open_store(place)
        assert found(store, job.id).rows == 3
        store.close()


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir(mode=0o700)
    path = folder / FILE_NAME
    path.write_bytes(b"a letter to somebody " * 100)
    with pytest.raises(StoreFailed, match="file is not a database"):
        open_database(folder)
    assert path.read_bytes() == b"a letter to somebody " * 100
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE letters (text)")
    other.close()
    with pytest.raises(StoreRefused, match="something else than jobs"):
        open_database(folder)


def test_what_cannot_be_reached_fails_without_a_word_of_where(tmp_path: Path) -> None:
    blocked = tmp_path / "secret"
    blocked.write_bytes(b"")
    for folder, url in (
        (blocked / "jobs", ""),
        (tmp_path / "jobs", f"postgresql+psycopg://secret:secret@/secret?host={tmp_path}"),
    ):
        with pytest.raises(StoreFailed) as failed:
            open_database(folder, url)
        assert "secret" not in str(failed.value)
        assert failed.value.__cause__ is None


def test_an_error_repeats_nothing_that_was_written(place: Settings) -> None:
    database = opened(place)
    with pytest.raises(StoreFailed) as failed, database.writing() as connection:
        connection.execute(text("INSERT INTO feedback_row VALUES (1, 1, :text)"), {"text": b"my secret"})
    assert "secret" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    database.close()


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_a_server_that_was_restarted_is_used_again(place: Settings) -> None:
    store, other = open_store(place), opened(place)
    job = store.create(upload_of(3))
    with other.writing() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        ended = connection.execute(text(f"{others} AND pid <> pg_backend_pid()")).all()
    assert ended
    assert found(store, job.id).rows == 3
    store.close()
    other.close()


def test_a_full_disk_is_told_and_does_not_stay_full(tmp_path: Path) -> None:
    settings = Settings(jobs_dir=str(tmp_path / "jobs"))
    store = open_store(settings)
    path = tmp_path / "jobs" / FILE_NAME
    job = store.create(upload_of(3))
    raw = sqlite3.connect(path, isolation_level=None)
    limit = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.close()
    # As a full disk would, but for this connection alone.
    with store._database.writing() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={limit}")
    with pytest.raises(StoreFailed, match="database or disk is full"):
        store.create(upload_of(2_000))
    assert found(store, job.id).rows == 3
    with store._database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    assert store.create(upload_of(2_000)).rows == 2_000
    store.close()


def test_images_of_a_crash_are_whole_and_hold_what_was_acknowledged(tmp_path: Path) -> None:
    """What the disk holds at any moment is a database with every outcome that ``record`` returned from."""
    settings = Settings(jobs_dir=str(tmp_path / "jobs"))
    folder = Path(settings.jobs_dir)
    store = open_store(settings)
    count = 40
    job = store.create(upload_of(count))
    lease = claimed(store)
    recorded = 0
    done = threading.Event()

    def record() -> None:
        nonlocal recorded
        for number, line in enumerate(expected(count), start=1):
            store.record(lease, number, status_of(line), line)
            recorded = number
        done.set()

    writer = threading.Thread(target=record)
    writer.start()
    images: list[tuple[Path, int]] = []
    while not done.is_set():
        image = tmp_path / f"image-{len(images)}"
        image.mkdir(mode=0o700)
        acknowledged = recorded
        # The log after the database: a checkpoint in between would otherwise leave what neither holds.
        for name in (FILE_NAME, f"{FILE_NAME}-wal"):
            shutil.copyfile(folder / name, image / name)
        images.append((image, acknowledged))
    writer.join()
    store.close()
    assert len(images) > 5
    for image, acknowledged in images:
        raw = sqlite3.connect(image / FILE_NAME)
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        raw.close()
        again = open_store(replace(settings, jobs_dir=str(image)))
        lines = lines_in(again, job.id)
        assert len(lines) >= acknowledged
        assert lines == expected(count)[: len(lines)]
        assert found(again, job.id).judged == len(lines)
        again.close()


def test_nothing_is_made_just_to_be_forgotten(tmp_path: Path) -> None:
    settings = Settings(jobs_dir=str(tmp_path / "jobs"), jobs_retention=0)
    forget_all(settings)
    assert not Path(settings.jobs_dir).exists()


def test_what_an_earlier_setting_kept_is_forgotten(place: Settings) -> None:
    store = open_store(place)
    job = store.create(upload_of(3))
    store.close()
    forget_all(replace(place, jobs_retention=0))
    store = open_store(place)
    assert store.get(OWNER, job.id) is None
    store.close()
