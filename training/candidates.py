"""Learners that could have been the labeller, held against the one that is.

Each is fitted on the answers outside a fold of writing batches and labels the answers inside it, so every figure
is on answers from writers' batches that the learner has not seen.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from service.labels import Label
from service.language.heads import Indices, softmax, summed_rows
from service.language.labeller import (
    LABELS,
    WINDOW,
    Chain,
    Labeller,
    block_rows,
    context_features,
    join_spans,
)
from service.language.perceptron import mean_logarithms
from service.records import LabelledSpan
from training.evaluate import figures
from training.fit import (
    PLACE,
    FitSettings,
    Progress,
    clause_rows,
    cross_fit,
    elsewhere,
    fit_step,
    fold_of,
    moves_of,
    stopping_early,
    vocabulary_of,
)
from training.perceptrons import embed, fit_perceptrons, second_rows
from training.prepare import PreparedAnswer, clauses_of

Scores = NDArray[np.float64]
Scorer = Callable[[PreparedAnswer], Scores]
_SETTINGS = FitSettings()
#: How much the first step's features weigh in a linear second one.
_LEXICAL_WEIGHT = 0.3
#: Boosting sees some 60 dense columns of a few thousand clauses; bigger trees only learnt them by heart.
_ROUNDS, _LEAVES = 100, 15
#: Inverse regularisation of a linear second step.
_LINEAR_SECOND = 0.05
#: The last columns of ``context_features``: share of the way, whether first, whether last, length.
_PLACE_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted learner: how it scores an answer's clauses, and the chain that decodes them, if one does."""

    scores: Scorer
    chain: Chain | None = None

    def spans(self, item: PreparedAnswer) -> tuple[LabelledSpan, ...]:
        """Return the labelled spans of an answer; their confidence is not told."""
        if not item.features:
            return ()
        scores = self.scores(item)
        path = scores.argmax(axis=1).tolist() if self.chain is None else self.chain.best(scores)
        return join_spans(clauses_of(item), [(LABELS[index], 1.0) for index in path])


Learner = Callable[[Sequence[PreparedAnswer]], Candidate]


@dataclass(frozen=True, slots=True)
class _Clauses:
    """The clauses of answers as the solver takes them."""

    vocabulary: Mapping[str, int]
    rows: sparse.csr_matrix
    gold: NDArray[np.intp]
    weight: NDArray[np.float64]
    folds: NDArray[np.intp]
    lengths: list[int]

    @classmethod
    def of(cls, answers: Sequence[PreparedAnswer]) -> _Clauses:
        """Return the clauses of ``answers``. Raises ``ValueError`` where a label has no example."""
        vocabulary = vocabulary_of(answers)
        lengths = [len(item.features) for item in answers]
        gold = np.array([LABELS.index(label) for item in answers for label in item.gold])
        lacking = [label.value for index, label in enumerate(LABELS) if index not in gold]
        if lacking:
            raise ValueError(f"no clause is labelled {', '.join(lacking)}; every label needs examples")
        weight = np.sqrt(np.array([words for item in answers for words in item.words]) + 0.5)
        folds = np.repeat([fold_of(item) for item in answers], lengths)
        return cls(vocabulary, clause_rows(answers, vocabulary), gold, weight / weight.mean(), folds, lengths)


def lone(answers: Sequence[PreparedAnswer]) -> Candidate:
    """Fit the linear learner on each clause's own features."""
    seen = _Clauses.of(answers)
    size = len(seen.vocabulary)
    model = fit_step(seen.rows[:, :size], seen.gold, seen.weight, _SETTINGS.first)

    def rows(item: PreparedAnswer) -> list[Indices]:
        known = ([seen.vocabulary.get(name) for name in clause] for clause in item.features)
        return [np.array([row for row in clause if row is not None], dtype=np.intp) for clause in known]

    return Candidate(_linear(model, rows))


def neighbours(answers: Sequence[PreparedAnswer]) -> Candidate:
    """Fit the linear learner on each clause's features and those of its two neighbours: the first step."""
    seen = _Clauses.of(answers)
    return Candidate(
        _first_step(fit_step(seen.rows, seen.gold, seen.weight, _SETTINGS.first), seen.vocabulary)
    )


def chained(learner: Learner) -> Learner:
    """Return ``learner`` with its answers decoded by the learnt chain."""

    def fit(answers: Sequence[PreparedAnswer]) -> Candidate:
        return Candidate(learner(answers).scores, _chain(answers))

    return fit


def boosted(answers: Sequence[PreparedAnswer]) -> Candidate:
    """Fit gradient boosting, in place of the second step, on the first step's opinions all over the answer."""
    seen = _Clauses.of(answers)
    first = cross_fit(seen.rows, seen.gold, seen.weight, seen.folds, _SETTINGS.first)
    opinion = _first_step(fit_step(seen.rows, seen.gold, seen.weight, _SETTINGS.first), seen.vocabulary)
    model = HistGradientBoostingClassifier(
        max_iter=_ROUNDS, max_leaf_nodes=_LEAVES, early_stopping=False, random_state=0
    )
    model.fit(context_rows(first, seen.lengths).toarray(), seen.gold, sample_weight=seen.weight)

    def scores(item: PreparedAnswer) -> Scores:
        return _logarithms(model.predict_proba(context_features(np.exp(opinion(item)))))

    return Candidate(scores)


def context_rows(first: Scores, lengths: Sequence[int]) -> sparse.csr_matrix:
    """Return what a second step sees of the first one's probabilities, answers of ``lengths`` clauses."""
    edges = np.cumsum([0, *lengths])
    return sparse.csr_matrix(np.vstack([context_features(first[a:b]) for a, b in itertools.pairwise(edges)]))


def stacked(answers: Sequence[PreparedAnswer]) -> Candidate:
    """Fit a linear second step on the clause's and its neighbours' features and the first step's opinions."""
    seen = _Clauses.of(answers)
    first = cross_fit(seen.rows, seen.gold, seen.weight, seen.folds, _SETTINGS.first)
    both = sparse.hstack([_LEXICAL_WEIGHT * seen.rows, context_rows(first, seen.lengths)]).tocsr()
    opinion = _first_step(fit_step(seen.rows, seen.gold, seen.weight, _SETTINGS.first), seen.vocabulary)
    model = fit_step(both, seen.gold, seen.weight, _LINEAR_SECOND)
    split = seen.rows.shape[1]
    lexical, context = (part.T.astype(np.float32) for part in np.split(model.coef_, [split], axis=1))

    def scores(item: PreparedAnswer) -> Scores:
        words = summed_rows(lexical, block_rows(item.features, seen.vocabulary))
        around = context_features(np.exp(opinion(item))) @ context
        return _logarithms(softmax(_LEXICAL_WEIGHT * words + around + model.intercept_))

    return Candidate(scores)


@stopping_early()
def perceptrons(answers: Sequence[PreparedAnswer], *, place: bool = True) -> Candidate:
    """Fit both steps as the shipped labeller has them; without ``place`` neither sees where a clause stands.

    What is left out then: the features of place, the marks of the first and last clause, and the columns of place
    among what the second step sees. What it sees of the clauses before and after stays.
    """
    if not place:
        answers = [_without_place(item) for item in answers]
    seen = _Clauses.of(answers)
    rows = seen.rows if place else _without(seen.rows, [-2, -1])
    own = rows[:, : len(seen.vocabulary)].tocsr()
    first = cross_fit(rows, seen.gold, seen.weight, seen.folds, _SETTINGS.first)
    first_model = fit_step(rows, seen.gold, seen.weight, _SETTINGS.first)
    embedding = embed(own, elsewhere(seen.vocabulary), _SETTINGS.dimensions)
    inputs = second_rows(own, embedding, first, seen.lengths)
    shown = np.ones(inputs.shape[1], dtype=np.float32)
    if not place:
        shown[_columns_of_place(inputs.shape[1])] = 0
    labeller = Labeller(
        vocabulary=seen.vocabulary,
        first_weights=first_model.coef_.T.astype(np.float32),
        first_intercept=first_model.intercept_.astype(np.float32),
        embedding=embedding,
        perceptrons=fit_perceptrons(inputs * shown, seen.gold, seen.weight, _SETTINGS.second),
        chain=_chain(answers),
        temperature=1.0,
    )
    return Candidate(
        lambda item: mean_logarithms(labeller.perceptrons, labeller.inputs(item.features) * shown),
        labeller.chain,
    )


#: In the order of the table; the last one ships.
LEARNERS: Mapping[str, Learner] = {
    "linear, lone clauses": lone,
    "linear, with neighbours": neighbours,
    "linear, with neighbours, chain": chained(neighbours),
    "gradient boosting on the first step, chain": chained(boosted),
    "linear on the first step, chain": chained(stacked),
    "perceptrons on the first step, chain (ships)": perceptrons,
}


def compare(
    answers: Sequence[PreparedAnswer],
    learners: Mapping[str, Learner] = LEARNERS,
    progress: Progress = lambda _: None,
) -> dict[str, dict[str, float]]:
    """Return a row for each learner, cross-fitted over folds of writing batches.

    ``fit_s`` is the mean processor time of a fold's fit in seconds, ``predict_us`` that of labelling a clause whose
    features are known, in microseconds.
    """
    answers = [item for item in answers if item.features]
    order = sorted(answers, key=fold_of)
    folds = [list(group) for _, group in itertools.groupby(order, key=fold_of)]
    if len(folds) < 2:
        raise ValueError("all answers stand in one fold; a comparison needs answers of more writing batches")
    clauses = sum(len(item.features) for item in order)
    rows: dict[str, dict[str, float]] = {}
    for name, learner in learners.items():
        predicted: list[tuple[LabelledSpan, ...]] = []
        fitting = labelling = 0.0
        for number, fold in enumerate(folds):
            rest = [item for other in (*folds[:number], *folds[number + 1 :]) for item in other]
            started = time.process_time()
            with stopping_early():
                candidate = learner(rest)
            fitted = time.process_time()
            predicted += [candidate.spans(item) for item in fold]
            fitting += fitted - started
            labelling += time.process_time() - fitted
            progress(name)
        result = figures([item.answer for item in order], predicted)
        rows[name] = {
            "macro_f1": round(result.macro, 3),
            "task_f1": round(result.by_label[Label.TASK.value], 3),
            "fit_s": round(fitting / len(folds), 1),
            "predict_us": round(1e6 * labelling / clauses),
        }
    return rows


def _linear(model: LogisticRegression, rows: Callable[[PreparedAnswer], list[Indices]]) -> Scorer:
    weights, intercept = model.coef_.T.astype(np.float32), model.intercept_
    return lambda item: _logarithms(softmax(summed_rows(weights, rows(item)) + intercept))


def _first_step(model: LogisticRegression, vocabulary: Mapping[str, int]) -> Scorer:
    return _linear(model, lambda item: block_rows(item.features, vocabulary))


def _logarithms(probabilities: Scores) -> Scores:
    return np.asarray(np.log(np.clip(probabilities, 1e-6, 1)))


def _chain(answers: Sequence[PreparedAnswer]) -> Chain:
    return Chain(moves_of(answers, _SETTINGS.chain).astype(np.float32).astype(np.float64))


def _without_place(item: PreparedAnswer) -> PreparedAnswer:
    kept = (tuple(name for name in clause if not name.startswith(PLACE)) for clause in item.features)
    return replace(item, features=tuple(kept))


def _without(rows: sparse.csr_matrix, columns: Sequence[int]) -> sparse.csr_matrix:
    """Return ``rows`` with zeros in ``columns``: the solver leaves their weights at 0."""
    mask = np.ones(rows.shape[1])
    mask[list(columns)] = 0
    return (rows @ sparse.diags(mask)).tocsr()


def _columns_of_place(columns: int) -> list[int]:
    """Return which of the perceptrons' ``columns`` tell where a clause stands: margins, and the last ones."""
    classes = len(LABELS)
    context = columns - context_features(np.full((1, classes), 1 / classes)).shape[1]
    margins = [context + classes + side * (classes + 1) + classes for side in range(2 * WINDOW)]
    return [*margins, *range(columns - _PLACE_COLUMNS, columns)]
