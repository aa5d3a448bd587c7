"""Works on the jobs of a store in this process, for tests of what stands above."""

from __future__ import annotations

import threading
from typing import Any

from service.jobs.runner import Runner
from service.jobs.store import open_store
from service.settings import Settings
from tests.batch.fakes import HereEngine


def work_off(settings: Settings) -> list[str]:
    """Judge every job that waits, with a reviewer that needs no model; return the names of what was told."""
    store = open_store(settings)
    told: list[str] = []

    def tell(event: str, **_: Any) -> None:
        told.append(event)

    runner = Runner(
        settings,
        open_store=lambda: store,
        make_engine=HereEngine,
        stop=threading.Event(),
        tell=tell,
    )
    while runner.turn():
        pass
    store.close()
    return told
