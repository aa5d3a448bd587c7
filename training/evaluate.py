"""Figures on labelled answers that nobody trained on, split by answer.

Every word (run of non-space characters) has the label of its span. A span counts as found where the overlap
is at least half of both. Presence is whether a part is there at all.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score, f1_score

from service.labels import COMPONENTS, Label
from service.language.labeller import Labeller, join_spans
from service.records import LabelledSpan
from training.corpus import LabelledAnswer, word_labels
from training.prepare import PreparedAnswer, clauses_of


@dataclass(frozen=True, slots=True)
class Figures:
    """What one evaluation says. F1 by word for each label; ``macro`` is their mean."""

    answers: int
    words: int
    macro: float
    by_label: Mapping[str, float]
    span_f1: float
    absence_f1: float
    boundary_f1: float

    def as_row(self) -> dict[str, float]:
        """Return the figures, rounded to three decimals."""
        return {
            "answers": self.answers,
            "words": self.words,
            "macro_f1": round(self.macro, 3),
            **{f"{name.lower()}_f1": round(value, 3) for name, value in self.by_label.items()},
            "span_f1": round(self.span_f1, 3),
            "absence_f1": round(self.absence_f1, 3),
            "boundary_f1": round(self.boundary_f1, 3),
        }


def predict_spans(labeller: Labeller, prepared: PreparedAnswer) -> tuple[LabelledSpan, ...]:
    """Return the spans that ``labeller`` sees."""
    clauses = clauses_of(prepared)
    return join_spans(clauses, labeller.label(clauses))


def figures(
    answers: Sequence[LabelledAnswer],
    predicted: Sequence[Sequence[LabelledSpan]],
    labels: Sequence[Label] = tuple(Label),
) -> Figures:
    """Compare predicted spans with gold ones; ``labels`` are those averaged over."""
    gold_words: list[Label] = []
    seen_words: list[Label] = []
    found = gold_spans = seen_spans = 0
    boundaries_right = boundaries_gold = boundaries_seen = 0
    absent_right = absent_gold = absent_seen = 0
    for answer, spans in zip(answers, predicted, strict=True):
        gold, seen = paired_words(answer, spans)
        gold_words += gold
        seen_words += seen
        matched = _matched(answer, spans)
        found += matched
        gold_spans += len(answer.spans)
        seen_spans += len(spans)
        cuts_gold = {i for i in range(1, len(gold)) if gold[i] != gold[i - 1]}
        cuts_seen = {i for i in range(1, len(seen)) if seen[i] != seen[i - 1]}
        boundaries_right += len(cuts_gold & cuts_seen)
        boundaries_gold += len(cuts_gold)
        boundaries_seen += len(cuts_seen)
        if any(label in COMPONENTS for label in gold):
            lacking_gold = {part for part in COMPONENTS if part not in gold}
            lacking_seen = {part for part in COMPONENTS if part not in seen}
            absent_right += len(lacking_gold & lacking_seen)
            absent_gold += len(lacking_gold)
            absent_seen += len(lacking_seen)
    scores = f1_score(gold_words, seen_words, labels=list(labels), average=None, zero_division=0)
    by_label = {label.value: float(score) for label, score in zip(labels, scores, strict=True)}
    return Figures(
        answers=len(answers),
        words=len(gold_words),
        macro=sum(by_label.values()) / len(by_label),
        by_label=by_label,
        span_f1=_f1(found, gold_spans, seen_spans),
        absence_f1=_f1(absent_right, absent_gold, absent_seen),
        boundary_f1=_f1(boundaries_right, boundaries_gold, boundaries_seen),
    )


def labels_in_use(answers: Iterable[LabelledAnswer]) -> tuple[Label, ...]:
    """Return the labels that occur in the gold spans, in the order of ``Label``."""
    used = {label for answer in answers for span in answer.spans for label in (span.label, span.or_label)}
    return tuple(label for label in Label if label in used)


def by_mode(items: Iterable[PreparedAnswer]) -> dict[str, list[PreparedAnswer]]:
    """Return the answers of each mode under ``, mode``; none where there is but one mode."""
    parts: dict[str, list[PreparedAnswer]] = {}
    for item in items:
        parts.setdefault(item.answer.meta.get("mode", ""), []).append(item)
    return {f", {mode}": parts[mode] for mode in sorted(parts) if mode} if len(parts) > 1 else {}


def clause_of_words(item: PreparedAnswer) -> list[int]:
    """Return for every word of an answer the number of the clause that holds it."""
    starts = [start for start, _ in item.offsets]
    words = word_labels(item.answer.text, ())
    return [max(0, bisect.bisect_right(starts, start) - 1) for start, _, _ in words]


def cross_fitted_figures(answers: Sequence[PreparedAnswer], labels: Sequence[Sequence[Label]]) -> Figures:
    """Return the figures of labels that were given by models which had not seen the answer."""
    predicted = [
        join_spans(clauses_of(item), [(label, 1.0) for label in path])
        for item, path in zip(answers, labels, strict=True)
    ]
    return figures([item.answer for item in answers], predicted)


def _f1(right: int, gold: int, seen: int) -> float:
    return 2 * right / (gold + seen) if gold + seen else 1.0


def paired_words(answer: LabelledAnswer, spans: Iterable[LabelledSpan]) -> tuple[list[Label], list[Label]]:
    """Return the gold and the seen label of every word; where two gold labels count, the one that was seen."""
    accepted = {span.start: span.or_label for span in answer.spans if span.or_label is not None}
    starts = sorted(accepted)
    gold, seen = [], []
    pairs = zip(word_labels(answer.text, answer.spans), word_labels(answer.text, spans), strict=True)
    ends = {span.start: span.end for span in answer.spans}
    for (start, _, right), (_, _, guess) in pairs:
        guess = guess or Label.OTHER
        right = right or Label.OTHER
        holder = next((first for first in starts if first <= start < ends[first]), None)
        if holder is not None and guess == accepted[holder]:
            right = guess
        gold.append(right)
        seen.append(guess)
    return gold, seen


def _matched(answer: LabelledAnswer, spans: Sequence[LabelledSpan]) -> int:
    used: set[int] = set()
    for gold in answer.spans:
        for index, span in enumerate(spans):
            if index in used or span.label not in (gold.label, gold.or_label):
                continue
            overlap = min(gold.end, span.end) - max(gold.start, span.start)
            if 2 * overlap >= gold.end - gold.start and 2 * overlap >= span.end - span.start:
                used.add(index)
                break
    return len(used)


def mark_kappa(marks: Sequence[tuple[int | None, int | None]]) -> float:
    """Return the quadratic weighted kappa of pairs of marks 0 to 3; 1 where there is only one mark at all."""
    if len({mark for pair in marks for mark in pair}) == 1:
        return 1.0
    first, second = zip(*marks, strict=True)
    return float(cohen_kappa_score(first, second, weights="quadratic", labels=[0, 1, 2, 3]))


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rank correlation; 0 where one side has only one value."""
    tells = len(set(first)) > 1 and len(set(second)) > 1
    return float(spearmanr(first, second).statistic) if tells else 0.0
