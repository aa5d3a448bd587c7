"""Which findings the model may raise: those that are right often enough on answers it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from service.feedback.catalogue import Catalogue
from service.labels import QuestionType
from training.opinions import LEAST_PRECISION, limit, targets

from ..conftest import TinyModel


def test_a_limit_keeps_the_precision_that_is_asked_for() -> None:
    generator = np.random.default_rng(4)
    for _ in range(50):
        gold = generator.random(80) < 0.3
        chance = np.clip(0.35 * gold + generator.random(80) * 0.6, 0, 1)
        above = limit(chance, gold)
        if above is not None:
            raised = chance >= above
            assert gold[raised].mean() >= LEAST_PRECISION


def test_a_finding_that_is_mostly_wrong_has_no_limit() -> None:
    gold = np.array([False, False, True] * 20)
    assert limit(np.linspace(1, 0, 60), gold) is None


def test_a_finding_that_is_always_right_is_raised_where_it_is_true() -> None:
    gold = np.array([True] * 10 + [False] * 30)
    chance = np.concatenate([np.full(10, 0.9), np.full(30, 0.1)])
    above = limit(chance, gold)
    assert above is not None
    assert ((chance >= above) == gold).all()


def test_all_findings_and_criteria_are_tried(catalogue: Catalogue) -> None:
    wanted = targets(catalogue)
    assert set(wanted) == {rule.id for rule in catalogue.rules} | {c.id for c in catalogue.criteria}
    assert wanted["criterion.salary.range"] == (frozenset({QuestionType.SALARY}), "criterion.salary.range:met")
    assert wanted["language.blame"][1] == "language.blame"


def test_what_readers_said_plainly_is_learnt(tiny: TinyModel) -> None:
    head = tiny.fitted.heads["opinions"]
    assert "result.missing" in head.classes
    assert tiny.fitted.limits["result.missing"].above is not None
    assert head.weights.shape == (len(head.vocabulary), len(head.classes))
    assert "language.blame" not in head.classes, "nobody raised it"


@pytest.mark.parametrize("finding", ["result.missing"])
def test_a_limit_is_a_probability(tiny: TinyModel, finding: str) -> None:
    above = tiny.fitted.limits[finding].above
    assert above is not None
    assert 0 <= above < 1
