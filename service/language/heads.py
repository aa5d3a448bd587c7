"""Linear classifiers as arrays: a vocabulary of named features, weights, and a softmax.

scikit-learn fits them; here they are a table look-up and a sum, so that a model folder holds numbers and
names only and cannot run code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class LinearHead:
    """Weights of shape ``(features, classes)`` and an intercept of shape ``(classes,)``.

    ``vocabulary`` maps the name of a feature to its row. ``classes`` names the columns.
    """

    classes: tuple[str, ...]
    vocabulary: Mapping[str, int]
    weights: Floats
    intercept: Floats

    def probabilities(self, features: Mapping[str, float]) -> dict[str, float]:
        """Return the probability of each class for named features and their values."""
        known = [
            (self.vocabulary[name], value) for name, value in features.items() if name in self.vocabulary
        ]
        scores = self.intercept.astype(np.float64)
        if known:
            rows = np.array([row for row, _ in known], dtype=np.intp)
            values = np.array([value for _, value in known], dtype=np.float64)
            scores = scores + values @ self.weights[rows].astype(np.float64)
        return dict(zip(self.classes, softmax(scores).tolist(), strict=True))


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities along the last axis."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def summed_rows(weights: Floats, rows: Sequence[Indices]) -> NDArray[np.float64]:
    """Return the sum of the named rows of ``weights`` for each item, shape ``(len(rows), classes)``."""
    lengths = np.array([len(row) for row in rows], dtype=np.intp)
    out = np.zeros((len(rows), weights.shape[1]))
    filled = lengths > 0
    if filled.any():
        offsets = np.concatenate(([0], np.cumsum(lengths[filled])[:-1]))
        gathered = weights[np.concatenate([row for row in rows if len(row)])].astype(np.float64)
        out[filled] = np.add.reduceat(gathered, offsets, axis=0)
    return out
