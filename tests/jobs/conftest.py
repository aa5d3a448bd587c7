"""Stores on SQLite and on a real PostgreSQL, each test on both.

Where there is no PostgreSQL its tests are left out, and the run says so.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from service.jobs.store import Store, open_store
from service.settings import Settings

from .postgresql import ABSENT, find_postgresql, make_database, running

_left_out = pytest.StashKey[int]()
_counter = itertools.count()
SQLITE, POSTGRESQL = "sqlite", "postgresql"


def pytest_report_header() -> str:
    found = find_postgresql()
    return f"job tests on PostgreSQL: {'left out, ' + ABSENT if found is None else f'with {found}'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if find_postgresql() is not None:
        return
    out = [item for item in items if _wants_postgresql(item)]
    config.stash[_left_out] = len(out)
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


def _wants_postgresql(item: pytest.Item) -> bool:
    called_with = getattr(item, "callspec", None)
    return called_with is not None and called_with.params.get("place") == POSTGRESQL


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    count = config.stash.get(_left_out, 0)
    if count:
        terminalreporter.write_line(f"{count} job tests were left out: {ABSENT}", yellow=True)


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Path]:
    """Run a PostgreSQL for the session; give the folder of its socket."""
    binaries = find_postgresql()
    assert binaries is not None, ABSENT
    with running(binaries) as folder:
        yield folder


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Give settings of an empty store, once on SQLite and once on PostgreSQL."""
    settings = Settings(jobs_dir=str(tmp_path / "jobs"))
    if request.param == SQLITE:
        return settings
    folder = request.getfixturevalue("postgresql")
    return replace(settings, jobs_url=make_database(folder, f"jobs_{next(_counter)}"))


MakeStore = Callable[..., Store]


@pytest.fixture
def make_store(place: Settings, clock: Clock) -> Iterator[MakeStore]:
    """Open the store once more, with settings that differ as told."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Store:
            store = open_store(replace(place, **settings), clock=clock)
            stack.callback(store.close)
            return store

        yield make


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()
