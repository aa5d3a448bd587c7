"""How the service's judgement compares with readers': findings, kind, type, components and score.

A finding that only one of two readers raised counts neither right nor wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sklearn.metrics import cohen_kappa_score

from service.labels import COMPONENTS, STORY_TYPES
from service.records import Answer, Report
from service.reviewer import Reviewer
from training.corpus import LabelledAnswer
from training.evaluate import mark_kappa, rank_correlation


@dataclass(slots=True)
class Judgement:
    """Figures over a set of rated answers; correlations are Spearman's, over scored answers."""

    answers: int = 0
    type_accuracy: float = 0.0
    kind_accuracy: float = 0.0
    score_correlation: float = 0.0
    story_score_correlation: float = 0.0
    length_correlation: float = 0.0
    score_kappa: float = 0.0
    components: dict[str, float] = field(default_factory=dict)
    findings: dict[str, dict[str, float]] = field(default_factory=dict)
    micro: dict[str, float] = field(default_factory=dict)


def raised(report: Report) -> set[str]:
    """Return the ids of a report's findings as readers note them: criteria with ``:met`` or ``:missing``."""
    ids = set()
    for finding in report.findings:
        if finding.id.startswith("criterion."):
            ids.add(f"{finding.id}:{'met' if finding.severity == 'strength' else 'missing'}")
        else:
            ids.add(finding.id)
    return ids


def review_all(answers: Sequence[LabelledAnswer], reviewer: Reviewer) -> list[Report]:
    """Judge answers as a user would submit them: the question, but not its type."""
    return [
        reviewer.review(Answer(text=answer.text, question=answer.question, id=answer.id))
        for answer in answers
    ]


def judge(answers: Sequence[LabelledAnswer], reports: Sequence[Report]) -> Judgement:
    """Compare ``reports`` with what readers said of ``answers``."""
    pairs = list(zip(answers, reports, strict=True))
    result = Judgement(answers=len(pairs))
    typed = [(a, r) for a, r in pairs if a.question_type is not None]
    result.type_accuracy = _mean([a.question_type == r.question_type.label for a, r in typed])
    stories = [(a, r) for a, r in typed if a.question_type in STORY_TYPES]
    kinds = [(a.answer_kind, r.answer_kind.label) for a, r in stories if a.answer_kind and r.answer_kind]
    result.kind_accuracy = _mean([gold == seen for gold, seen in kinds])
    scored = [(a, r) for a, r in pairs if a.score is not None and r.score is not None]
    result.score_correlation = _correlation(scored)
    result.story_score_correlation = _correlation([(a, r) for a, r in stories if a.score and r.score])
    result.length_correlation = rank_correlation(
        [len(a.text.split()) for a, _ in scored], [a.score or 0 for a, _ in scored]
    )
    result.score_kappa = float(
        cohen_kappa_score(
            [round((a.score or 1) - 1) for a, _ in scored],
            [round((r.score.value if r.score else 0) / 25) for _, r in scored],
            weights="quadratic",
            labels=[0, 1, 2, 3, 4],
        )
    )
    for part in COMPONENTS:
        rated = [
            (a.components[part.value[0]], r.components[part].score)
            for a, r in stories
            if a.components and a.components.get(part.value[0]) is not None and part in r.components
        ]
        if rated:
            result.components[part.value] = mark_kappa(rated)
    _findings(pairs, result)
    return result


def _findings(pairs: Sequence[tuple[LabelledAnswer, Report]], result: Judgement) -> None:
    right: Counter[str] = Counter()
    gold_count: Counter[str] = Counter()
    seen_count: Counter[str] = Counter()
    for answer, report in pairs:
        unsure = set(str(answer.meta.get("findings_of_one_reader", "")).split())
        gold, seen = set(answer.findings), raised(report) - unsure
        right.update(gold & seen)
        gold_count.update(gold)
        seen_count.update(seen)
    for name in sorted(gold_count | seen_count):
        result.findings[name] = {
            "gold": gold_count[name],
            "raised": seen_count[name],
            "precision": right[name] / seen_count[name] if seen_count[name] else 0.0,
            "recall": right[name] / gold_count[name] if gold_count[name] else 0.0,
        }
    total, total_seen, total_gold = right.total(), seen_count.total(), gold_count.total()
    result.micro = {
        "precision": total / max(1, total_seen),
        "recall": total / max(1, total_gold),
        "f1": 2 * total / max(1, total_seen + total_gold),
    }


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0


def _correlation(pairs: Sequence[tuple[LabelledAnswer, Report]]) -> float:
    return rank_correlation(
        [r.score.value if r.score else 0 for _, r in pairs], [a.score or 0 for a, _ in pairs]
    )


def judgement_rows(result: Judgement) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return the figures as one row, and a row for each finding, rounded to two decimals."""
    row: dict[str, float] = {
        "answers": result.answers,
        "type_accuracy": result.type_accuracy,
        "kind_accuracy": result.kind_accuracy,
        "score_rank_correlation": result.score_correlation,
        "stories_only": result.story_score_correlation,
        "word_count_alone": result.length_correlation,
        "score_kappa": result.score_kappa,
        **{f"{name.lower()}_kappa": value for name, value in result.components.items()},
        **{f"findings_{name}": value for name, value in result.micro.items()},
    }
    findings = {
        name: {key: round(value, 2) for key, value in figures.items()}
        for name, figures in result.findings.items()
    }
    return {name: round(value, 2) for name, value in row.items()}, findings
