"""Fitting the opinions: which findings a reader would raise, with limits that keep false alarms down.

Every finding is fitted on the answers of the question types that it is raised for, with labels that the
labeller gave when it had not seen the answer. Limits are set on cross-fitted probabilities: where no limit
reaches the precision asked for, the finding is never raised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from service.feedback.catalogue import Catalogue
from service.feedback.opinions import OpinionModel, facts, signals
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
_INVERSE_REGULARISATION = 0.05


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What the opinions see of one labelled answer; ``fired`` are the judged rules that found something."""

    answer: LabelledAnswer
    fold: int
    values: Mapping[str, float]
    fired: frozenset[str]


def read_answers(
    answers: Sequence[PreparedAnswer],
    labels: Sequence[Sequence[Label]],
    folds: Sequence[int],
    language: Language,
    catalogue: Catalogue,
) -> list[ReadAnswer]:
    """Return signals and facts of each answer under the given labels of its clauses."""
    out = []
    for item, path, fold in zip(answers, labels, folds, strict=True):
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
            values: dict[str, float] = dict.fromkeys(
                sorted({s for clause in reading.clauses for s in signals(clause)}), 1.0
            )
            values |= facts(reading, catalogue.lexicons)
            fired = frozenset(
                rule.id
                for rule in catalogue.active()
                if rule.judged and any(KINDS[str(rule.kind)](reading, rule, catalogue.lexicons))
            )
        out.append(ReadAnswer(answer, fold, values, fired))
    return out


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
        part = rows[chosen]
        folds = np.array([item.fold for item in answers])[chosen]
        chance = np.full(len(gold), gold.mean())
        for fold in sorted(set(folds.tolist())):
            inside = folds != fold
            if 0 < gold[inside].sum() < inside.sum() and (~inside).any():
                chance[~inside] = (
                    _logistic().fit(part[inside], gold[inside]).predict_proba(part[~inside])[:, 1]
                )
        model = _logistic().fit(part, gold)
        columns.append(model.coef_[0])
        intercepts.append(float(model.intercept_[0]))
        names.append(finding)
        asked = np.ones(len(gold), dtype=bool)
        if finding in judged:  # the opinion is asked only where the rule has found something
            asked = np.array([finding in item.fired for item in answers])[chosen]
        above = limit(chance[asked], gold[asked]) if asked.any() else None
        below = limit(1 - chance, ~gold)
        limits[finding] = Limits(above, None if below is None or not mark.endswith(":met") else 1 - below)
        figures[finding] |= _figures(np.where(asked, chance, -1.0), gold, above)
    head = LinearHead(
        tuple(names),
        vocabulary,
        np.stack(columns, axis=1).astype(np.float32),
        np.array(intercepts, dtype=np.float32),
    )
    return _pruned(OpinionModel(head, limits)), figures


def _logistic() -> LogisticRegression:
    return LogisticRegression(C=_INVERSE_REGULARISATION, solver="liblinear", random_state=0, tol=1e-3)


def limit(chance: NDArray[np.float64], gold: NDArray[np.bool_]) -> float | None:
    """Return the probability from which raising gives the best F1 at the least precision, or ``None``."""
    order = np.argsort(-chance, kind="stable")
    right = np.cumsum(gold[order])
    raised = np.arange(1, len(gold) + 1)
    precision, recall = right / raised, right / max(1, gold.sum())
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    allowed = (precision >= LEAST_PRECISION) & (raised >= 5)
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
