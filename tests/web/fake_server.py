"""The service under gunicorn with the fake reviewer: ``python -m tests.web.fake_server``.

``FAKE_SECONDS`` is how long it takes for one answer.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from service.settings import Settings
from service.web import launcher, runtime

if TYPE_CHECKING:
    from flask import Flask


def build(settings: Settings, directory: runtime.RuntimeDirectory) -> Flask:
    """Build the application as ``service.web.wsgi`` does, with the fake."""
    from service.web import logs
    from service.web.app import create_app

    from .fakes import FakeReviewer

    logs.configure()
    threads: dict[str, Any] = {name: os.environ[name] for name in os.environ if name.endswith("_NUM_THREADS")}
    logs.log_event("built", **threads)
    reviewer = FakeReviewer(seconds=float(os.environ.get("FAKE_SECONDS", "0")))
    return create_app(settings, reviewer, rates=directory.rates)


if __name__ == "__main__":
    launcher.run(Settings.from_environment(), build, jobs="tests.jobs.fake_process")
