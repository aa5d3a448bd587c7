"""Linear classifiers as arrays: a vocabulary of named features, weights, and a softmax.

scikit-learn fits them; here they are a table look-up and a sum, so that a model folder holds numbers and
names only and cannot run code.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Hashes = NDArray[np.int64]


class RowIndex:
    """Finds the rows of many names at once, by their hashes; row ``k`` is that of ``hashes[k]``.

    Asked for a thousand names, a ``dict`` of a hundred thousand spends its time waiting for memory: each look-up goes
    to the table, the entry, the key and the number, one after the other. Here all look-ups go side by side to two
    arrays. That a name outside the vocabulary has the 64-bit hash of one in it is as likely as 1 to 10^13.
    Raises ``ValueError`` where two names have one hash.
    """

    def __init__(self, hashes: Hashes) -> None:
        order = np.argsort(hashes)
        ordered = hashes[order]
        if (ordered[1:] == ordered[:-1]).any():
            raise ValueError("two names of a vocabulary have the same hash")
        # Hashes are evenly spread: their first bits lead to within a few places of the right one.
        bits = len(hashes).bit_length() + 2
        self._shift, self._half = 64 - bits, 1 << (bits - 1)
        prefixes = ordered >> self._shift
        self._first = np.searchsorted(prefixes, np.arange(-self._half, self._half)).astype(np.int32)
        self._deepest = int(np.bincount(prefixes + self._half).max(initial=1))
        # Looking on behind the last place then finds no row, and doesn't fall off the end.
        self._hashes = np.append(ordered, np.zeros(self._deepest, dtype=np.int64))
        self._rows = np.append(order, np.full(self._deepest, -1)).astype(np.int32)

    def find(self, hashes: Hashes) -> Indices:
        """Return the row for each hash, -1 where no name has it."""
        places = self._first[(hashes >> self._shift) + self._half]
        found = np.full(hashes.shape, -1, dtype=np.intp)
        for _ in range(self._deepest):
            hit = self._hashes[places] == hashes
            found[hit] = self._rows[places[hit]]
            places += 1
        return found

    def __reduce__(self) -> str:
        """Refuse to be sent to another process, where strings have other hashes."""
        raise TypeError("an index of hashes is of use in its own process only")


def hashes_of(names: Collection[str]) -> Hashes:
    """Return the hash of each name, as long as the process lives."""
    return np.fromiter(map(hash, names), dtype=np.int64, count=len(names))


def by_row(vocabulary: Mapping[str, int]) -> list[str]:
    """Return the names of a vocabulary in the order of their rows, which are numbered from 0."""
    names = list(vocabulary)
    return (
        names
        if list(vocabulary.values()) == list(range(len(names)))
        else sorted(names, key=vocabulary.__getitem__)
    )


@dataclass(frozen=True)
class LinearHead:
    """Weights of shape ``(features, classes)`` and an intercept of shape ``(classes,)``.

    ``vocabulary`` maps the name of a feature to its row. ``classes`` names the columns.
    """

    classes: tuple[str, ...]
    vocabulary: Mapping[str, int]
    weights: Floats
    intercept: Floats

    @cached_property
    def index(self) -> RowIndex:
        """The index of the vocabulary."""
        return RowIndex(hashes_of(by_row(self.vocabulary)))

    def probabilities(self, features: Mapping[str, float]) -> dict[str, float]:
        """Return the probability of each class for named features and their values."""
        found = self.index.find(hashes_of(features))
        is_known = found >= 0
        scores = self.intercept.astype(np.float64)
        if is_known.any():
            values = np.array(list(features.values()), dtype=np.float64)[is_known]
            scores = scores + values @ self.weights[found[is_known]].astype(np.float64)
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
