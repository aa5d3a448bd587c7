"""The measuring of batches."""

from __future__ import annotations

import pytest

from service.records import Answer
from training import bench_batch


def test_a_batch_is_run_by_process_count_and_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_batch, "SIZES", (3, 30))
    monkeypatch.setattr(bench_batch, "find_spec", lambda _: None)
    runs = list(bench_batch.measure_batch([Answer("I rang the owner and she came.")] * 2))
    assert [(run.name, run.rows) for run in runs] == [
        ("1 process", 2),
        ("2 processes", 2),
        ("nothing to judge", 3),
        ("nothing to judge", 30),
    ]
    assert all(run.seconds > 0 and run.memory > 1 for run in runs)
