"""The process beside gunicorn's workers that works on jobs, and who keeps it alive.

gunicorn's master starts it and looks after it with every turn of its loop, so that a killed one is followed by
another; it ends by itself when the master is gone. It is no worker of gunicorn's, which would load the
application, and no thread of the master, which forks. It is started anew, not forked: nothing of the master's
state is in it.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from service.batch.evaluation import Reviews, load_reviewer
from service.settings import Settings

MODULE = "service.web.job_process"
#: Seconds between two looks at whether the master lives.
_WATCH = 0.5
#: Seconds between two starts, should the process end at once.
_LEAST_BETWEEN = 2.0


class Keeper:
    """Keeps ``python -m module`` running; for the master, which calls ``keep`` again and again."""

    def __init__(self, module: str = MODULE) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._started = -_LEAST_BETWEEN

    def keep(self) -> None:
        """Start the process where there is none."""
        if self._process is not None and self._process.poll() is None:
            return
        if time.monotonic() - self._started < _LEAST_BETWEEN:
            return
        self._started = time.monotonic()
        command = [sys.executable, "-P", "-m", self._module, str(os.getpid())]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own module

    def ask_to_end(self) -> None:
        """Tell the process to let go of its job and end."""
        if self._process is not None:
            self._process.terminate()

    def end(self, patience: float) -> None:
        """End the process, after ``patience`` seconds by force."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def run(settings: Settings, load: Callable[[Settings], Reviews], *, parent: int) -> None:
    """Work on jobs with the reviewers that ``load`` returns until told to stop, or ``parent`` has ended.

    A job has one model: ``load`` gets settings that name it, whatever the index names by then.
    """
    # Not above: the processes that judge import this module anew.
    from service.batch.pool import Pool
    from service.jobs.runner import Runner
    from service.jobs.store import open_store
    from service.language.model_index import IndexWatch, pinned
    from service.web import logs

    # A core dump would hold answers.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    logs.configure()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    # From a terminal it reaches the master too, who decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent, stop), daemon=True).start()
    Runner(
        settings,
        open_store=lambda: open_store(settings),
        make_engine=lambda: Pool(partial(load, pinned(settings)), settings.jobs_workers),
        stop=stop,
        tell=logs.log_event,
        is_outdated=IndexWatch(settings.models_dir).has_changed,
    ).run()


def _watch(parent: int, stop: threading.Event) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH)
    stop.set()


if __name__ == "__main__":
    run(Settings.from_environment(), load_reviewer, parent=int(sys.argv[1]))
