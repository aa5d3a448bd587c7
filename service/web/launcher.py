"""Starting gunicorn.

``serve`` replaces the process by a fresh one, ``python -m service.web.launcher``, because two things must be
in the environment before numpy and prometheus_client are first imported: one thread for every numeric
library (two workers with the libraries' default are ten times slower), and the metrics directory.
Each worker loads the model after the fork: a model that ran OpenMP before it would hang.
"""

from __future__ import annotations

import math
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]

import service
from service.settings import PREFIX, Settings
from service.web import job_process, runtime

if TYPE_CHECKING:
    from flask import Flask

#: Builds the application in a worker process.
Build = Callable[[Settings, runtime.RuntimeDirectory], "Flask"]

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
#: Requests after which a worker is replaced, give or take, so that no slow leak is for ever.
_MAX_REQUESTS = 20_000
#: Seconds that a worker has beyond the deadline to send its last replies.
_GRACE = 5
#: Connections of one worker, far below the usual limit of 1024 open files.
_MAX_CONNECTIONS = 400


def serve(settings: Settings) -> NoReturn:
    """Replace this process by the service with ``settings``.

    Raises ``SettingsRefused`` for settings that are unsafe or cannot work.
    """
    settings.check()
    sys.stdout.flush()
    sys.stderr.flush()
    # The same package again, whatever a folder named "service" in the working directory holds.
    paths = [str(Path(service.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        **settings_environment(settings),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }
    os.execve(sys.executable, [sys.executable, "-P", "-m", "service.web.launcher"], environment)  # noqa: S606


def settings_environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables from which ``Settings.from_environment`` makes ``settings``."""
    return {f"{PREFIX}{field.name.upper()}": str(getattr(settings, field.name)) for field in fields(settings)}


def run(settings: Settings, build: Build, *, jobs: str = job_process.MODULE) -> None:
    """Serve what ``build`` makes until told to stop; ends with ``SystemExit``.

    ``jobs`` is the module of the process that works on jobs, where ``settings`` want any. To be called before numpy or prometheus_client are imported.
    """
    early = {"numpy", "prometheus_client"} & sys.modules.keys()
    if early:
        raise RuntimeError(f"imported before its environment was set: {', '.join(sorted(early))}")
    os.environ.update(_ONE_THREAD)
    # A core dump would hold answers.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    directory = runtime.make()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory.metrics)
    master = os.getpid()
    try:
        _Server(settings, directory, build, jobs).run()
    finally:
        # Workers come by here too when they end.
        if os.getpid() == master:
            directory.remove()


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with our settings; its own configuration files, arguments and variables are not read."""

    def __init__(
        self, settings: Settings, directory: runtime.RuntimeDirectory, build: Build, jobs: str
    ) -> None:
        self.settings = settings
        self._directory = directory
        self._build = build
        self._jobs = jobs
        super().__init__(prog="star-feedback")

    def load_config(self) -> None:
        """Set gunicorn's settings."""
        for name, value in gunicorn_settings(self.settings, self._directory.path).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application; gunicorn calls this in each worker."""
        return self._build(self.settings, self._directory)

    def run(self) -> None:
        """Serve, with the process of jobs beside the workers where there are jobs."""
        if self.settings.keeps_jobs:
            _Master(self, job_process.Keeper(self._jobs)).run()
        else:
            super().run()


class _Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which looks after the process of jobs as it does after its workers."""

    def __init__(self, server: _Server, keeper: job_process.Keeper) -> None:
        super().__init__(server)
        self._keeper = keeper

    def manage_workers(self) -> None:
        """Replace what has ended; called at least once a second."""
        super().manage_workers()
        self._keeper.keep()

    def reload(self) -> None:
        """Replace the workers, and the process of jobs: there may be another model."""
        super().reload()
        self._keeper.ask_to_end()

    def stop(self, graceful: bool = True) -> None:
        """End everything, the process of jobs while the workers send their last replies."""
        self._keeper.ask_to_end()
        super().stop(graceful)
        self._keeper.end(self.cfg.graceful_timeout if graceful else _GRACE)


def gunicorn_settings(settings: Settings, directory: Path) -> dict[str, object]:
    """Return what gunicorn is to be set to, by the names of its documentation."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    patience = math.ceil(settings.deadline) + _GRACE
    return {
        "bind": f"{host}:{settings.port}",
        "proc_name": "star-feedback",
        "worker_class": "service.web.worker.Worker",
        "workers": settings.workers,
        # One thread works and the line waits; the others answer health checks, refuse, and read slow bodies.
        "threads": 1 + settings.waiting_line + settings.threads,
        "worker_connections": max(_MAX_CONNECTIONS, 2 * (1 + settings.waiting_line + settings.threads)),
        "preload_app": False,
        "graceful_timeout": patience,
        "timeout": 2 * patience,
        "keepalive": 5,
        "max_requests": _MAX_REQUESTS,
        "max_requests_jitter": _MAX_REQUESTS // 10,
        "worker_tmp_dir": str(directory),
        "umask": 0o077,
        "limit_request_line": 2048,
        "limit_request_fields": 64,
        "limit_request_field_size": 8190,
        # No peer is believed about scheme or address.
        "forwarded_allow_ips": "",
        "control_socket_disable": True,
        "accesslog": None,
        "errorlog": "-",
        "loglevel": "info",
        "capture_output": False,
        "logger_class": "service.web.worker.Logger",
        "pre_fork": _give_slot,
        "post_fork": _take_slot,
        "child_exit": _free_slot,
    }


def _give_slot(arbiter: Any, worker: Any) -> None:
    """Give a worker that is about to be forked the lowest number that no living worker has."""
    taken = {sibling.slot for sibling in arbiter.WORKERS.values()}
    worker.slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)


def _take_slot(_arbiter: Any, worker: Any) -> None:
    from service.web import metrics

    metrics.use_slot(worker.slot)


def _free_slot(_arbiter: Any, worker: Any) -> None:
    """Drop the gauges of a worker that has ended; its counters go on in its slot."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.slot)  # type: ignore[no-untyped-call]


def _main() -> None:
    def build(settings: Settings, directory: runtime.RuntimeDirectory) -> Flask:
        # Not before the fork: it imports numpy.
        from service.web import wsgi

        return wsgi.build(settings, directory)

    run(Settings.from_environment(), build)


if __name__ == "__main__":
    _main()
