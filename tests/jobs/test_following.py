"""Jobs and another model: each is judged by one, the next by the promoted one."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

from service.batch.pool import EngineFailed
from service.jobs.runner import Runner, made_by
from service.jobs.store import Store
from service.settings import Settings
from tests.web.fakes import VERSIONS

from .test_runner import FakeEngine, Told
from .uploads import OWNER, found, lines_in, upload_of

OTHER = replace(VERSIONS, model="other+1")


class RefusedEngine(FakeEngine):
    """An engine of a model that is damaged."""

    def __enter__(self) -> FakeEngine:
        raise EngineFailed("the model is damaged")


class Following:
    """A runner with engines that it gets one after another; a promotion is seen once."""

    def __init__(self, place: Settings, store: Store, *engines: FakeEngine) -> None:
        self.engines = list(engines)
        self._promoted = False
        self.told = Told()
        self.runner = Runner(
            place,
            open_store=lambda: store,
            make_engine=lambda: self.engines.pop(0),
            stop=threading.Event(),
            tell=self.told,
            is_outdated=self._is_outdated,
        )

    def _is_outdated(self) -> bool:
        promoted, self._promoted = self._promoted, False
        return promoted

    def promote(self) -> None:
        self._promoted = True


def models_of(store: Store, job_id: str) -> set[str]:
    """Return the models of the rows that were judged; one in error has none."""
    replies = [json.loads(line) for line in lines_in(store, job_id)]
    return {reply["versions"]["model"] for reply in replies if "error" not in reply}


def test_a_job_keeps_its_model_and_the_next_has_the_promoted_one(place: Settings, store: Store) -> None:
    promotions: list[Following] = []
    first = FakeEngine(at=10, act=lambda: promotions[0].promote())
    second = FakeEngine(versions=OTHER)
    following = Following(place, store, first, second)
    promotions.append(following)
    jobs = [store.create(upload_of(count)) for count in (30, 20)]
    assert following.runner.turn()
    assert found(store, jobs[0].id).made_by == made_by(VERSIONS, place)
    assert models_of(store, jobs[0].id) == {VERSIONS.model}
    assert (first.left, second.entered) == (0, 0)
    assert following.runner.turn()
    assert found(store, jobs[1].id).made_by == made_by(OTHER, place)
    assert models_of(store, jobs[1].id) == {OTHER.model}
    assert (first.left, second.entered) == (1, 1)


def test_a_model_that_is_refused_leaves_the_one_before_at_work(place: Settings, store: Store) -> None:
    first, last = FakeEngine(), FakeEngine(versions=OTHER)
    following = Following(place, store, first, RefusedEngine(), last)
    jobs = [store.create(upload_of(count)) for count in (3, 4, 5)]
    assert following.runner.turn()
    following.promote()
    assert following.runner.turn()
    assert models_of(store, jobs[1].id) == {VERSIONS.model}
    assert following.told.events[1] == ("model_refused", {"reason": "the model is damaged"})
    # With the next job it is tried again, also without another promotion.
    assert following.runner.turn()
    assert models_of(store, jobs[2].id) == {OTHER.model}
    assert first.left == 1
    assert {found(store, job.id).state for job in jobs} == {"done"}
    assert store.get(OWNER, jobs[0].id) is not None
