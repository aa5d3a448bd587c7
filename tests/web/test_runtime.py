"""The private directory of a running service."""

from __future__ import annotations

import stat
from pathlib import Path

from service.web import runtime


def test_directory_is_private_and_goes(tmp_path: Path) -> None:
    made = runtime.make(tmp_path)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(made.metrics.stat().st_mode) == 0o700
    assert made.rates.parent == made.path
    made.remove()
    assert list(tmp_path.iterdir()) == []


def test_orphans_are_removed_and_the_living_kept(tmp_path: Path) -> None:
    living, killed = runtime.make(tmp_path), runtime.make(tmp_path)
    (killed.metrics / "counter_0.db").touch()
    killed.lock.close()  # as the kernel does when the last process of a service is killed
    foreign = tmp_path / f"{runtime.PREFIX}notes"
    foreign.mkdir()
    made = runtime.make(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([living.path, made.path, foreign])
    living.remove()
    made.remove()


def test_two_services_have_two_directories(tmp_path: Path) -> None:
    first, second = runtime.make(tmp_path), runtime.make(tmp_path)
    assert first.path != second.path
    first.remove()
    assert second.metrics.is_dir()
    second.remove()
