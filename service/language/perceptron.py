"""A small multi-layer perceptron as arrays: scikit-learn fits it, here it is a few matrix products."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.language.heads import Floats, softmax


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights of shape ``(inputs, outputs)`` and an intercept of shape ``(outputs,)``."""

    weights: Floats
    intercept: Floats


@dataclass(frozen=True, slots=True)
class Perceptron:
    """Layers with rectified units between them, and a softmax behind the last one."""

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """Raise ``ValueError`` where a layer doesn't take what the one before it gives."""
        sizes = [layer.weights.shape for layer in self.layers]
        if not sizes or any(len(size) != 2 for size in sizes):
            raise ValueError("a perceptron is made of layers with a table of weights each")
        if any(layer.intercept.shape != (size[1],) for layer, size in zip(self.layers, sizes, strict=True)):
            raise ValueError("an intercept does not fit its weights")
        if any(before[1] != after[0] for before, after in itertools.pairwise(sizes)):
            raise ValueError("a layer does not take what the one before it gives")

    @property
    def inputs(self) -> int:
        """How many numbers it takes."""
        return int(self.layers[0].weights.shape[0])

    @property
    def outputs(self) -> int:
        """How many classes it tells apart."""
        return int(self.layers[-1].weights.shape[1])

    def probabilities(self, inputs: Floats) -> NDArray[np.float64]:
        """Return the probability of each class, shape ``(len(inputs), outputs)``."""
        seen = inputs
        for layer in self.layers[:-1]:
            seen = np.maximum(seen @ layer.weights + layer.intercept, 0)
        last = self.layers[-1]
        return softmax((seen @ last.weights + last.intercept).astype(np.float64))


def mean_logarithms(perceptrons: Sequence[Perceptron], inputs: Floats) -> NDArray[np.float64]:
    """Return the mean of what ``perceptrons`` say, as log-probabilities that add up to 1 again.

    A geometric mean: several fitted from other beginnings are right more often than any one of them (Hansen and
    Salamon, 1990).
    """
    logarithms = [np.log(np.clip(one.probabilities(inputs), 1e-6, 1)) for one in perceptrons]
    return np.asarray(np.log(np.clip(softmax(np.mean(logarithms, axis=0)), 1e-6, 1)))
