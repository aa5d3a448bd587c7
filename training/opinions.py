"""Fitting the opinions: which findings a reader would raise, with limits that keep false alarms down.

Every finding is fitted on the answers of the question types that it is raised for, with labels that the
labeller gave when it had not seen the answer. Limits are set on cross-fitted probabilities: where no limit
reaches the precision asked for, the finding is never raised.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from service.feedback.catalogue import Catalogue
from service.feedback.examples import TRAINED
from service.feedback.lexicons import find_names
from service.feedback.opinions import ASKED, OpinionModel, facts, tell
from service.feedback.reading import Limits, ReadClause, Reading
from service.feedback.rules import KINDS
from service.labels import STORY_TYPES, AnswerKind, Label, QuestionType
from service.language.clauses import SPANS_KEY
from service.language.heads import LinearHead
from service.language.labeller import join_spans
from service.language.model_folder import OPINIONS
from service.language.nlp import Language
from service.language.text import prepare
from service.records import Answer
from training.corpus import LabelledAnswer
from training.fit import Fitted, fold_of, frequent, sparse_rows
from training.prepare import PreparedAnswer, clauses_of

#: A finding ships only where this share of those raised is right.
LEAST_PRECISION = 0.7
LEAST_EXAMPLES = 8
OFF_QUESTION = "answer.off_question"
#: Tried for each finding: inverse regularisation, and by how much words, facts of the whole answer and signals that
#: were made with findings in mind are multiplied. What is multiplied is bound less.
_BINDINGS = ((0.05, (1.0, 1.0, 1.0)), (0.05, (1.0, 1.5, 2.0)), (0.1, (1.0, 2.0, 4.0)))
_MADE = ("cue=", "cues=", "num=", "|measure", "asks=", "question_word")
#: Whether an answer suits its question is told by these alone.
_OF_QUESTION = (
    ASKED,
    "fact:asks=",
    "fact:question_words",
    "fact:no_question_word",
    "cue=off_topic",
    "fact:cues=off_topic",
)
_MOST_PRECISION = 0.9
#: What an answer beside another question counts for, against 1 for what a reader judged.
_MISPLACED_WEIGHT = 0.3
_DRAWS = 50


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What the opinions see of one labelled answer; ``fired`` are the judged rules that found something."""

    answer: LabelledAnswer
    fold: int
    values: Mapping[str, float]
    fired: frozenset[str]
    #: What would be seen of the same answer to a question about something else; ``None`` where nobody was asked.
    misplaced: Mapping[str, float] | None = None


def read_answers(
    answers: Sequence[PreparedAnswer],
    labels: Sequence[Sequence[Label]],
    folds: Sequence[int],
    language: Language,
    catalogue: Catalogue,
) -> list[ReadAnswer]:
    """Return signals and facts of each answer under the given labels of its clauses."""
    others = _other_questions(answers, catalogue)
    out = []
    for number, (item, path, fold) in enumerate(zip(answers, labels, folds, strict=True)):
        answer = item.answer
        clauses = clauses_of(item)
        labelled = [(label, 0.9) for label in path]
        with language.reading(prepare(answer.text), most_tokens=20_000) as doc:
            reading = Reading(
                answer=Answer(answer.text, answer.question),
                question_type=QuestionType(answer.question_type or "other"),
                answer_kind=AnswerKind(answer.answer_kind) if answer.answer_kind else None,
                kind_confidence=1.0,
                doc=doc,
                clauses=tuple(
                    ReadClause(clause, label, trust, span)
                    for clause, (label, trust), span in zip(
                        clauses, labelled, doc.spans[SPANS_KEY], strict=True
                    )
                ),
                spans=join_spans(clauses, labelled),
            )
            misplaced = None
            if number in others:
                misplaced = _values(replace(reading, answer=Answer(answer.text, others[number])), catalogue)
            fired = frozenset(
                rule.id
                for rule in catalogue.active()
                if rule.kind != TRAINED and any(KINDS[str(rule.kind)](reading, rule, catalogue.lexicons))
            )
            out.append(ReadAnswer(answer, fold, _values(reading, catalogue), fired, misplaced))
    return out


def _values(reading: Reading, catalogue: Catalogue) -> dict[str, float]:
    told = tell(reading, catalogue.lexicons)
    values: dict[str, float] = dict.fromkeys(sorted({name for names in told.signals for name in names}), 1.0)
    return values | facts(reading, catalogue.lexicons, told)


def _other_questions(answers: Sequence[PreparedAnswer], catalogue: Catalogue) -> dict[int, str]:
    """Return for the answers that suit their question, by number, a question that asks for something else.

    It is asked of another answer of the same fold, so that nothing of it is seen twice.
    """
    themes = [
        frozenset(name for name, _, _ in find_names(item.answer.question or "", catalogue.lexicons["themes"]))
        if item.answer.question_type in STORY_TYPES and item.answer.answer_kind == AnswerKind.STORY
        else frozenset()
        for item in answers
    ]
    found = {}
    for number, item in enumerate(answers):
        if not themes[number] or OFF_QUESTION in item.answer.findings:
            continue
        chance = random.Random(hashlib.sha256(item.answer.id.encode()).digest())  # noqa: S311  (no secret)
        fold = fold_of(item)
        for _ in range(_DRAWS):
            other = chance.randrange(len(answers))
            if themes[other] and not themes[other] & themes[number] and fold_of(answers[other]) == fold:
                found[number] = str(answers[other].answer.question)
                break
    return found


def with_opinions(
    fitted: Fitted, answers: Sequence[PreparedAnswer], language: Language, catalogue: Catalogue
) -> tuple[Fitted, dict[str, dict[str, object]]]:
    """Return ``fitted`` with the opinions, and their cross-fitted figures."""
    rated = [
        (item, path) for item, path in zip(answers, fitted.cross_fitted, strict=True) if item.answer.score
    ]
    read = read_answers(
        [item for item, _ in rated],
        [path for _, path in rated],
        [fold_of(item) for item, _ in rated],
        language,
        catalogue,
    )
    model, figures = fit_opinions(read, catalogue)
    return replace(fitted, heads={**fitted.heads, OPINIONS: model.head}, limits=model.limits), figures


def targets(catalogue: Catalogue) -> dict[str, tuple[frozenset[QuestionType], str]]:
    """Return what is fitted: the finding's id, the types it is raised for, and what readers write for it."""
    wanted = {rule.id: (rule.types, rule.id) for rule in catalogue.rules}
    for criterion in catalogue.criteria:
        wanted[criterion.id] = (frozenset({criterion.type}), f"{criterion.id}:met")
    return wanted


def fit_opinions(
    answers: Sequence[ReadAnswer], catalogue: Catalogue
) -> tuple[OpinionModel, dict[str, dict[str, object]]]:
    """Fit all opinions; return the model and, for each finding, its cross-fitted figures."""
    seen = Counter(name for item in answers for name in item.values)
    vocabulary = frequent(seen)
    rows = sparse_rows([item.values for item in answers], vocabulary)
    misplaced = sparse_rows([item.misplaced or {} for item in answers], vocabulary)
    is_misplaced = np.array([item.misplaced is not None for item in answers])
    folds = np.array([item.fold for item in answers])
    is_asked = np.array([name.startswith(ASKED) for name in vocabulary])
    suits = np.array([name.startswith(_OF_QUESTION) for name in vocabulary])
    sorts = np.array([_sort(name) for name in vocabulary])
    columns: list[NDArray[np.float64]] = []
    intercepts: list[float] = []
    names: list[str] = []
    limits: dict[str, Limits] = {}
    judged = {rule.id for rule in catalogue.rules if rule.judged}
    figures: dict[str, dict[str, object]] = {}
    for finding, (types, mark) in targets(catalogue).items():
        chosen = np.array([item.answer.question_type in types for item in answers])
        if types == frozenset(QuestionType):
            chosen = np.array([item.answer.question_type in STORY_TYPES for item in answers])
        gold = np.array([mark in item.answer.findings for item in answers])[chosen]
        figures[finding] = {"answers": int(chosen.sum()), "gold": int(gold.sum())}
        if min(gold.sum(), (~gold).sum()) < LEAST_EXAMPLES:
            continue
        is_off = finding == OFF_QUESTION
        used = np.flatnonzero(suits if is_off else ~is_asked)
        best = _best_fit(
            _Part(
                rows[chosen][:, used],
                folds[chosen],
                misplaced[chosen][:, used],
                is_misplaced[chosen] if is_off else np.zeros(len(gold), dtype=bool),
            ),
            gold,
            sorts[used],
        )
        asked = np.ones(len(gold), dtype=bool)
        if finding in judged:  # the opinion is asked only where the rule has found something
            asked = np.array([finding in item.fired for item in answers])[chosen]
        above = limit(best.chance[asked], gold[asked], gold.mean()) if asked.any() else None
        below = limit(1 - best.chance, ~gold) if mark.endswith(":met") else None
        limits[finding] = Limits(above, None if below is None else 1 - below)
        column = np.zeros(len(vocabulary))
        if limits[finding] != Limits(None, None):  # what is never raised needs no room in the folder
            column[used] = best.coefficients
        columns.append(column)
        intercepts.append(best.intercept)
        names.append(finding)
        figures[finding] |= _figures(np.where(asked, best.chance, -1.0), gold, above)
    head = LinearHead(
        tuple(names),
        vocabulary,
        np.stack(columns, axis=1).astype(np.float32),
        np.array(intercepts, dtype=np.float32),
    )
    return _pruned(OpinionModel(head, limits)), figures


@dataclass(frozen=True, slots=True)
class _Part:
    """What one finding is fitted on: answers, and some of them once more beside another question."""

    rows: sparse.csr_matrix
    folds: NDArray[np.intp]
    misplaced: sparse.csr_matrix
    is_misplaced: NDArray[np.bool_]

    def scaled(self, scales: NDArray[np.float64]) -> _Part:
        """Return the same answers with their signals multiplied."""
        return replace(
            self, rows=self.rows.multiply(scales).tocsr(), misplaced=self.misplaced.multiply(scales).tocsr()
        )

    def fit(
        self, gold: NDArray[np.bool_], strength: float, inside: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], float]:
        """Fit the answers ``inside``; return coefficients and intercept."""
        extra = inside & self.is_misplaced
        rows, marks = self.rows[inside], gold[inside]
        weight = np.ones(len(marks))
        if extra.any():
            rows = sparse.vstack([rows, self.misplaced[extra]]).tocsr()
            marks = np.concatenate([marks, np.ones(int(extra.sum()), dtype=bool)])
            weight = np.concatenate([weight, np.full(int(extra.sum()), _MISPLACED_WEIGHT)])
        model = LogisticRegression(C=strength, solver="liblinear", random_state=0, tol=1e-3)
        model.fit(rows, marks, sample_weight=weight)
        return model.coef_[0], float(model.intercept_[0])

    def cross_fitted(self, gold: NDArray[np.bool_], strength: float) -> NDArray[np.float64]:
        """Return the probability of each answer from a model that has not seen its fold."""
        chance = np.full(len(gold), gold.mean())
        for fold in sorted(set(self.folds.tolist())):
            inside = self.folds != fold
            if 0 < gold[inside].sum() < inside.sum():
                coefficients, intercept = self.fit(gold, strength, inside)
                chance[~inside] = expit(self.rows[~inside] @ coefficients + intercept)
        return chance


@dataclass(frozen=True, slots=True)
class _Fit:
    chance: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    intercept: float


def _best_fit(part: _Part, gold: NDArray[np.bool_], sorts: NDArray[np.intp]) -> _Fit:
    """Fit with the binding whose cross-fitted probabilities have the least log-loss."""
    tried = []
    for strength, scales in _BINDINGS:
        scaled = part.scaled(np.array(scales)[sorts])
        chance = scaled.cross_fitted(gold, strength)
        sure = np.clip(np.where(gold, chance, 1 - chance), 1e-6, 1)
        tried.append((-float(np.log(sure).mean()), strength, scales, scaled, chance))
    _, strength, scales, scaled, chance = min(tried, key=lambda one: one[0])
    coefficients, intercept = scaled.fit(gold, strength, np.ones(len(gold), dtype=bool))
    return _Fit(chance, coefficients * np.array(scales)[sorts], intercept)


def _sort(name: str) -> int:
    """Return 0 for a word, 1 for a fact of the whole answer, 2 for what was made with findings in mind."""
    if name.startswith(ASKED):
        return 0
    return 2 if any(part in name for part in _MADE) else int(name.startswith("fact:"))


def limit(chance: NDArray[np.float64], gold: NDArray[np.bool_], usual: float | None = None) -> float | None:
    """Return the probability from which raising gives the best F1 at the least precision, or ``None``.

    One right and one wrong are counted in beside those that are raised, so that a few lucky ones are not enough.
    What is usual (a share of all answers; that of ``gold`` where left out) has to be right more often than others:
    raising it everywhere would say nothing.
    """
    usual = float(gold.mean()) if usual is None else usual
    least = max(LEAST_PRECISION, min((1 + usual) / 2, _MOST_PRECISION))
    order = np.argsort(-chance, kind="stable")
    right = np.cumsum(gold[order])
    raised = np.arange(1, len(gold) + 1)
    precision, recall = right / raised, right / max(1, gold.sum())
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    allowed = ((right + 1) / (raised + 2) >= least) & (raised >= 5)
    if not allowed.any():
        return None
    best = int(np.where(allowed, f1, -1).argmax())
    if best == len(gold) - 1:
        return 0.0
    after = chance[order][best + 1]
    return float((chance[order][best] + after) / 2)


def _figures(chance: NDArray[np.float64], gold: NDArray[np.bool_], above: float | None) -> dict[str, object]:
    raised = chance >= above if above is not None else np.zeros(len(gold), dtype=bool)
    right = int((raised & gold).sum())
    return {
        "raised": int(raised.sum()),
        "precision": round(right / max(1, int(raised.sum())), 2),
        "recall": round(right / max(1, int(gold.sum())), 2),
        "limit": None if above is None else round(above, 2),
    }


def _pruned(model: OpinionModel) -> OpinionModel:
    """Drop signals that weigh next to nothing anywhere, so that the folder stays small."""
    head = model.head
    keep = np.abs(head.weights).max(axis=1) > 0.004
    names = sorted(head.vocabulary, key=lambda name: head.vocabulary[name])
    kept = [name for name, wanted in zip(names, keep, strict=True) if wanted]
    return OpinionModel(
        LinearHead(
            head.classes, {name: row for row, name in enumerate(kept)}, head.weights[keep], head.intercept
        ),
        model.limits,
    )
