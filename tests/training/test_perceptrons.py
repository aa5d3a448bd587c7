"""The space of the clauses, and perceptrons that are fitted in it, from nothing or from others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import scipy.sparse as sparse

from service.language.labeller import LABELS
from training.fit import stopping_early
from training.perceptrons import PerceptronSettings, embed, fit_perceptron, fit_perceptrons, second_rows

SETTINGS = PerceptronSettings(dimensions=4, hidden=8, hidden_after=6, count=2, decay=0.01)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with stopping_early():
        yield


@pytest.fixture(scope="module")
def rows() -> sparse.csr_matrix:
    """Clauses of which each has the features of its sort (of five sorts), but for some noise."""
    generator = np.random.default_rng(0)
    sorts = np.arange(300) % 5
    own = np.zeros((300, 15))
    for feature in range(3):
        own[np.arange(300), 3 * sorts + feature] = generator.random(300) > 0.3
    own[generator.random(own.shape) < 0.05] = 1
    return sparse.csr_matrix(own)


def examples(rows: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    embedding = embed(rows, np.ones(15, dtype=bool), 4)
    first = np.full((300, len(LABELS)), 0.2)
    return second_rows(rows, embedding, first, [10] * 30), np.arange(300) % 5, np.ones(300)


def test_clauses_of_like_features_lie_near_one_another(rows: sparse.csr_matrix) -> None:
    points = np.asarray(rows @ embed(rows, np.ones(15, dtype=bool), 4))
    near = [np.linalg.norm(points[k] - points[k + 5]) for k in range(250)]
    far = [np.linalg.norm(points[k] - points[k + 6]) for k in range(250)]
    assert np.mean(near) < 0.7 * np.mean(far)
    np.testing.assert_allclose(points.std(axis=0), 1, atol=0.01)


def test_a_feature_that_is_not_used_moves_no_point(rows: sparse.csr_matrix) -> None:
    is_used = np.arange(15) != 3
    embedding = embed(rows, is_used, 4)
    assert not embedding[3].any()
    assert embedding[is_used].any(axis=1).all()


def test_more_dimensions_than_there_are_features_are_not_asked_for(rows: sparse.csr_matrix) -> None:
    assert embed(rows, np.ones(15, dtype=bool), 64).shape == (15, 14)


def test_perceptrons_learn_and_are_the_same_again(rows: sparse.csr_matrix) -> None:
    inputs, gold, weight = examples(rows)
    first, second = (fit_perceptrons(inputs, gold, weight, SETTINGS) for _ in range(2))
    assert len(first) == SETTINGS.count
    for one, other in zip(first, second, strict=True):
        assert (one.probabilities(inputs).argmax(axis=1) == gold).mean() > 0.8
        for layer, same in zip(one.layers, other.layers, strict=True):
            np.testing.assert_array_equal(layer.weights, same.weights)
    assert not np.array_equal(first[0].layers[0].weights, first[1].layers[0].weights)


def test_one_that_begins_with_another_begins_where_that_one_is(rows: sparse.csr_matrix) -> None:
    inputs, gold, weight = examples(rows)
    learnt = fit_perceptron(inputs, gold, weight, SETTINGS, 0)
    further = fit_perceptron(inputs, gold, 1e-9 * weight, SETTINGS, 0, learnt)
    again = fit_perceptron(inputs, gold, weight, SETTINGS, 0, learnt)
    agreement = (further.probabilities(inputs) - learnt.probabilities(inputs)).__abs__().max()
    assert agreement < 0.35
    assert (again.probabilities(inputs).argmax(axis=1) == gold).mean() > 0.8


def test_labels_without_an_example_are_never_told(rows: sparse.csr_matrix) -> None:
    inputs, gold, weight = examples(rows)
    for known in ([1, 4], [0, 2, 3]):
        chosen = np.isin(gold, known)
        one = fit_perceptron(inputs[chosen], gold[chosen], weight[chosen], SETTINGS, 0)
        told = one.probabilities(inputs)
        assert told.shape == (300, len(LABELS))
        assert set(told.argmax(axis=1)) <= set(known)
        assert (told[chosen].argmax(axis=1) == gold[chosen]).mean() > 0.8
