"""Another model while requests go on, with the real server: none is dropped, none is mixed.

``SWAP_ROUNDS`` is how many times the model is swapped under load.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.language.model_index import INDEX
from service.language.nlp import Language

from ..conftest import TinyModel
from .conftest import strict_loads
from .models import NAMES, STORY, Models, write_models
from .test_gunicorn import Server, _until, running

ROUNDS = int(os.environ.get("SWAP_ROUNDS", "3"))
CLIENTS = 4
SERVE = ["-P", "-m", "service.web.launcher"]
#: Seconds within which every worker has the promoted model.
IN_TIME = 5.0
#: Bytes that a worker may grow by from the first swap to the last.
MOST_GROWTH = 30 * 2**20
OLD, NEW = NAMES


@dataclass
class Load:
    """Clients that ask without a pause; ``replies`` holds when each was sent, its status and its body."""

    port: int
    replies: list[tuple[float, int, bytes]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        body, headers = json.dumps({"answer": STORY}).encode(), {"Content-Type": "application/json"}
        try:
            while not self._stop.is_set():
                sent = time.monotonic()
                # A connection of its own for each, so that the system shares them out among the workers.
                with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
                    connection.request("POST", "/v1/feedback", body, headers)
                    response = connection.getresponse()
                    self.replies.append((sent, response.status, response.read()))
        except (OSError, http.client.HTTPException) as failure:
            self.failures.append(failure)


def states(server: Server) -> list[dict[str, Any]]:
    """Return what each worker last told of its model."""
    told = {event["process"]: event for event in server.events() if event["event"].startswith("model")}
    return [told[worker.pid] for worker in server.workers() if worker.pid in told]


def have(server: Server, version: str) -> bool:
    """Say whether both workers serve a model, as they should."""
    return [state.get("model") for state in states(server)] == [version] * 2


def refuse(server: Server, reason: str) -> bool:
    """Say whether both workers refuse the current model for a reason."""
    return [reason in state.get("reason", "") for state in states(server)] == [True] * 2


def refusals(server: Server) -> int:
    """Return how many times workers told that they refuse the current model."""
    return sum(event["event"] == "model_refused" for event in server.events())


def reply_is_of(server: Server, models: Models, name: str) -> bool:
    """Say whether the service replies as a model does."""
    reply = server.ask("POST", "/v1/feedback", {"answer": STORY})
    return bool(reply == (200, strict_loads(models.replies[name])))


@pytest.fixture(scope="module")
def written(tiny: TinyModel, language: Language, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Give models that are not to be changed."""
    return write_models(tmp_path_factory.mktemp("written") / "models", tiny, language)


@pytest.fixture(scope="module")
def _served(written: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Models]]:
    folder = tmp_path_factory.mktemp("served")
    models = written.copy(folder / "models")
    settings = {"models_dir": models.folder, "jobs_dir": "", "rate_requests": 0, "rate_bytes": 0}
    with running(folder, SERVE, workers=2, **settings) as started:
        yield started, models


@pytest.fixture
def models(_served: tuple[Server, Models], written: Models) -> Models:
    """Give the models of the running service: whole, the first of them current in both workers."""
    server, models = _served
    models.promote(OLD)
    _until(lambda: have(server, models.versions[OLD]), 30)
    models.mend(NEW, written)
    return models


@pytest.fixture
def server(_served: tuple[Server, Models], models: Models) -> Server:
    return _served[0]


def test_every_reply_is_whole_and_of_one_model_while_models_are_swapped(
    server: Server, models: Models
) -> None:
    scores = {strict_loads(reply)["score"]["value"] for reply in models.replies.values()}
    assert len(scores) == 2, "a reply's score tells the model that made it"
    workers = {worker.pid for worker in server.workers()}
    seconds, memory, quiet = [], [], []
    with Load(server.port) as load:
        time.sleep(1)
        for name in itertools.islice(itertools.cycle((NEW, OLD)), ROUNDS):
            promoted = time.monotonic()
            models.promote(name)
            _until(lambda version=models.versions[name]: have(server, version))  # type: ignore[misc]
            taken = time.monotonic()
            seconds.append(taken - promoted)
            time.sleep(0.5)
            quiet.append((taken, time.monotonic(), name))
            memory.append(max(worker.memory_info().rss for worker in server.workers()))
    assert load.failures == []
    assert {status for _, status, _ in load.replies} == {200}
    by_body = {body: name for name, body in models.replies.items()}
    told = [(sent, by_body.get(body)) for sent, _, body in load.replies]
    assert {name for _, name in told} == set(NAMES), "every reply is the very bytes of one of the models"
    for began, ended, name in quiet:
        meanwhile = {made_by for sent, made_by in told if began <= sent < ended}
        assert meanwhile == {name}, "once every worker has it, nothing else replies"
    assert max(seconds) < IN_TIME, seconds
    assert {worker.pid for worker in server.workers()} == workers
    assert memory[-1] - memory[0] < MOST_GROWTH, memory


def test_a_stream_keeps_the_model_that_it_began_with(server: Server, models: Models) -> None:
    rows = 600
    row = json.dumps({"answer": STORY}).encode() + b"\n"
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request("POST", "/v1/feedback/batch", row * rows, {"Content-Type": "application/x-ndjson"})
        stream = connection.getresponse()
        lines = [stream.readline()]
        models.promote(NEW)
        _until(lambda: have(server, models.versions[NEW]))
        assert reply_is_of(server, models, NEW)
        assert not [event for event in server.events() if event["event"] == "batch"], "it still goes on"
        lines += stream.read().splitlines(keepends=True)
    assert len(lines) == rows + 1
    assert {line.rstrip(b"\n") for line in lines[:-1]} == {models.replies[OLD]}


def test_damaged_model_leaves_the_other_serving_until_it_is_mended_or_rolled_back(
    server: Server, models: Models, written: Models
) -> None:
    before = refusals(server)
    models.damage(NEW)
    with Load(server.port) as load:
        models.promote(NEW)
        _until(lambda: refuse(server, "embedding.npy is damaged"))
        status, ready = server.ask("GET", "/readyz")
        assert (status, ready["status"]) == (200, "ready")
        assert ready["warning"].startswith("the current model is refused, another serves on: embedding")
        assert server.ask("GET", "/version")[1]["model"] == models.versions[OLD]
        # It is tried again, in vain, and told once.
        time.sleep(7)
        assert refusals(server) == before + 2
        index = (models.folder / INDEX).read_bytes()
        models.put_index(b"{")
        _until(lambda: refuse(server, "the index index.json"))
        models.put_index(index)
        _until(lambda: refuse(server, "embedding.npy is damaged"))
        models.promote(OLD)
        _until(lambda: have(server, models.versions[OLD]))
        assert server.ask("GET", "/readyz") == (200, {"status": "ready"})
    assert load.failures == []
    assert {(status, body) for _, status, body in load.replies} == {(200, models.replies[OLD])}
    models.promote(NEW)
    _until(lambda: refuse(server, "embedding.npy is damaged"))
    models.mend(NEW, written)
    # Without another promotion.
    _until(lambda: have(server, models.versions[NEW]), 20)
    assert reply_is_of(server, models, NEW)


def test_worker_that_starts_beside_a_damaged_model_takes_the_one_before(
    server: Server, models: Models
) -> None:
    models.damage(NEW)
    models.promote(NEW)
    _until(lambda: refuse(server, "embedding.npy is damaged"))
    victim = server.workers()[0]
    victim.kill()
    _until(lambda: victim.pid not in [worker.pid for worker in server.workers()])
    _until(lambda: refuse(server, "embedding.npy is damaged"), 30)
    assert models.versions[OLD] in [state.get("serves") for state in states(server)]
    for _ in range(20):
        assert reply_is_of(server, models, OLD)
        assert "embedding.npy is damaged" in server.ask("GET", "/readyz")[1]["warning"]


def test_service_that_began_without_a_model_takes_one_up(written: Models, tmp_path: Path) -> None:
    models = written.copy(tmp_path / "models")
    models.damage(OLD)
    with running(tmp_path, SERVE, workers=1, models_dir=models.folder, jobs_dir="") as server:
        assert server.ask("GET", "/readyz")[0] == 503
        assert server.ask("POST", "/v1/questions", {"questions": ["Is there parking?"]})[0] == 503
        models.promote(NEW)
        _until(lambda: server.ask("GET", "/readyz") == (200, {"status": "ready"}), 30)
        assert reply_is_of(server, models, NEW)
        assert server.ask("POST", "/v1/questions", {"questions": ["Is there parking?"]})[0] == 200


def test_a_model_that_the_operator_names_is_served_whatever_the_index_names(
    written: Models, tmp_path: Path
) -> None:
    models = written.copy(tmp_path / "models")
    settings = {"models_dir": models.folder, "jobs_dir": "", "model": OLD}
    with running(tmp_path, SERVE, workers=1, **settings) as server:
        models.promote(NEW)
        time.sleep(3)
        assert server.ask("GET", "/version")[1]["model"] == models.versions[OLD]
