"""Own data added to the shipped corpus, starting from a model that knows the corpus.

The problem is that of ``training.fit``, with the own answers among the corpus's and of another weight; because the
solvers set out from the weights of the base, they are there in a few steps. The space of the clauses is the base's. Fitting own data alone, held to the base
(Chelba and Acero, 2006), is faster still and forgets the corpus: 150 answers of one trade cost 5 points of macro-F1 on
the frozen part, against none this way.

The weight is chosen on the part that trains, by cross-fitting the first step beside the corpus. The heads
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
from service.language.labeller import LABELS, Chain, Labeller
from training.fit import FitSettings, clause_rows, moves_of, stopping_early, vocabulary_of
from training.perceptrons import fit_perceptrons, second_rows
from training.prepare import PreparedAnswer
from training.shipped import Shipped, gold_of

#: What an own answer may count, against 1 for one of the corpus. With more (27 was tried) the trade gains one point and
#: the frozen part loses one.
WEIGHTS = (1.0, 3.0, 9.0)
#: Folds of the own answers.
FOLDS = 3
#: Steps of the solver: it sets out from weights that know nearly all of the answers.
_ITERATIONS = 12
_TOLERANCE = 1e-4
_THREADS = 2
#: Shares of the own answers at which the learning curve is taken, between none (the base) and all.
GROWTH = (1 / 2,)
Progress = Callable[[str], None]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pool:
    """All clauses that are fitted on: those of the corpus and its copies, then those of own answers and theirs.

    ``owner`` is the number of a clause's answer, ``fold`` its fold (-1 in the corpus), ``weight`` what an answer
    counts before own answers are weighed, ``original`` marks what is no copy.
    """

    vocabulary: Mapping[str, int]
    rows: sparse.csr_matrix
    gold: NDArray[np.intp]
    words: Array
    weight: Array
    owner: NDArray[np.intp]
    fold: NDArray[np.intp]
    original: NDArray[np.bool_]

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
    """One weight tried: the cross-fitted first step of the own clauses, its loss by word, and the share it has right.

    ``error`` is the standard error of the loss, with answers as the units.
    """

    weight: float
    probabilities: Array
    loss: float
    error: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Adapted:
    """The new labeller, the weights that were tried, the one that was chosen, and the corpus's own agreement.

    ``pool`` and ``inputs`` (those of the perceptrons) are what it was fitted on. ``ranks`` is the order
    in which own answers are taken for the learning curve, by the number of an answer or copy in the pool; ``folds`` has
    the fold of each own answer by its id.
    """

    labeller: Labeller
    trials: tuple[Trial, ...]
    chosen: Trial
    corpus_agreement: float
    pool: Pool
    inputs: Floats
    ranks: Mapping[int, int]
    folds: Mapping[str, int]


def pool_of(
    shipped: Shipped,
    own: Sequence[PreparedAnswer],
    copies: Sequence[PreparedAnswer],
    settings: FitSettings,
    folds: Mapping[str, int],
) -> Pool:
    """Return everything that is fitted on. Features need three answers, be they the corpus's or own ones."""
    everything = (*shipped.items, *shipped.copies, *own, *copies)
    counts = len(shipped.items), len(shipped.copies), len(own), len(copies)
    is_copy = np.repeat([False, True, False, True], counts)
    is_own = np.repeat([False, False, True, True], counts)
    fold = [folds[item.answer.id] if mine else -1 for item, mine in zip(everything, is_own, strict=True)]
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
    group: Mapping[str, str],
    progress: Progress = lambda _: None,
) -> Adapted:
    """Return ``base`` fitted on ``shipped`` and ``own`` together, with the weight that fits held-out own folds best.

    Answers of one ``group``, by their ids, are in one fold.
    """
    folds = {item.answer.id: _hash(group[item.answer.id]) % FOLDS for item in own}
    pool = pool_of(shipped, own, copies, settings, folds)
    start = Start.of(base, pool.vocabulary)
    progress("weights")
    trials = tuple(try_weights(pool, start, settings))
    chosen = smallest_good(trials)
    progress("both steps on everything")
    first = np.vstack([shipped.first, chosen.probabilities])
    everything = np.ones(len(pool.gold), dtype=bool)
    lengths = np.bincount(pool.owner)
    inputs = second_rows(
        pool.rows[:, : len(pool.vocabulary)], start.embedding, first, lengths[lengths > 0].tolist()
    )
    labeller = _fitted(base, start, pool, inputs, pool.weighed(chosen.weight), settings, everything)
    moves = moves_of([*shipped.items, *own], settings.chain)
    chain = Chain(moves.astype(np.float32).astype(np.float64))
    originals = ~pool.own & pool.original
    ids = sorted((item.answer.id for item in own), key=_hash)
    shipped_count = len(shipped.items) + len(shipped.copies)
    return Adapted(
        labeller=replace(labeller, chain=chain),
        trials=trials,
        chosen=chosen,
        corpus_agreement=_agreement(pool, originals, first[originals]),
        pool=pool,
        inputs=inputs,
        ranks={
            shipped_count + number: ids.index(item.answer.id) for number, item in enumerate((*own, *copies))
        },
        folds=folds,
    )


@stopping_early()
def without_folds(adapted: Adapted, base: Labeller, *, settings: FitSettings) -> dict[int, Labeller]:
    """Return for each fold of the own answers a labeller that was fitted on everything else, with the chosen weight.

    Together they say of every own answer what such a model makes of one that it has not seen. The corpus's copies are
    left out, which makes these labellers a little worse at short and unpunctuated answers, and a third as dear.
    """
    pool = adapted.pool
    start = Start.of(base, pool.vocabulary)
    weights = pool.weighed(adapted.chosen.weight)
    return {
        fold: _fitted(
            base,
            start,
            pool,
            adapted.inputs,
            weights,
            settings,
            (pool.own | pool.original) & (pool.fold != fold),
        )
        for fold in sorted(set(adapted.folds.values()))
    }


@stopping_early()
def growth(adapted: Adapted, base: Labeller, *, settings: FitSettings) -> dict[int, Labeller]:
    """Return the labellers for growing parts of the own answers, from the base to the whole.

    The parts are samples by the ids' hashes. What the perceptrons see of the first step is as it is for all answers.
    """
    pool = adapted.pool
    start = Start.of(base, pool.vocabulary)
    weights = pool.weighed(adapted.chosen.weight)
    count = len(set(adapted.ranks.values()))
    rank = np.array([adapted.ranks.get(owner, -1) for owner in range(int(pool.owner.max()) + 1)])
    found = {0: base}
    for size in sorted({round(share * count) for share in GROWTH} - {0, count}):
        chosen = rank[pool.owner] < size
        found[size] = _fitted(base, start, pool, adapted.inputs, weights, settings, chosen)
    return {**found, count: adapted.labeller}


@dataclass(frozen=True, slots=True)
class Start:
    """The weights of the base in the rows of a larger vocabulary; features that it did not know weigh nothing."""

    first: Array
    first_intercept: Floats
    embedding: Floats

    @classmethod
    def of(cls, base: Labeller, vocabulary: Mapping[str, int]) -> Start:
        """Return the weights of ``base`` as rows of ``vocabulary``."""
        known = [(row, vocabulary[name]) for name, row in base.vocabulary.items() if name in vocabulary]
        before, now = (np.array(side, dtype=np.intp) for side in zip(*known, strict=True))
        old, new = len(base.vocabulary), len(vocabulary)

        def grown(weights: Floats) -> Array:
            out = np.zeros((3 * new + 2, len(LABELS)))
            for block in range(3):
                out[block * new + now] = weights[block * old + before]
            out[3 * new :] = weights[3 * old :]
            return out

        embedding = np.zeros((new, base.embedding.shape[1]), dtype=np.float32)
        embedding[now] = base.embedding[before]
        return cls(grown(base.first_weights), base.first_intercept, embedding)


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


def smallest_good(trials: Sequence[Trial]) -> Trial:
    """Return the trial of the smallest weight whose loss is within one standard error of the best.

    The rule of Breiman and others (1984); what a larger weight gains here by less than chance, it loses elsewhere.
    """
    best = min(trials, key=lambda trial: trial.loss)
    return min(
        (trial for trial in trials if trial.loss <= best.loss + best.error), key=lambda trial: trial.weight
    )


def try_weights(pool: Pool, start: Start, settings: FitSettings) -> list[Trial]:
    """Cross-fit the first step of the own clauses for each of ``WEIGHTS``, beside the corpus; copies train nothing here."""
    tasks = list(itertools.product(WEIGHTS, range(FOLDS)))

    def solved(task: tuple[float, int]) -> Array:
        weight, fold = task
        chosen = pool.original & (pool.fold != fold)
        model = _solved(
            pool.rows[chosen],
            pool.gold[chosen],
            pool.weighed(weight)[chosen],
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
        loss, error = _loss(pool, pool.own & pool.original, found[originals])
        agreement = _agreement(pool, pool.own & pool.original, found[originals])
        trials.append(Trial(weight, found, loss, error, agreement))
    return trials


def _loss(pool: Pool, chosen: NDArray[np.bool_], probabilities: Array) -> tuple[float, float]:
    """Return the log-loss by word of the ``chosen`` clauses, and its standard error."""
    gold, words, owners = pool.gold[chosen], pool.words[chosen], pool.owner[chosen]
    lost = -np.log(np.clip(probabilities[np.arange(len(gold)), gold], 1e-6, 1)) * words
    by_answer, size = (np.bincount(owners - owners[0], weights=values) for values in (lost, words))
    loss = float(lost.sum() / words.sum())
    return loss, float(np.sqrt(((by_answer - loss * size) ** 2).sum()) / words.sum())


def _agreement(pool: Pool, chosen: NDArray[np.bool_], probabilities: Array) -> float:
    """Return the share of words in the ``chosen`` clauses whose likeliest label is the gold one."""
    words = pool.words[chosen]
    right = probabilities.argmax(axis=1) == pool.gold[chosen]
    return float(words[right].sum() / words.sum())


def _fitted(
    base: Labeller,
    start: Start,
    pool: Pool,
    inputs: Floats,
    weights: Array,
    settings: FitSettings,
    chosen: NDArray[np.bool_],
) -> Labeller:
    """Fit both steps side by side on the ``chosen`` clauses, which are whole answers."""
    gold, weight = pool.gold[chosen], weights[chosen]
    with ThreadPoolExecutor(1) as thread:
        one = thread.submit(
            _solved, pool.rows[chosen], gold, weight, start.first, start.first_intercept, settings.first
        )
        perceptrons = fit_perceptrons(inputs[chosen], gold, weight, settings.second, base.perceptrons)
        first = one.result()
    return replace(
        base,
        vocabulary=pool.vocabulary,
        first_weights=first.coef_.T.astype(np.float32),
        first_intercept=first.intercept_.astype(np.float32),
        embedding=start.embedding,
        perceptrons=perceptrons,
    )
