"""The steps of a job, each on SQLite and on PostgreSQL: nothing is lost, doubled, or shown to another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from service.batch.evaluation import status_of
from service.batch.rows import BadRow, Row
from service.errors import InvalidRequest, Problem
from service.jobs.payload import pack
from service.jobs.store import MOST_FAULTS, PAGE, JobGone, Lease, LeaseLost, QueueFull, Store, Upload

from .conftest import Clock, MakeStore
from .uploads import (
    MADE_BY,
    OTHER,
    OWNER,
    claimed,
    counts_expected,
    counts_of,
    expected,
    found,
    lines_in,
    upload_of,
)


def judge(store: Store, texts: list[str] | int, *, holder: str = "one", stop_at: int | None = None) -> None:
    """Record what comes of the next job's rows, as a runner does, up to row ``stop_at``."""
    lease = claimed(store, holder)
    store.begin(lease, MADE_BY)
    for row, line in zip(list(store.pending(lease)), expected(texts), strict=True):
        if row.number == stop_at:
            return
        store.record(lease, row.number, status_of(line), line)
    store.finish(lease)


def test_a_job_from_its_upload_to_its_lines(store: Store, clock: Clock) -> None:
    job = store.create(upload_of(20))
    assert (job.state, job.rows, counts_of(job), job.started, job.finished) == (
        "queued",
        20,
        (0, 0, 0),
        None,
        None,
    )
    assert (job.created, job.expires) == (clock.now, clock.now + 24 * 3600)
    assert len(job.id) == 32
    clock.now += 5
    judge(store, 20)
    done = found(store, job.id)
    assert done.state == "done"
    assert done.judged == done.rows == 20
    assert counts_of(done) == counts_expected(20)
    assert (done.started, done.finished, done.made_by) == (clock.now, clock.now, MADE_BY)
    assert lines_in(store, job.id) == expected(20)
    assert store.claim("one") is None


def test_rows_come_back_in_order_over_several_pages(store: Store) -> None:
    count = 2 * PAGE
    job = store.create(upload_of([f"I led team {number}." for number in range(count)]))
    lease = claimed(store)
    assert [row.number for row in store.pending(lease)] == list(range(1, count + 1))
    for number in reversed(range(1, count + 1)):
        store.record(lease, number, "error", b'{"error":%d}' % number)
    assert lines_in(store, job.id) == [b'{"error":%d}' % number for number in range(1, count + 1)]


def test_rows_that_cannot_be_read_and_odd_texts_come_back_as_they_went_in(store: Store) -> None:
    problem = Problem("", "ragged_row", "line 3, column 4: too short")
    bad = BadRow(1, "r1", InvalidRequest(400, "line 3, column 4: too short", (problem,)))
    odd = Row(
        2, {"answer": "a\x01\u202e\U0001f600\u0301 ' \" \\ \r\n", "question": None, "x": [1.5, {"y": True}]}
    )
    dated = Row(3, {"answer": ""}, "2026-03-31", 2)
    rows = (bad, odd, dated)
    store.create(Upload(OWNER, "same", "content", [pack(row) for row in rows]))
    lease = claimed(store)
    first, *others = store.pending(lease)
    assert others == [odd, dated]
    assert isinstance(first, BadRow)
    assert (first.number, first.id, first.problem.status) == (1, "r1", 400)
    assert (first.problem.detail, first.problem.problems) == (bad.problem.detail, (problem,))


def test_an_empty_file_is_done_at_once(store: Store) -> None:
    job = store.create(upload_of(0))
    judge(store, 0)
    assert found(store, job.id).state == "done"
    assert lines_in(store, job.id) == []


def test_the_same_upload_twice_is_one_job(store: Store) -> None:
    first = store.create(upload_of(5))
    assert store.create(upload_of(5)) == first
    assert store.create(upload_of(6)).id != first.id
    assert store.create(upload_of(5, owner=OTHER)).id != first.id
    judge(store, 5)
    assert store.create(upload_of(5)) == found(store, first.id)


def test_fifty_equal_uploads_at_once_are_one_job(store: Store) -> None:
    with ThreadPoolExecutor(10) as threads:
        jobs = list(threads.map(lambda _: store.create(upload_of(5, same="key")), range(50)))
    assert len({job.id for job in jobs}) == 1
    assert store.claim("one") is not None
    assert store.claim("one") is None


def test_one_key_for_two_files_is_refused(store: Store) -> None:
    store.create(upload_of(5, same="key"))
    with pytest.raises(InvalidRequest) as refused:
        store.create(upload_of(6, same="key"))
    assert (refused.value.status, refused.value.problems[0].code) == (422, "idempotency_key_reused")
    store.create(upload_of(6, same="another key"))


def test_only_so_many_jobs_may_be_unfinished(make_store: MakeStore) -> None:
    store = make_store(max_jobs_per_key=2, max_jobs=3)
    for count in (1, 2):
        store.create(upload_of(count))
    with pytest.raises(QueueFull, match="a key may have, 2, are"):
        store.create(upload_of(3))
    assert store.create(upload_of(2)).rows == 2, "what is there already needs no room"
    store.create(upload_of(1, owner=OTHER))
    with pytest.raises(QueueFull, match="as many jobs as may be"):
        store.create(upload_of(1, owner="c" * 64))
    judge(store, 1)
    store.create(upload_of(3))


def test_the_limit_holds_for_uploads_at_once(make_store: MakeStore) -> None:
    store = make_store(max_jobs_per_key=4)

    def send(count: int) -> bool:
        try:
            store.create(upload_of(count))
        except QueueFull:
            return False
        return True

    with ThreadPoolExecutor(10) as threads:
        taken = list(threads.map(send, range(1, 21)))
    assert taken.count(True) == 4


def test_jobs_are_claimed_in_order_and_once(store: Store) -> None:
    jobs = [store.create(upload_of(count)) for count in (1, 2, 3)]
    with ThreadPoolExecutor(6) as threads:
        leases = [
            lease for lease in threads.map(store.claim, [str(i) for i in range(6)]) if lease is not None
        ]
    assert sorted(lease.seq for lease in leases) == sorted({lease.seq for lease in leases})
    assert len(leases) == 3
    assert {found(store, job.id).state for job in jobs} == {"running"}


def test_a_job_is_free_when_nobody_has_renewed_it_for_the_length_of_the_lease(
    store: Store, clock: Clock
) -> None:
    store.create(upload_of(3))
    lease = claimed(store)
    clock.now += store.lease - 0.1
    assert store.claim("two") is None
    store.renew(lease)
    clock.now += store.lease - 0.1
    assert store.claim("two") is None
    clock.now += 0.1
    assert store.claim("two") is not None


def test_who_has_lost_a_job_can_change_nothing(store: Store, clock: Clock) -> None:
    job = store.create(upload_of(3))
    lost = claimed(store)
    clock.now += store.lease
    claimed(store, "two")
    for step in (
        lambda: store.renew(lost),
        lambda: store.begin(lost, MADE_BY),
        lambda: store.record(lost, 1, "scored", b"{}"),
        lambda: store.finish(lost),
        lambda: store.release(lost),
        lambda: store.note_fault(lost),
    ):
        with pytest.raises(LeaseLost):
            step()
    assert lines_in(store, job.id) == []
    assert found(store, job.id).state == "running"


def test_another_goes_on_behind_the_last_outcome(store: Store, clock: Clock) -> None:
    job = store.create(upload_of(10))
    judge(store, 10, stop_at=5)
    clock.now += store.lease
    lease = claimed(store, "two")
    store.begin(lease, MADE_BY)
    assert [row.number for row in store.pending(lease)] == [5, 6, 7, 8, 9, 10]
    for number, line in enumerate(expected(10), start=1):
        store.record(lease, number, status_of(line), line)
    store.finish(lease)
    assert lines_in(store, job.id) == expected(10)
    assert counts_of(found(store, job.id)) == counts_expected(10), "what was recorded twice is counted once"


def test_outcomes_of_another_model_are_thrown_away(store: Store, clock: Clock) -> None:
    job = store.create(upload_of(10))
    judge(store, 10, stop_at=5)
    clock.now += store.lease
    lease = claimed(store, "two")
    assert store.begin(lease, '{"model":"other"}') == 1
    assert counts_of(found(store, job.id)) == (0, 0, 0)
    assert len(list(store.pending(lease))) == 10
    assert lines_in(store, job.id) == []


def test_beginnings_are_counted_until_there_is_an_outcome(store: Store, clock: Clock) -> None:
    store.create(upload_of(3))
    for attempt in (1, 2, 3):
        lease = claimed(store, str(attempt))
        assert store.begin(lease, MADE_BY) == attempt
        clock.now += store.lease
    lease = claimed(store, "four")
    store.record(lease, 1, "scored", b"{}")
    assert store.begin(lease, MADE_BY) == 2
    store.release(lease)
    assert store.begin(claimed(store, "five"), MADE_BY) == 1, "who lets go in order has not crashed"


def test_a_job_is_not_finished_before_its_last_row(store: Store) -> None:
    job = store.create(upload_of(2))
    lease = claimed(store)
    store.record(lease, 1, "scored", b"{}")
    with pytest.raises(RuntimeError, match="not as many outcomes"):
        store.finish(lease)
    assert found(store, job.id).state == "running"


def test_a_job_that_the_service_fails_on_goes_back_and_fails_in_the_end(store: Store) -> None:
    job = store.create(upload_of(3))
    states = [store.note_fault(claimed(store)) for _ in range(MOST_FAULTS)]
    assert states == ["queued", "queued", "failed"]
    assert store.claim("one") is None
    assert found(store, job.id).state == "failed"
    assert store.create(upload_of(3)).id != job.id, "the same file may be sent again"


def test_only_its_owner_knows_of_a_job(store: Store) -> None:
    job = store.create(upload_of(3))
    judge(store, 3)
    for owner, job_id in (
        (OTHER, job.id),
        ("", job.id),
        (OWNER, job.id.upper() + "x"),
        (OWNER, ""),
        (OWNER, "%"),
    ):
        assert store.get(owner, job_id) is None
        assert store.erase(owner, job_id) is None
        with pytest.raises(JobGone):
            list(store.outcomes(owner, job_id))
    assert len(lines_in(store, job.id)) == 3


@pytest.mark.parametrize("state", ["queued", "running", "done"])
def test_a_job_is_erased_in_any_state(store: Store, state: str) -> None:
    job = store.create(upload_of(3))
    other = store.create(upload_of(4, owner=OTHER))
    if state == "running":
        judge(store, 3, stop_at=2)
    if state == "done":
        judge(store, 3)
    receipt = store.erase(OWNER, job.id)
    assert receipt is not None
    assert (receipt.id, receipt.rows) == (job.id, 3)
    assert store.get(OWNER, job.id) is None
    assert store.erase(OWNER, job.id) is None
    assert found(store, other.id, owner=OTHER).rows == 4
    assert store.create(upload_of(3)).id != job.id


def test_who_works_on_an_erased_job_learns_it(store: Store) -> None:
    job = store.create(upload_of(3))
    lease = claimed(store)
    store.erase(OWNER, job.id)
    with pytest.raises(LeaseLost):
        store.record(lease, 1, "scored", b"{}")
    with pytest.raises(LeaseLost):
        store.renew(lease)


def test_a_download_of_an_erased_job_breaks_off(store: Store) -> None:
    count = PAGE + 10
    texts = [f"I led team {number}." for number in range(count)]
    job = store.create(upload_of(texts))
    judge(store, texts)
    lines = store.outcomes(OWNER, job.id)
    next(lines)
    store.erase(OWNER, job.id)
    with pytest.raises(JobGone):
        list(lines)


def test_erasing_and_recording_at_once_leave_nothing(store: Store) -> None:
    """A recorder that has looked before the deletion and writes after it would leave an outcome behind."""
    for count in range(1, 6):
        job = store.create(upload_of(2_000 + count))
        with ThreadPoolExecutor(2) as threads:
            recording = threads.submit(_record_until_lost, store, claimed(store))
            sleep(0.01)
            assert store.erase(OWNER, job.id) is not None
            assert recording.result() < 2_000
        assert store.get(OWNER, job.id) is None


def _record_until_lost(store: Store, lease: Lease) -> int:
    for number in range(1, 2_000):
        # SQLite is not fair: who writes without a pause leaves others no turn.
        sleep(0.001)
        try:
            store.record(lease, number, "scored", b"{}")
        except LeaseLost:
            return number
    return 2_000


def test_what_is_over_is_gone_at_once_and_erased_by_the_sweep(store: Store, clock: Clock) -> None:
    early = store.create(upload_of(3))
    judge(store, 3)
    clock.now += 3600
    late = store.create(upload_of(4))
    clock.now += 23 * 3600 - 1
    assert store.sweep() == 0
    assert found(store, early.id).state == "done"
    clock.now += 1
    assert store.get(OWNER, early.id) is None
    with pytest.raises(JobGone):
        lines_in(store, early.id)
    assert store.sweep() == 1
    assert found(store, late.id).rows == 4
    clock.now += 3600
    assert store.claim("one") is None, "what waited too long is not judged any more"
    assert store.sweep() == 1
    assert store.sweep() == 0


def test_a_shorter_retention_holds_for_what_is_there(make_store: MakeStore, clock: Clock) -> None:
    job = make_store().create(upload_of(3))
    clock.now += 600
    shorter = make_store(jobs_retention=600)
    assert shorter.get(OWNER, job.id) is None
    assert shorter.sweep() == 1


def test_no_retention_erases_everything(make_store: MakeStore) -> None:
    make_store().create(upload_of(3))
    assert make_store(jobs_retention=0).sweep() == 1


def test_what_is_over_makes_room_for_the_same_file(store: Store, clock: Clock) -> None:
    first = store.create(upload_of(3))
    clock.now += 24 * 3600
    assert store.create(upload_of(3)).id != first.id
