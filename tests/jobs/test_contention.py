"""Many processes at one store: nothing is locked, nothing is claimed twice, nobody waits long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from service.jobs.store import JobGone, LeaseLost, open_store
from service.settings import Settings

from .uploads import OWNER, found, upload_of

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 8
#: Steps of each process; reliability D1 has 5,000.
STEPS = int(os.environ.get("CONTENTION_STEPS", "40"))
JOBS = 10


def work(settings: Settings, steps: int) -> dict[str, object]:
    """Claim, renew, record, read and let go; return what happened. Any other failure ends the process."""
    store = open_store(settings)
    holder = str(os.getpid())
    seconds: list[float] = []
    claims: list[list[float]] = []
    recorded: list[list[int]] = []
    for step in range(steps):
        began = time.perf_counter()
        lease = store.claim(holder)
        seconds.append(time.perf_counter() - began)
        if lease is None:
            continue
        held = time.monotonic()
        with suppress(LeaseLost):
            store.renew(lease)
            row = next(store.pending(lease), None)
            if row is not None:
                store.record(lease, row.number, "scored", f'{{"step":{step}}}'.encode())
                recorded.append([lease.seq, row.number])
            claims.append([lease.seq, held, time.monotonic()])
            store.release(lease)
    store.close()
    return {"seconds": seconds, "claims": claims, "recorded": recorded}


def test_eight_processes_at_one_store(place: Settings) -> None:
    store = open_store(place)
    jobs = [store.create(upload_of([f"a {number}"] * 200, same=str(number))) for number in range(JOBS)]
    command = [sys.executable, "-m", "tests.jobs.test_contention", place.jobs_dir, place.jobs_url, str(STEPS)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(PROCESSES)
    ]
    while any(process.poll() is None for process in processes):
        for job in jobs:
            assert found(store, job.id).judged <= 200
            with suppress(JobGone):
                assert len(list(store.outcomes(OWNER, job.id))) <= 200
        time.sleep(0.05)
    outs = [process.communicate() for process in processes]
    assert [error.decode() for _, error in outs] == [""] * PROCESSES
    told = [json.loads(out) for out, _ in outs]

    recorded = [tuple(pair) for one in told for pair in one["recorded"]]
    assert len(recorded) > STEPS
    assert len(recorded) == len(set(recorded)), "no row is judged by two"
    assert sum(found(store, job.id).judged for job in jobs) == len(recorded)

    claims = sorted(tuple(claim) for one in told for claim in one["claims"])
    for (seq, _, end), (next_seq, began, _) in pairwise(claims):
        assert seq != next_seq or end <= began, "no job is held by two at once"

    seconds = sorted(second for one in told for second in one["seconds"])
    p99 = seconds[int(0.99 * len(seconds))]
    # A busy machine is slow; waiting for the busy timeout, or for other jobs, would take longer.
    assert p99 < 2.5
    store.close()


if __name__ == "__main__":
    _folder, _url, _steps = sys.argv[1:]
    sys.stdout.write(
        json.dumps(work(Settings(jobs_dir=_folder, jobs_url=_url, max_jobs_per_key=100), int(_steps)))
    )
