"""Fitting: scikit-learn finds the weights, which leave here as plain arrays.

The same answers and seed give the same bytes: the solver is deterministic, folds are cut by the hash of the
writing batch, and everything is visited in a fixed order.
"""

from __future__ import annotations

import hashlib
import itertools
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from service.errors import StarFeedbackError
from service.feedback.reading import Limits
from service.labels import STORY_TYPES, AnswerKind, Label, QuestionType
from service.language.heads import Floats, LinearHead, by_row
from service.language.labeller import LABELS, Chain, Labeller, block_rows, join_spans
from service.language.perceptron import mean_logarithms
from service.language.whole import answer_features, question_features
from service.records import LabelledSpan
from training.perceptrons import PerceptronSettings, embed, fit_perceptrons, second_rows
from training.prepare import PreparedAnswer, clauses_of


class CannotFit(StarFeedbackError, ValueError):
    """Labelled data from which a model can't be fitted; says what it lacks."""


Progress = Callable[[str], None]
Baseline = Callable[[PreparedAnswer], tuple[LabelledSpan, ...]]
#: A feature seen in fewer answers is left out: it is noise, and it may be somebody's private word.
LEAST_ANSWERS = 3
FOLDS = 5
#: Threads that fit folds side by side; the result is the same for any number.
_THREADS = 2
#: The solver stops here, short of convergence: more steps changed no figure on the development part.
_ITERATIONS = 80


#: Prefixes of the features that tell where in the answer a clause stands.
PLACE = (
    "at=",
    "from_start=",
    "from_end=",
    "len=",
    "first_sentence",
    "last_sentence",
    "opens_sentence",
)


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What is chosen on the development part.

    ``first`` and ``head`` are inverse regularisation; ``dimensions`` to ``decay`` are those of the second step, see
    :class:`training.perceptrons.PerceptronSettings`.
    """

    first: float = 0.05
    chain: float = 0.4
    #: Weight of the copies (shortened, without punctuation), against 1 for the answer as written.
    copy_weight: float = 0.5
    head: float = 0.3
    dimensions: int = 64
    hidden: int = 96
    hidden_after: int = 48
    count: int = 3
    epochs: int = 8
    decay: float = 1.0

    @property
    def second(self) -> PerceptronSettings:
        """Return the settings of the second step."""
        return PerceptronSettings(
            self.dimensions, self.hidden, self.hidden_after, self.count, self.epochs, self.decay
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """The labeller and the heads, and what cross-fitting gave each training answer.

    ``limits`` and the head ``opinions`` are added by ``training.opinions``.
    """

    labeller: Labeller
    heads: Mapping[str, LinearHead]
    cross_fitted: tuple[tuple[Label, ...], ...]
    limits: Mapping[str, Limits] = field(default_factory=dict)


def fold_of(prepared: PreparedAnswer) -> int:
    """Return the fold of an answer's writing batch (or of its id, where it has none)."""
    batch = prepared.answer.meta.get("batch", prepared.answer.id)
    return int(hashlib.sha256(batch.encode()).hexdigest(), 16) % 997 % FOLDS


def vocabulary_of(answers: Iterable[PreparedAnswer]) -> dict[str, int]:
    """Return the features seen in at least ``LEAST_ANSWERS`` answers, each with its row."""
    seen: Counter[str] = Counter()
    for prepared in answers:
        seen.update({name for clause in prepared.features for name in clause})
    return frequent(seen)


def frequent(seen: Counter[str]) -> dict[str, int]:
    """Return the names counted at least ``LEAST_ANSWERS`` times, sorted, each with its row."""
    return {name: row for row, name in enumerate(sorted(n for n, c in seen.items() if c >= LEAST_ANSWERS))}


def sparse_rows(examples: Sequence[Mapping[str, float]], vocabulary: Mapping[str, int]) -> sparse.csr_matrix:
    """Return one row for each example of named values; names outside the vocabulary are left out."""
    data: list[float] = []
    indices: list[int] = []
    edges = [0]
    for features in examples:
        known = [(vocabulary[name], value) for name, value in features.items() if name in vocabulary]
        indices += [column for column, _ in known]
        data += [value for _, value in known]
        edges.append(len(indices))
    return sparse.csr_matrix((data, indices, edges), shape=(len(examples), len(vocabulary)))


def clause_rows(answers: Sequence[PreparedAnswer], vocabulary: Mapping[str, int]) -> sparse.csr_matrix:
    """Return one row for each clause of ``answers``: its own features and its neighbours', in three blocks."""
    rows = [row for prepared in answers for row in block_rows(prepared.features, vocabulary)]
    lengths = [len(row) for row in rows]
    columns = np.concatenate(rows)
    return sparse.csr_matrix(
        (np.ones(len(columns)), columns, np.concatenate(([0], np.cumsum(lengths)))),
        shape=(len(rows), 3 * len(vocabulary) + 2),
    )


def _logistic(inverse_regularisation: float) -> LogisticRegression:
    return LogisticRegression(C=inverse_regularisation, max_iter=_ITERATIONS, tol=1e-3)


def _probabilities(model: LogisticRegression, rows: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return probabilities with a column for every label, also those that the fold did not hold."""
    out = np.full((rows.shape[0], len(LABELS)), 1e-6)
    out[:, model.classes_] = model.predict_proba(rows)
    return np.asarray(out / out.sum(axis=1, keepdims=True))


@contextmanager
def stopping_early() -> Iterator[None]:
    """Let the solver stop short of convergence without a warning; warnings are the process's, not a thread's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@stopping_early()
def fit(
    answers: Sequence[PreparedAnswer],
    copies: Sequence[PreparedAnswer] = (),
    *,
    settings: FitSettings = FitSettings(),
    weights: Sequence[float] | None = None,
    progress: Progress = lambda _: None,
) -> Fitted:
    """Fit the labeller and the heads.

    ``copies`` are of the same answers, shortened or without punctuation; they only add examples. ``weights`` (one for each
    of ``answers``) let own data count more or less than shipped data. Raises ``ValueError`` where a label is
    lacking altogether.
    """
    answers = [prepared for prepared in answers if prepared.features]
    everything = [*answers, *(prepared for prepared in copies if prepared.features)]
    vocabulary = vocabulary_of(answers)
    lengths = [len(prepared.features) for prepared in everything]
    gold = np.array([LABELS.index(label) for prepared in everything for label in prepared.gold])
    if len(set(gold.tolist())) < len(LABELS):
        lacking = [label.value for i, label in enumerate(LABELS) if i not in gold]
        raise CannotFit(f"no clause is labelled {', '.join(lacking)}; every label needs examples")
    per_answer = _answer_weights(answers, everything, weights, settings)
    sizes = np.array([words for prepared in everything for words in prepared.words], dtype=float)
    weight = np.sqrt(sizes + 0.5) * np.repeat(per_answer, lengths)
    weight /= weight.mean()
    folds = np.repeat([fold_of(prepared) for prepared in everything], lengths)
    rows = clause_rows(everything, vocabulary)
    own = rows[:, : len(vocabulary)].tocsr()

    progress("first step, fold by fold")
    with ThreadPoolExecutor(1) as thread:
        on_everything = thread.submit(fit_step, rows, gold, weight, settings.first)
        first = cross_fit(rows, gold, weight, folds, settings.first)
        first_model = on_everything.result()
    progress("the space of the clauses")
    written = sum(lengths[: len(answers)])
    embedding = embed(own[:written], elsewhere(vocabulary), settings.dimensions)
    inputs = second_rows(own, embedding, first, lengths)

    progress("second step, fold by fold")
    second = cross_fit_second(inputs, gold, weight, folds, settings)
    progress("second step on everything")
    perceptrons = fit_perceptrons(inputs, gold, weight, settings.second)
    moves = moves_of(answers, settings.chain)
    temperature = _temperature(second, gold, lengths, moves)
    labeller = Labeller(
        vocabulary=vocabulary,
        first_weights=first_model.coef_.T.astype(np.float32),
        first_intercept=first_model.intercept_.astype(np.float32),
        embedding=embedding,
        perceptrons=perceptrons,
        chain=Chain(moves.astype(np.float32).astype(np.float64)),
        temperature=temperature,
    )
    cross_fitted = _decoded(second[:written], lengths[: len(answers)], moves)
    progress("whole-answer heads")
    return Fitted(labeller, _fit_heads(answers, cross_fitted, settings), cross_fitted)


def fit_step(
    rows: sparse.csr_matrix, gold: NDArray[np.intp], weight: NDArray[np.float64], strength: float
) -> LogisticRegression:
    """Fit one step with the inverse regularisation ``strength``."""
    return _logistic(strength).fit(rows, gold, sample_weight=weight)


def cross_fit(
    rows: sparse.csr_matrix,
    gold: NDArray[np.intp],
    weight: NDArray[np.float64],
    folds: NDArray[np.intp],
    strength: float,
) -> NDArray[np.float64]:
    """Return probabilities of each row from a model that has not seen its fold."""
    numbers = sorted(set(folds.tolist()))
    with ThreadPoolExecutor(_THREADS) as pool:
        models = list(
            pool.map(
                lambda fold: fit_step(
                    rows[folds != fold], gold[folds != fold], weight[folds != fold], strength
                ),
                numbers,
            )
        )
    out = np.zeros((rows.shape[0], len(LABELS)))
    for fold, model in zip(numbers, models, strict=True):
        out[folds == fold] = _probabilities(model, rows[folds == fold])
    return out


def cross_fit_second(
    inputs: Floats,
    gold: NDArray[np.intp],
    weight: NDArray[np.float64],
    folds: NDArray[np.intp],
    settings: FitSettings,
) -> NDArray[np.float64]:
    """Return the log-probabilities of each row from perceptrons that have not seen its fold."""
    out = np.zeros((len(inputs), len(LABELS)))
    for fold in sorted(set(folds.tolist())):
        rest = folds != fold
        perceptrons = fit_perceptrons(inputs[rest], gold[rest], weight[rest], settings.second)
        out[~rest] = mean_logarithms(perceptrons, inputs[~rest])
    return out


def elsewhere(vocabulary: Mapping[str, int]) -> NDArray[np.bool_]:
    """Return for each feature whether it tells anything but where in the answer the clause stands."""
    return np.array([not name.startswith(PLACE) for name in by_row(vocabulary)])


def _answer_weights(
    answers: Sequence[PreparedAnswer],
    everything: Sequence[PreparedAnswer],
    weights: Sequence[float] | None,
    settings: FitSettings,
) -> NDArray[np.float64]:
    own = np.ones(len(answers)) if weights is None else np.asarray(weights, dtype=float)
    by_id = {prepared.answer.id: w for prepared, w in zip(answers, own, strict=True)}
    copied = [
        settings.copy_weight * by_id.get(prepared.answer.id, 1.0) for prepared in everything[len(answers) :]
    ]
    return np.concatenate([own, copied])


def moves_of(answers: Sequence[PreparedAnswer], strength: float) -> NDArray[np.float64]:
    """Return how much likelier each move between labels is than chance, as scaled log-ratios."""
    counts = np.full((len(LABELS), len(LABELS)), 0.5)
    prior = np.ones(len(LABELS))
    for prepared in answers:
        path = [LABELS.index(label) for label in prepared.gold]
        for label in path:
            prior[label] += 1
        for before, after in itertools.pairwise(path):
            counts[before, after] += 1
    moves = np.log(counts / counts.sum(axis=1, keepdims=True)) - np.log(prior / prior.sum())
    return np.asarray(strength * moves)


def _decoded(
    scores: NDArray[np.float64], lengths: Sequence[int], moves: NDArray[np.float64]
) -> tuple[tuple[Label, ...], ...]:
    chain = Chain(moves)
    edges = np.cumsum([0, *lengths])
    return tuple(
        tuple(LABELS[index] for index in chain.best(scores[a:b])) for a, b in itertools.pairwise(edges)
    )


def _temperature(
    scores: NDArray[np.float64],
    gold: NDArray[np.intp],
    lengths: Sequence[int],
    moves: NDArray[np.float64],
) -> float:
    """Return the temperature whose confidences fit best (Guo et al. 2017), by cross-fitted log-loss."""
    edges = np.cumsum([0, *lengths])
    losses = {}
    for temperature in (0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5):
        chain = Chain(moves / temperature)
        loss = 0.0
        for a, b in itertools.pairwise(edges):
            trust = chain.marginals(scores[a:b] / temperature)
            loss -= float(np.log(np.clip(trust[np.arange(b - a), gold[a:b]], 1e-6, 1)).sum())
        losses[temperature] = loss
    return min(losses, key=lambda t: losses[t])


def _fit_heads(
    answers: Sequence[PreparedAnswer], labels: Sequence[Sequence[Label]], settings: FitSettings
) -> dict[str, LinearHead]:
    told = [
        dict(answer_features(prepared.features, path, prepared.words))
        for prepared, path in zip(answers, labels, strict=True)
    ]
    kinds = [
        (features, prepared.answer.answer_kind)
        for features, prepared in zip(told, answers, strict=True)
        if prepared.answer.question_type in STORY_TYPES and prepared.answer.answer_kind
    ]
    types = [
        (features, prepared.answer.question_type)
        for features, prepared in zip(told, answers, strict=True)
        if prepared.answer.question_type
    ]
    asked = [
        (question_features(prepared.answer.question), prepared.answer.question_type)
        for prepared in answers
        if prepared.answer.question and prepared.answer.question_type
    ]
    asked += [(question_features(question), kind) for kind, question in read_questions() for _ in range(3)]
    return {
        "answer_kind": fit_head(kinds, tuple(kind.value for kind in AnswerKind), settings.head),
        "question_type": fit_head(asked, tuple(kind.value for kind in QuestionType), 3.0),
        "question_type_of_answer": fit_head(types, tuple(kind.value for kind in QuestionType), settings.head),
    }


def read_questions() -> list[tuple[str, str]]:
    """Return ``(type, question)`` pairs: questions written for the purpose, without answers."""
    lines = (Path(__file__).parent / "data" / "questions.tsv").read_text(encoding="utf-8").splitlines()
    return [(kind, question) for kind, _, question in (line.partition("\t") for line in lines)]


def fit_head(
    examples: Sequence[tuple[Mapping[str, float], str | None]],
    classes: Sequence[str],
    inverse_regularisation: float,
) -> LinearHead:
    """Fit one linear classifier over named features; classes without an example are left out."""
    seen: Counter[str] = Counter(name for features, _ in examples for name in features)
    vocabulary = frequent(seen)
    there = {label for _, label in examples}
    kept = tuple(name for name in classes if name in there)
    if len(kept) < 2:
        raise CannotFit(
            f"a head needs examples of two classes at least, not of {kept}; labelled spans alone train with --base"
        )
    rows = sparse_rows([features for features, _ in examples], vocabulary)
    gold = np.array([kept.index(str(label)) for _, label in examples])
    model = LogisticRegression(C=inverse_regularisation, max_iter=500, tol=1e-4, class_weight=None).fit(
        rows, gold
    )
    weights, intercept = model.coef_.T, model.intercept_
    if len(kept) == 2:  # scikit-learn keeps one column for two classes
        weights = np.hstack([np.zeros_like(weights), weights])
        intercept = np.concatenate([[0.0], intercept])
    return LinearHead(kept, vocabulary, weights.astype(np.float32), intercept.astype(np.float32))


def fit_baseline(answers: Sequence[PreparedAnswer], sees: str) -> Baseline:
    """Fit the learner on ``"position only"`` or ``"words only"`` of lone clauses; return its predictor."""

    def kept(clause: Sequence[str]) -> dict[str, float]:
        if sees == "position only":
            return {name: 1.0 for name in clause if name.startswith(PLACE)}
        return {name: 1.0 for name in clause if name.startswith(("w=", "b="))}

    examples = [
        (kept(clause), label.value)
        for prepared in answers
        for clause, label in zip(prepared.features, prepared.gold, strict=True)
    ]
    head = fit_head(examples, tuple(label.value for label in LABELS), 0.3)

    def predict(prepared: PreparedAnswer) -> tuple[LabelledSpan, ...]:
        guesses = []
        for clause in prepared.features:
            probabilities = head.probabilities(kept(clause))
            best = max(probabilities, key=lambda name: (probabilities[name], name))
            guesses.append((Label(best), probabilities[best]))
        return join_spans(clauses_of(prepared), guesses)

    return predict
