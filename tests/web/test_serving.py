"""The reviewer that serves now, and the watch that replaces it, in one process."""

from __future__ import annotations

import gc
import itertools
import logging
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from service.batch.evaluation import Reviews
from service.errors import ModelRefused
from service.language.model_index import IndexWatch
from service.language.nlp import Language
from service.records import Answer
from service.reviewer import Reviewer
from service.settings import Settings
from service.web import serving as module
from service.web.problems import NotReady
from service.web.serving import ModelWatch, Serving
from training.folder import set_current

from ..conftest import TinyModel
from .conftest import MakeApp, assert_problem
from .fakes import ANSWER, VERSIONS, FakeReviewer
from .models import NAMES, STORY, reply_of, write_models


class Versioned(FakeReviewer):
    """The fake as another model."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.versions = replace(VERSIONS, model=model)


class Clock:
    """Stands in for the monotonic clock."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def watch_of(serving: Serving, folder: Path, load: Callable[[Reviews | None], Reviews]) -> ModelWatch:
    return ModelWatch(serving, IndexWatch(folder), load)


def test_nothing_is_loaded_until_the_index_changes(tmp_path: Path, clock: Clock) -> None:
    first, second = Versioned("a+1"), Versioned("b+1")
    serving = Serving(first)
    asked: list[Reviews | None] = []

    def load(before: Reviews | None) -> Reviews:
        asked.append(before)
        return second

    watch = watch_of(serving, tmp_path, load)
    for _ in range(3):
        clock.now += 100
        watch.turn()
    assert asked == []
    set_current(tmp_path, "b")
    watch.turn()
    watch.turn()
    assert asked == [first]
    assert serving.reviewer() is second
    assert serving.versions == second.versions


def test_the_same_model_again_leaves_the_reviewer_as_it_is(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    first = Versioned("a+1")
    serving = Serving(first)
    watch = watch_of(serving, tmp_path, lambda _: Versioned("a+1"))
    set_current(tmp_path, "a")
    with caplog.at_level(logging.INFO):
        watch.turn()
    assert serving.reviewer() is first
    assert caplog.records == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ModelRefused("it is damaged"), "it is damaged"), (KeyError("limits"), "it can't be used: KeyError")],
)
def test_what_is_refused_is_told_once_and_tried_again_in_a_while(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, error: Exception, reason: str
) -> None:
    first, mended = Versioned("a+1"), Versioned("b+1")
    serving = Serving(first)
    tries: list[Exception | Versioned] = [error, error, mended]

    def load(_before: Reviews | None) -> Reviews:
        found = tries.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    watch = watch_of(serving, tmp_path, load)
    set_current(tmp_path, "b")
    with caplog.at_level(logging.INFO):
        for seconds, left in ((0, 2), (4.9, 2), (0.2, 1), (4.9, 1)):
            clock.now += seconds
            watch.turn()
            assert len(tries) == left
            assert serving.reviewer() is first
            assert serving.trouble == f"the current model is refused, another serves on: {reason}"
        refused = [record for record in caplog.records if record.message == "model_refused"]
        assert [record.__dict__["fields"] for record in refused] == [{"reason": reason}]
        assert "limits" not in caplog.text
        clock.now += 0.2
        watch.turn()
    assert serving.reviewer() is mended
    assert serving.trouble is None


def test_a_try_that_takes_long_is_repeated_seldom(tmp_path: Path, clock: Clock) -> None:
    tries: list[float] = []

    def load(_before: Reviews | None) -> Reviews:
        tries.append(clock.now)
        clock.now += 2
        raise ModelRefused("it is damaged")

    watch = watch_of(Serving(ModelRefused("there is none")), tmp_path, load)
    for _ in range(100):
        clock.now += 1
        watch.turn()
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert len(gaps) == 2
    assert min(gaps) >= 40


def test_without_a_reviewer_it_says_why_until_there_is_one(tmp_path: Path, clock: Clock) -> None:
    serving = Serving(ModelRefused("the model is damaged"))
    with pytest.raises(NotReady, match="the model is damaged"):
        serving.reviewer()
    assert serving.versions is None
    ready = Versioned("b+1")
    watch_of(serving, tmp_path, lambda _: ready).turn()
    assert serving.reviewer() is ready


def test_readyz_warns_and_version_names_what_serves(make_app: MakeApp) -> None:
    serving = Serving(Versioned("a+1"))
    client = make_app(serving).test_client()
    assert client.get("/readyz").json == {"status": "ready"}
    serving.warn("another serves on")
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (200, {"status": "ready", "warning": "another serves on"})
    serving.take(Versioned("b+1"))
    assert client.get("/readyz").json == {"status": "ready"}
    version = client.get("/version").json
    assert version is not None
    assert version["model"] == "b+1"


def test_application_that_gets_a_reviewer_later(make_app: MakeApp) -> None:
    serving = Serving(ModelRefused("the model is damaged"))
    client = make_app(serving).test_client()
    asked = {"questions": ["Is there parking?"]}
    assert_problem(client.get("/readyz"), 503, "not_ready")
    assert_problem(client.post("/v1/questions", json=asked), 503, "not_ready")
    serving.take(Versioned("b+1"))
    assert client.post("/v1/feedback", json={"answer": ANSWER}).status_code == 200
    assert client.post("/v1/questions", json=asked).status_code == 200


def test_a_reviewer_on_the_same_pipeline_judges_as_one_of_its_own_and_the_one_before_is_freed(
    tiny: TinyModel, language: Language, tmp_path: Path
) -> None:
    models = write_models(tmp_path / "models", tiny, language)
    serving = Serving(Reviewer.from_settings(Settings(models_dir=models.folder)))
    gone = []
    for name in (NAMES[1], NAMES[0]) * 3:
        models.promote(name)
        before = serving.now
        assert isinstance(before, Reviewer)
        fresh = before.with_model(name)
        assert fresh.versions.model == models.versions[name]
        # Both at once, in turns.
        assert reply_of(fresh) == models.replies[name]
        assert reply_of(before) == models.replies[NAMES[0] if name == NAMES[1] else NAMES[1]]
        gone.append(weakref.ref(before))
        serving.take(fresh)
        del before, fresh
    gc.collect()
    assert [reference() for reference in gone] == [None] * len(gone)
    now = serving.now
    assert isinstance(now, Reviewer)
    with pytest.raises(ModelRefused, match="no model folder"):
        now.with_model("tiny-3")
    assert now.review(Answer(STORY)).versions.model == models.versions[NAMES[0]]
