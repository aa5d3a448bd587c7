"""The gunicorn worker: no text in its log, problem replies for what is not HTTP, an end to slow clients."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger  # type: ignore[import-untyped]
from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from service.web.headers import request_id
from service.web.logs import JsonFormatter, log_event, log_failure
from service.web.problems import problem_message

#: What gunicorn raises for a request that it cannot or will not read; the nearest base class counts.
_STATUS: dict[type[BaseException], int] = {
    errors.ParseException: 400,
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.ConfigurationProblem: 500,
    errors.InvalidResponseHeader: 500,
    errors.InvalidResponseHeaderName: 500,
}


class Logger(GunicornLogger):  # type: ignore[misc]
    """gunicorn's own log, in the shape of ours: an exception is its type and place, without its message."""

    def setup(self, cfg: Any) -> None:
        """Set gunicorn's handlers up, then change their format."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())


class Worker(ThreadWorker):  # type: ignore[misc]
    """A threaded worker for requests that hold what people wrote.

    gunicorn's own worker logs the bytes that it could not read, and a client that sends half a request and
    then nothing keeps one of its threads for ever, whatever ``--timeout`` says.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reading: dict[int, tuple[float, socket.socket]] = {}
        self._reading_lock = threading.Lock()

    def handle(self, conn: Any) -> object:
        """Handle one request of a connection, in a thread of the pool."""
        with self._reading_lock:
            self._reading[id(conn)] = (time.monotonic(), conn.sock)
        try:
            return super().handle(conn)
        finally:
            with self._reading_lock:
                del self._reading[id(conn)]

    def notify(self) -> None:
        """Tell the master that this worker lives; called at least once a second by the main loop."""
        super().notify()
        self._stop_slow_clients()

    def _stop_slow_clients(self) -> None:
        """End the reading of requests that have not come in before the deadline; replies still go out."""
        latest = time.monotonic() - self.app.settings.deadline
        with self._reading_lock:
            slow = [sock for began, sock in self._reading.values() if began < latest]
            for sock in slow:
                # The client may have gone.
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)

    def handle_error(self, _req: Any, client: socket.socket, _addr: Any, exc: BaseException) -> None:
        """Answer a request that could not be read, or that the application could not answer."""
        status = next((_STATUS[kind] for kind in type(exc).__mro__ if kind in _STATUS), 500)
        new_id = request_id(None)
        if status == 500:
            log_failure(exc, id=new_id, status=status)
        else:
            log_event("unreadable_request", id=new_id, status=status, type=type(exc).__name__)
        with contextlib.suppress(OSError):
            client.sendall(problem_message(status, new_id))
