"""Own data added to the shipped corpus, starting from a model that knows the corpus.

The problem is that of ``training.fit``, with the own answers among the corpus's and of another weight; because the
solver sets out from the weights of the base, it is there in a few steps. Fitting own data alone, held to the base
(Chelba and Acero, 2006), is faster still and forgets the corpus: 150 answers of one trade cost 5 points of macro-F1 on
the frozen part, against none this way.

The weight is chosen on the part that trains, by cross-fitting the first step beside a sample of the corpus. The heads
over whole answers, the opinions and their limits, the sentence ends and the temperature are the base's.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from service.language.heads import Floats
from service.language.labeller import LABELS, LEXICAL_WEIGHT, Chain, Labeller
from training.fit import FitSettings, clause_rows, context_rows, moves_of, stopping_early, vocabulary_of
from training.prepare import PreparedAnswer
from training.shipped import Shipped, gold_of

#: What an own answer may count, against 1 for one of the corpus.
WEIGHTS = (1.0, 2.0, 4.0, 8.0)
#: Folds of the own answers.
FOLDS = 3
#: The corpus is stood for by so many of its answers where weights are compared; they count for all of it.
_SAMPLE = 400
_ITERATIONS = 25
_TOLERANCE = 1e-4
_THREADS = 2
Progress = Callable[[str], None]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pool:
    """All clauses that are fitted on: those of the corpus and its copies, then those of own answers and theirs.

    ``owner`` is the number of a clause's answer, ``fold`` its fold (-1 in the corpus), ``weight`` what an answer
    counts before own answers are weighed, ``original`` marks what is no copy, ``sampled`` the sample of the corpus.
    """

    vocabulary: Mapping[str, int]
    rows: sparse.csr_matrix
    gold: NDArray[np.intp]
    words: Array
    weight: Array
    owner: NDArray[np.intp]
    fold: NDArray[np.intp]
    original: NDArray[np.bool_]
    sampled: NDArray[np.bool_]

    @property
    def own(self) -> NDArray[np.bool_]:
        """The clauses of own answers and their copies."""
        return self.fold >= 0

    def weighed(self, own_weight: float) -> Array:
        """Return the weight of every clause where own answers count ``own_weight``; 1 on average."""
        found = np.sqrt(self.words + 0.5) * self.weight * np.where(self.own, own_weight, 1.0)
        return np.asarray(found / found.mean())


@dataclass(frozen=True, slots=True)
class Trial:
    """One weight tried: the cross-fitted first step of the own clauses, its loss by word, and the share it has right."""

    weight: float
    probabilities: Array
    loss: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Adapted:
    """The new labeller, the weights that were tried, the one that was chosen, and the corpus's own agreement."""

    labeller: Labeller
    trials: tuple[Trial, ...]
    chosen: Trial
    corpus_agreement: float


def pool_of(
    shipped: Shipped, own: Sequence[PreparedAnswer], copies: Sequence[PreparedAnswer], settings: FitSettings
) -> Pool:
    """Return everything that is fitted on. Features need three answers, be they the corpus's or own ones."""
    everything = (*shipped.items, *shipped.copies, *own, *copies)
    counts = len(shipped.items), len(shipped.copies), len(own), len(copies)
    sampled_ids = set(sorted((_hash(item.answer.id) for item in shipped.items))[:_SAMPLE])
    is_copy = np.repeat([False, True, False, True], counts)
    is_own = np.repeat([False, False, True, True], counts)
    fold = [_hash(item.answer.id) % FOLDS if own else -1 for item, own in zip(everything, is_own, strict=True)]
    sampled = [
        not copy and not own and _hash(item.answer.id) in sampled_ids
        for item, copy, own in zip(everything, is_copy, is_own, strict=True)
    ]
    lengths = [len(item.features) for item in everything]
    vocabulary = vocabulary_of((*shipped.items, *own))
    return Pool(
        vocabulary=vocabulary,
        rows=clause_rows(everything, vocabulary),
        gold=gold_of(everything),
        words=np.array([words for item in everything for words in item.words], dtype=float),
        weight=np.repeat(np.where(is_copy, settings.copy_weight, 1.0), lengths),
        owner=np.repeat(np.arange(len(everything)), lengths),
        fold=np.repeat(fold, lengths),
        original=np.repeat(~is_copy, lengths),
        sampled=np.repeat(sampled, lengths),
    )


def _hash(name: str) -> int:
    return int(hashlib.sha256(b"adapt " + name.encode()).hexdigest(), 16)


@stopping_early()
def adapt(
    base: Labeller,
    shipped: Shipped,
    own: Sequence[PreparedAnswer],
    copies: Sequence[PreparedAnswer],
    *,
    settings: FitSettings,
    progress: Progress = lambda _: None,
) -> Adapted:
    """Return ``base`` fitted on ``shipped`` and ``own`` together, with the weight that fits held-out own folds best."""
    pool = pool_of(shipped, own, copies, settings)
    start = _Start.of(base, pool.vocabulary)
    progress("weights")
    trials = tuple(try_weights(pool, start, settings))
    chosen = min(trials, key=lambda trial: trial.loss)
    progress("both steps on everything")
    first = np.vstack([shipped.first, chosen.probabilities])
    labeller = _fitted(base, start, pool, first, chosen.weight, settings)
    moves = moves_of([*shipped.items, *own], settings.chain)
    chain = Chain(moves.astype(np.float32).astype(np.float64))
    originals = ~pool.own & pool.original
    return Adapted(
        replace(labeller, chain=chain),
        trials,
        chosen,
        _agreement(pool, originals, shipped.first[originals[~pool.own]], chain),
    )


def growth(
    base: Labeller,
    shipped: Shipped,
    own: Sequence[PreparedAnswer],
    *,
    weight: float,
    settings: FitSettings,
    points: Sequence[float] = (0.25, 0.5, 1.0),
) -> dict[int, Labeller]:
    """Return labellers for growing parts of ``own``, each fitted beside the sample of the corpus, without copies.

    The parts are samples by the ids' hashes. A point lies a little below what the whole corpus and copies would give.
    """
    pool = pool_of(replace(shipped, copies=()), own, (), settings)
    start = _Start.of(base, pool.vocabulary)
    ranks = np.argsort(np.argsort([_hash(item.answer.id) for item in own]))
    found = {}
    for size in sorted({max(1, round(share * len(own))) for share in points}):
        kept = np.concatenate([np.zeros(len(shipped.items), dtype=bool), ranks < size])[pool.owner]
        part = replace(pool, sampled=pool.sampled | kept)
        found[size] = _of_sample(base, shipped, part, start, weight, settings)
    return found


@dataclass(frozen=True, slots=True)
class _Start:
    """The weights of the base in the rows of a larger vocabulary; features that it did not know weigh nothing."""

    first: Array
    first_intercept: Floats
    second: Array
    second_intercept: Floats

    @classmethod
    def of(cls, base: Labeller, vocabulary: Mapping[str, int]) -> _Start:
        known = [(row, vocabulary[name]) for name, row in base.vocabulary.items() if name in vocabulary]
        before, now = (np.array(side, dtype=np.intp) for side in zip(*known, strict=True))
        old, new = len(base.vocabulary), len(vocabulary)

        def grown(weights: Floats) -> Array:
            out = np.zeros((3 * new + 2, len(LABELS)))
            for block in range(3):
                out[block * new + now] = weights[block * old + before]
            out[3 * new :] = weights[3 * old :]
            return out

        return cls(
            grown(base.first_weights),
            base.first_intercept,
            np.vstack([grown(base.second_weights), base.context_weights]),
            base.second_intercept,
        )


def _solved(
    rows: sparse.csr_matrix,
    gold: NDArray[np.intp],
    weight: Array,
    start: Array,
    intercept: Floats,
    strength: float,
) -> LogisticRegression:
    """Fit one step from ``start``; every label is among ``gold``, because the corpus holds them all."""
    model = LogisticRegression(C=strength, max_iter=_ITERATIONS, tol=_TOLERANCE, warm_start=True)
    model.classes_ = np.arange(len(LABELS))
    model.coef_ = start.T.copy()
    model.intercept_ = intercept.astype(np.float64).copy()
    return model.fit(rows, gold, sample_weight=weight)


def try_weights(pool: Pool, start: _Start, settings: FitSettings) -> list[Trial]:
    """Cross-fit the first step of the own clauses for each of ``WEIGHTS``, beside the sample of the corpus."""
    tasks = list(itertools.product(WEIGHTS, range(FOLDS)))

    def solved(task: tuple[float, int]) -> Array:
        weight, fold = task
        chosen = pool.sampled | (pool.own & (pool.fold != fold))
        model = _solved(
            pool.rows[chosen],
            pool.gold[chosen],
            _as_whole(pool, weight)[chosen],
            start.first,
            start.first_intercept,
            settings.first,
        )
        return np.asarray(model.predict_proba(pool.rows[pool.fold == fold]))

    with ThreadPoolExecutor(_THREADS) as threads:
        told = dict(zip(tasks, threads.map(solved, tasks), strict=True))
    originals = pool.original[pool.own]
    trials = []
    for weight in WEIGHTS:
        found = np.zeros((int(pool.own.sum()), len(LABELS)))
        for fold in range(FOLDS):
            found[pool.fold[pool.own] == fold] = told[weight, fold]
        gold, words = pool.gold[pool.own][originals], pool.words[pool.own][originals]
        right = np.log(np.clip(found[originals][np.arange(len(gold)), gold], 1e-6, 1))
        loss = -float((right * words).sum() / words.sum())
        agreement = _agreement(pool, pool.own & pool.original, found[originals], Chain(np.zeros((5, 5))))
        trials.append(Trial(weight, found, loss, agreement))
    return trials


def _as_whole(pool: Pool, own_weight: float) -> Array:
    """Return weights with which the sample of the corpus counts as much as the corpus."""
    weights = pool.weighed(own_weight)
    corpus, sample = weights[~pool.own].sum(), weights[pool.sampled & ~pool.own].sum()
    return np.asarray(np.where(pool.own, weights, weights * corpus / sample))


def _agreement(pool: Pool, chosen: NDArray[np.bool_], probabilities: Array, chain: Chain) -> float:
    """Return the share of words whose clause is decoded to its gold label, of the ``chosen`` clauses."""
    scores = np.log(np.clip(probabilities, 1e-6, 1))
    owners, gold, words = pool.owner[chosen], pool.gold[chosen], pool.words[chosen]
    edges = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(owners)]
    told = np.concatenate([chain.best(scores[a:b]) for a, b in itertools.pairwise(edges)])
    return float(words[told == gold].sum() / words.sum())


def _fitted(
    base: Labeller, start: _Start, pool: Pool, first: Array, own_weight: float, settings: FitSettings
) -> Labeller:
    """Fit both steps side by side; ``first`` is what the second one sees of the first for every clause."""
    lengths = np.bincount(pool.owner)
    stacked = sparse.hstack(
        [LEXICAL_WEIGHT * pool.rows, context_rows(first, lengths[lengths > 0].tolist())]
    ).tocsr()
    weight = pool.weighed(own_weight)
    steps = (
        (pool.rows, start.first, start.first_intercept, settings.first),
        (stacked, start.second, start.second_intercept, settings.second),
    )
    with ThreadPoolExecutor(_THREADS) as threads:
        one, two = threads.map(
            lambda step: _solved(step[0], pool.gold, weight, step[1], step[2], step[3]), steps
        )
    split = pool.rows.shape[1]
    return replace(
        base,
        vocabulary=pool.vocabulary,
        first_weights=one.coef_.T.astype(np.float32),
        first_intercept=one.intercept_.astype(np.float32),
        second_weights=two.coef_[:, :split].T.astype(np.float32),
        context_weights=two.coef_[:, split:].T.astype(np.float32),
        second_intercept=two.intercept_.astype(np.float32),
    )
