"""Deleted means that no byte of it is in any file, whatever was stored, judged, read and erased around it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from service.batch.evaluation import status_of
from service.batch.outcomes import judged
from service.jobs.results import open_reports, open_table
from service.jobs.runner import made_by
from service.jobs.store import Job, JobGone, Store, open_store
from service.settings import Settings
from tests.batch.fakes import ObedientReviewer

from .conftest import Clock
from .uploads import OWNER, claimed, expected, found, upload_of

CANARIES = 500


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(jobs_dir=str(tmp_path / "jobs"))


@pytest.fixture
def store(settings: Settings, clock: Clock) -> Iterator[Store]:
    store = open_store(settings, clock=clock)
    yield store
    store.close()


class Canaries:
    """Answers of all lengths, each with words that occur nowhere else."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.words: list[bytes] = []

    def answers(self, count: int) -> list[str]:
        texts = []
        for _ in range(count):
            word = f"canary{self._chance.getrandbits(72):018x}"
            self.words.append(word.encode())
            texts.append(f"I led {word}. " * self._chance.choice((1, 1, 3, 30, 300)))
        return texts


def left_in(folder: Path, words: list[bytes]) -> set[bytes]:
    found_bytes = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    return {word for word in words if word in found_bytes}


def judge(store: Store, settings: Settings, texts: list[str], rows: int) -> None:
    lease = claimed(store)
    store.begin(lease, made_by(ObedientReviewer().versions, settings))
    for number, line in enumerate(expected(texts)[:rows], start=1):
        store.record(lease, number, status_of(line), line)
    if rows == len(texts):
        store.finish(lease)


def test_no_byte_of_what_was_deleted_is_in_the_files(store: Store, settings: Settings) -> None:
    chance = random.Random(17)
    canaries, folder = Canaries(chance), Path(settings.jobs_dir)
    kept: list[tuple[Job, list[bytes]]] = []
    erased: list[bytes] = []
    while len(canaries.words) < CANARIES:
        texts = canaries.answers(chance.choice((1, 7, 40, 120)))
        words = canaries.words[-len(texts) :]
        job = store.create(upload_of(texts))
        judge(store, settings, texts, chance.choice((0, len(texts) // 2, len(texts), len(texts))))
        kept.append((job, words))
        assert left_in(folder, words) == set(words), "what is kept is in the files"
        if len(kept) == 4:
            # Pages hold rows of several jobs: in any order, the others stay whole.
            gone, gone_words = kept.pop(chance.randrange(4))
            receipt = store.erase(OWNER, gone.id)
            assert receipt is not None
            assert receipt.off_disk
            erased += gone_words
            assert left_in(folder, erased) == set()
            for other, other_words in kept:
                assert left_in(folder, other_words) == set(other_words)
                assert found(store, other.id).rows == len(other_words)
    for job, words in kept:
        store.erase(OWNER, job.id)
        erased += words
    assert len(erased) == len(canaries.words) >= CANARIES
    assert left_in(folder, erased) == set()


def test_no_byte_is_left_by_the_sweep(store: Store, settings: Settings, clock: Clock) -> None:
    canaries, folder = Canaries(random.Random(3)), Path(settings.jobs_dir)
    texts = canaries.answers(100)
    store.create(upload_of(texts))
    judge(store, settings, texts, 100)
    clock.now += settings.jobs_retention
    assert left_in(folder, canaries.words) == set(canaries.words)
    assert store.sweep() == 1
    assert left_in(folder, canaries.words) == set()


def test_outcomes_that_are_thrown_away_leave_nothing(store: Store, settings: Settings) -> None:
    store.create(upload_of(3))
    lease = claimed(store)
    store.begin(lease, "{}")
    store.record(lease, 1, "scored", b"canary-outcome")
    store.begin(lease, '{"other": true}')
    store.sweep()
    assert left_in(Path(settings.jobs_dir), [b"canary-outcome"]) == set()


def test_who_reads_meanwhile_does_not_keep_it_on_the_disk(store: Store, settings: Settings) -> None:
    canaries, folder = Canaries(random.Random(5)), Path(settings.jobs_dir)
    texts = canaries.answers(300)
    job = store.create(upload_of(texts))
    judge(store, settings, texts, 300)

    def read() -> None:
        with suppress(JobGone):
            while True:
                list(store.outcomes(OWNER, job.id))

    with ThreadPoolExecutor(3) as threads:
        readers = [threads.submit(read) for _ in range(3)]
        receipt = store.erase(OWNER, job.id)
        for reader in readers:
            reader.result()
    assert receipt is not None
    assert receipt.off_disk
    assert left_in(folder, canaries.words) == set()


def test_a_reader_that_stays_is_told_and_the_sweep_does_the_rest(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.jobs.database._ERASE_PATIENCE", 0.1)
    monkeypatch.setattr("service.jobs.database._BUSY_TIMEOUT", 0.1)
    canaries, folder = Canaries(random.Random(7)), Path(settings.jobs_dir)
    store = open_store(settings)
    job = store.create(upload_of(canaries.answers(20)))
    with store._database.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM feedback_row").all()
        receipt = store.erase(OWNER, job.id)
        assert receipt is not None
        assert not receipt.off_disk
    assert store.sweep() == 0
    assert left_in(folder, canaries.words) == set()
    store.close()


def test_what_is_made_of_a_job_leaves_nothing_behind(store: Store, settings: Settings) -> None:
    canaries, folder = Canaries(random.Random(11)), Path(settings.jobs_dir)
    texts = canaries.answers(12)
    job = store.create(upload_of(texts))
    judge(store, settings, texts, 12)
    names = {path.name for path in folder.iterdir()}
    for file in (
        open_table(store, OWNER, job.id, "csv"),
        open_table(store, OWNER, job.id, "xlsx"),
        open_reports(store, OWNER, job.id),
    ):
        with file:
            assert len(file.read()) > 1_000
            assert {path.name for path in folder.iterdir()} == names
    assert len(list(judged(*zip(*store.outcomes(OWNER, job.id), strict=True)))) == 12
    store.erase(OWNER, job.id)
    assert left_in(folder, canaries.words) == set()
