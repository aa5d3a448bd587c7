"""Fitting the second step: the space that clauses are points of, and the perceptrons that label them there.

Everything is visited in a fixed order with fixed seeds: the same clauses give the same numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.neural_network import MLPClassifier

from service.language.heads import Floats
from service.language.labeller import LABELS, second_inputs
from service.language.perceptron import Layer, Perceptron

#: Clauses a step of the solver sees at once, and the fewest steps that it takes however few the clauses are.
_BATCH = 256
_FEWEST_STEPS = 400
#: A weight nearer to 0 is 0.
_NOTHING = 1e-12
#: Threads that fit side by side; the result is the same for any number.
_THREADS = 2


@dataclass(frozen=True, slots=True)
class PerceptronSettings:
    """What is chosen on the development part."""

    #: Dimensions of the space.
    dimensions: int = 64
    #: Units of the two hidden layers.
    hidden: int = 96
    hidden_after: int = 48
    #: How many perceptrons, each from another beginning.
    count: int = 3
    #: Times that each clause is seen.
    epochs: int = 8
    #: Strength of the penalty on large weights.
    decay: float = 1.0


def embed(own: sparse.csr_matrix, is_used: NDArray[np.bool_], dimensions: int) -> Floats:
    """Return a point for each feature, shape ``(features, dimensions)``; a clause's is the sum of its features'.

    Latent semantic analysis (Deerwester and others, 1990): the directions in which the clauses (rows of ``own``) differ
    most, frequent features weighing less; along each the clauses vary by 1. Features not in ``is_used`` lie at 0.
    """
    seen_in = np.asarray((own > 0).sum(axis=0)).ravel()
    weights = np.where(is_used, np.sqrt(np.log((own.shape[0] + 1) / (seen_in + 1))), 0)
    weighed = (own @ sparse.diags(weights)).tocsr()
    most = max(1, min(dimensions, min(own.shape) - 1))
    found = TruncatedSVD(most, n_iter=3, random_state=0).fit(weighed)
    directions = weights[:, None] * found.components_.T
    spread = np.asarray(own @ directions).std(axis=0)
    # Where clauses are few they don't differ in so many directions: what is left is the noise of rounding.
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 1e-4 * spread.max(initial=0))
    # What ships has half the precision; it is fitted on as it will be used.
    return np.asarray((directions * scale).astype(np.float16), dtype=np.float32)


def second_rows(
    own: sparse.csr_matrix, embedding: Floats, first: NDArray[np.float64], lengths: Sequence[int]
) -> Floats:
    """Return what the perceptrons take of every clause, for answers of ``lengths`` clauses."""
    points = np.asarray(own @ embedding)
    edges = list(itertools.accumulate(lengths, initial=0))
    return np.vstack([second_inputs(points[a:b], first[a:b]) for a, b in itertools.pairwise(edges)])


def fit_perceptron(
    inputs: Floats,
    gold: NDArray[np.intp],
    weight: NDArray[np.float64],
    settings: PerceptronSettings,
    seed: int,
    start: Perceptron | None = None,
) -> Perceptron:
    """Fit one perceptron, from a random beginning or, in a quarter of the time, from ``start``.

    ``gold`` holds label numbers; those that it lacks get next to no probability.
    """
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    scaled = (inputs - mean) / spread
    epochs = max(settings.epochs, math.ceil(_FEWEST_STEPS / math.ceil(len(gold) / _BATCH)))
    model = MLPClassifier(
        (settings.hidden, settings.hidden_after),
        alpha=settings.decay,
        batch_size=min(_BATCH, len(gold)),
        max_iter=epochs if start is None else max(1, epochs // 4),
        n_iter_no_change=epochs + 1,
        random_state=seed,
        warm_start=start is not None,
    )
    if start is not None:
        labels = [np.flatnonzero(gold == label)[:1] for label in range(len(LABELS))]
        few = np.concatenate([*labels, np.arange(min(_BATCH, len(gold)))])
        model.fit(scaled[few], gold[few])
        _begin(model, start, mean, spread)
    model.fit(scaled, gold, sample_weight=weight)
    return _perceptron(model, mean, spread)


def _begin(model: MLPClassifier, start: Perceptron, mean: Floats, spread: Floats) -> None:
    """Put the weights of ``start`` into ``model``, for scaled inputs."""
    for number, layer in enumerate(start.layers):
        weights, intercept = layer.weights.copy(), layer.intercept.copy()
        if number == 0:
            intercept += mean @ weights
            weights *= spread[:, None]
        model.coefs_[number][:] = weights
        model.intercepts_[number][:] = intercept


def _perceptron(model: MLPClassifier, mean: Floats, spread: Floats) -> Perceptron:
    """Return ``model`` as layers that take inputs as they are, with an output for every label."""
    layers = [
        Layer(_flushed(weights), np.asarray(intercept, dtype=np.float32))
        for weights, intercept in zip(model.coefs_, model.intercepts_, strict=True)
    ]
    first, last = layers[0], layers[-1]
    weights = _flushed(first.weights / spread[:, None])
    layers[0] = Layer(weights, (first.intercept - mean @ weights).astype(np.float32))
    if len(model.classes_) == 2:  # scikit-learn keeps one column for two classes
        nothing = np.zeros_like(last.weights)
        last = Layer(np.hstack([nothing, last.weights]), np.concatenate([[0.0], last.intercept]))
    table = np.zeros((last.weights.shape[0], len(LABELS)), dtype=np.float32)
    table[:, model.classes_] = last.weights
    intercept = np.full(len(LABELS), -20, dtype=np.float32)
    intercept[model.classes_] = last.intercept
    layers[-1] = Layer(table, intercept)
    return Perceptron(tuple(layers))


def _flushed(weights: NDArray[np.floating]) -> Floats:
    """Return ``weights`` with zeros for what the penalty has worn down to nothing.

    Below 1e-38 a 32-bit float is not normal any more, and a product with a thousand such is sixty times as slow.
    """
    return np.where(np.abs(weights) < _NOTHING, 0, weights).astype(np.float32)


def fit_perceptrons(
    inputs: Floats,
    gold: NDArray[np.intp],
    weight: NDArray[np.float64],
    settings: PerceptronSettings,
    start: Sequence[Perceptron] = (),
) -> tuple[Perceptron, ...]:
    """Fit all perceptrons, side by side."""
    beginnings: Sequence[Perceptron | None] = start or [None] * settings.count
    with ThreadPoolExecutor(_THREADS) as threads:
        return tuple(
            threads.map(
                lambda seed: fit_perceptron(inputs, gold, weight, settings, seed, beginnings[seed]),
                range(len(beginnings)),
            )
        )
