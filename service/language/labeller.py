"""The labeller: which part of the story each clause plays, decided over the whole answer.

Three steps. A linear model scores each clause by its own features and its neighbours' (step 1). Small perceptrons
see the first one's opinion of the clauses around, before and after (stacked sequential learning, Cohen and Carvalho,
2005), and the clause and its neighbours as points in a space where clauses of like features lie near one another
(latent semantic analysis, Deerwester and others, 1990). A chain with learnt transitions then decodes the answer:
Viterbi for the labels, forward-backward for the confidence of each (Rabiner, 1989).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.labels import Label
from service.language.heads import Floats, Indices, RowIndex, by_row, hashes_of, softmax, summed_rows
from service.language.perceptron import Perceptron, mean_logarithms
from service.records import Clause, LabelledSpan

#: The columns of every array of the labeller.
LABELS: tuple[Label, ...] = tuple(Label)
#: How many clauses to each side the second step looks at: at the first one's opinion, and at their points.
WINDOW = 3
REACH = 2
#: Prefixes of features that are not looked at in neighbours: too rare, or true of the place itself.
_OWN_ONLY = ("b=", "t=", "o3=", "at=", "from_", "len=")

Probabilities = NDArray[np.float64]


def block_rows(features: Sequence[Sequence[str]], vocabulary: Mapping[str, int]) -> list[Indices]:
    """Return, for each clause, the rows of its features in a table of three stacked blocks.

    Block 0 holds the clause's own features, block 1 those of the clause before, block 2 those of the one
    after; the two last rows mark a clause without a neighbour.
    """
    own: list[Indices] = []
    seen: list[Indices] = []
    for clause in features:
        known = [(name, row) for name in clause if (row := vocabulary.get(name)) is not None]
        own.append(np.array([row for _, row in known], dtype=np.intp))
        seen.append(np.array([row for name, row in known if not name.startswith(_OWN_ONLY)], dtype=np.intp))
    return _stacked(own, seen, len(vocabulary))


def _stacked(own: Sequence[Indices], seen: Sequence[Indices], size: int) -> list[Indices]:
    """Return the rows of each clause's ``own`` features and of those ``seen`` in its neighbours."""
    nothing = np.array([3 * size], dtype=np.intp)
    rows = []
    for number, ids in enumerate(own):
        before = seen[number - 1] + size if number else nothing
        after = seen[number + 1] + 2 * size if number + 1 < len(own) else nothing + 1
        rows.append(np.concatenate([ids, before, after]))
    return rows


def context_features(first: Probabilities) -> NDArray[np.float64]:
    """Return what the second step sees of the first one's probabilities, shape ``(clauses, columns)``.

    Their logarithms, those of the neighbours, the share and the strongest of each label before and after,
    and the place in the answer.
    """
    count, classes = first.shape
    columns = [np.log(np.clip(first, 1e-4, 1))]
    for distance in range(1, WINDOW + 1):
        for side in (-1, 1):
            shifted = np.zeros((count, classes + 1))
            inside = max(count - distance, 0)
            if side < 0:
                shifted[distance:, :classes] = first[:inside]
                shifted[:distance, classes] = 1
            else:
                shifted[:inside, :classes] = first[distance:]
                shifted[inside:, classes] = 1
            columns.append(shifted)
    place = np.arange(count)[:, None]
    sums = np.cumsum(first, axis=0)
    before = np.vstack([np.zeros((1, classes)), sums[:-1]])
    after = sums[-1] - sums
    columns += [
        before / np.maximum(place, 1),
        after / np.maximum(count - 1 - place, 1),
        np.log1p(np.maximum(before, 0)),
        np.log1p(np.maximum(after, 0)),
        np.repeat(first.mean(axis=0)[None], count, axis=0),
        np.vstack([np.zeros((1, classes)), np.maximum.accumulate(first, axis=0)[:-1]]),
        np.vstack([np.maximum.accumulate(first[::-1], axis=0)[::-1][1:], np.zeros((1, classes))]),
        place / count,
        place == 0,
        place == count - 1,
        np.full((count, 1), np.log(count) / 4),
    ]
    return np.hstack(columns)


def second_inputs(points: Probabilities, first: Probabilities) -> Floats:
    """Return what the perceptrons take, shape ``(clauses, columns)``.

    ``points`` are the clauses' places in the embedding's space, ``first`` the first step's probabilities. Beside the
    ends of the answer stand zeros.
    """
    count = len(points)
    columns = []
    for distance in range(-REACH, REACH + 1):
        shifted = np.zeros_like(points)
        inside = max(count - abs(distance), 0)
        start, end = max(0, -distance), max(0, distance)
        shifted[start : start + inside] = points[end : end + inside]
        columns.append(shifted)
    return np.hstack([*columns, context_features(first)]).astype(np.float32)


def second_columns(dimensions: int) -> int:
    """Return how many columns :func:`second_inputs` has for points of so many ``dimensions``."""
    one = np.full((1, len(LABELS)), 1 / len(LABELS))
    return int(second_inputs(np.zeros((1, dimensions)), one).shape[1])


@dataclass(frozen=True, slots=True)
class Chain:
    """Log-scores of moving from one clause's label to the next one's, shape ``(labels, labels)``."""

    moves: NDArray[np.float64]

    def best(self, log_scores: NDArray[np.float64]) -> list[int]:
        """Return the best label index of each clause (Viterbi); ties go to the lower index."""
        score = log_scores[0]
        back = []
        for row in log_scores[1:]:
            reached = score[:, None] + self.moves
            back.append(reached.argmax(axis=0))
            score = reached.max(axis=0) + row
        path = [int(score.argmax())]
        for pointers in reversed(back):
            path.append(int(pointers[path[-1]]))
        return path[::-1]

    def marginals(self, log_scores: NDArray[np.float64]) -> Probabilities:
        """Return the probability of each label at each clause (forward-backward)."""
        count = len(log_scores)
        forward = np.empty_like(log_scores)
        backward = np.zeros_like(log_scores)
        forward[0] = log_scores[0]
        for k in range(1, count):
            forward[k] = np.logaddexp.reduce(forward[k - 1][:, None] + self.moves, axis=0) + log_scores[k]
        for k in range(count - 2, -1, -1):
            backward[k] = np.logaddexp.reduce(self.moves + log_scores[k + 1] + backward[k + 1], axis=1)
        return softmax(forward + backward)


@dataclass(frozen=True, slots=True)
class Labeller:
    """The trained labeller. ``temperature`` divides the log-scores of the confidence, not of the labels.

    ``embedding`` has a row for each feature of the vocabulary; a clause's point is the sum of its features' rows. What
    the ``perceptrons`` say of a clause is averaged.
    """

    vocabulary: Mapping[str, int]
    first_weights: Floats
    first_intercept: Floats
    embedding: Floats
    perceptrons: tuple[Perceptron, ...]
    chain: Chain
    temperature: float
    index: RowIndex = field(init=False, repr=False, compare=False)
    #: Of each row of the vocabulary, whether it is looked at in neighbours too.
    is_shared: NDArray[np.bool_] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the vocabulary."""
        is_shared = [not name.startswith(_OWN_ONLY) for name in by_row(self.vocabulary)]
        object.__setattr__(self, "index", RowIndex(hashes_of(by_row(self.vocabulary))))
        object.__setattr__(self, "is_shared", np.array(is_shared, dtype=np.bool_))

    def _rows(self, features: Sequence[Sequence[str]]) -> tuple[list[Indices], list[Indices]]:
        """Return each clause's rows of the vocabulary, and what :func:`block_rows` returns, from the index."""
        found = self.index.find(hashes_of([name for clause in features for name in clause]))
        edges = itertools.accumulate(map(len, features), initial=0)
        own = [rows[rows >= 0] for rows in (found[a:b] for a, b in itertools.pairwise(edges))]
        return own, _stacked(own, [rows[self.is_shared[rows]] for rows in own], len(self.vocabulary))

    def inputs(self, features: Sequence[Sequence[str]]) -> Floats:
        """Return what the perceptrons take, as :func:`second_inputs` does."""
        own, rows = self._rows(features)
        first = softmax(summed_rows(self.first_weights, rows) + self.first_intercept)
        return second_inputs(summed_rows(self.embedding, own), first)

    def log_scores(self, features: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Return the second step's log-probabilities, shape ``(clauses, labels)``."""
        return mean_logarithms(self.perceptrons, self.inputs(features))

    def label(self, clauses: Sequence[Clause]) -> tuple[tuple[Label, float], ...]:
        """Return the label of each clause and its confidence."""
        return self.read(clauses)[0]

    def read(self, clauses: Sequence[Clause]) -> tuple[tuple[tuple[Label, float], ...], dict[Label, float]]:
        """Return the labels as :meth:`label` does, and how likely each label is anywhere in the answer.

        The latter is the highest probability of the label at any clause: low where a part is surely missing.
        """
        if not clauses:
            return (), dict.fromkeys(LABELS, 0.0)
        scores = self.log_scores([clause.features for clause in clauses])
        path = self.chain.best(scores)
        trust = Chain(self.chain.moves / self.temperature).marginals(scores / self.temperature)
        labels = tuple((LABELS[index], float(trust[k, index])) for k, index in enumerate(path))
        return labels, dict(zip(LABELS, trust.max(axis=0).tolist(), strict=True))


def join_spans(clauses: Sequence[Clause], labels: Sequence[tuple[Label, float]]) -> tuple[LabelledSpan, ...]:
    """Join neighbouring clauses of one label; a span's confidence is its clauses' mean, weighed by words."""
    spans = []
    paired = zip(clauses, labels, strict=True)
    for label, group in itertools.groupby(paired, key=lambda item: item[1][0]):
        members = list(group)
        words = sum(clause.words for clause, _ in members) or 1
        trust = sum(clause.words * confidence for clause, (_, confidence) in members) / words
        spans.append(LabelledSpan(members[0][0].start, members[-1][0].end, label, trust))
    return tuple(spans)
