"""Whether confidence means what it says: of clauses told with 0.8, eight in ten should be right.

After Guo and others (2017), with bins of equal count, so that every bin holds enough to tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.labels import Label
from service.language.labeller import Labeller, join_spans
from training.evaluate import clause_of_words, paired_words
from training.prepare import PreparedAnswer, clauses_of

BINS = 10
#: Where the picture stands in a model's folder.
RELIABILITY_CURVE = "figures/reliability.svg"


@dataclass(frozen=True, slots=True)
class Bin:
    """Clauses of like confidence: how many, their mean confidence, and the share that is right."""

    clauses: int
    confidence: float
    right: float


def judged_clauses(labeller: Labeller, items: Sequence[PreparedAnswer]) -> tuple[list[float], list[bool]]:
    """Return the confidence of every clause that holds a word, and whether most of its words are so labelled."""
    trust: list[float] = []
    right: list[bool] = []
    for item in items:
        clauses = clauses_of(item)
        told = labeller.label(clauses)
        gold, _ = paired_words(item.answer, join_spans(clauses, told))
        counts: dict[int, Counter[Label]] = {}
        for clause, label in zip(clause_of_words(item), gold, strict=True):
            counts.setdefault(clause, Counter())[label] += 1
        for clause, count in counts.items():
            label, confidence = told[clause]
            trust.append(confidence)
            right.append(label is count.most_common(1)[0][0])
    return trust, right


def binned(trust: Sequence[float], right: Sequence[bool], count: int = BINS) -> list[Bin]:
    """Return ``count`` bins of as equal size as can be, the least confident first; empty ones are left out."""
    order = np.argsort(trust, kind="stable")
    sides = np.asarray(trust, dtype=float), np.asarray(right, dtype=float)
    return [
        Bin(len(part), *(float(side[part].mean()) for side in sides))
        for part in np.array_split(order, count)
        if len(part)
    ]


def expected_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: how far confidence and truth lie apart, a mean over clauses."""
    total = sum(part.clauses for part in bins)
    return sum(part.clauses * abs(part.confidence - part.right) for part in bins) / total if total else 0.0


def reliability(labeller: Labeller, items: Sequence[PreparedAnswer]) -> list[Bin]:
    """Return the bins of the reliability curve of ``labeller`` on ``items``."""
    return binned(*judged_clauses(labeller, items))


def calibration_error(labeller: Labeller, items: Sequence[PreparedAnswer]) -> float:
    """Return the expected calibration error of ``labeller`` on ``items``, rounded to three decimals."""
    return round(expected_error(reliability(labeller, items)), 3)


def curve_rows(curves: Mapping[str, Sequence[Bin]]) -> dict[str, dict[str, object]]:
    """Return a row for each curve: its clauses, its error, and the confidence and truth of every bin."""
    return {
        name: {
            "clauses": sum(part.clauses for part in bins),
            "ece": round(expected_error(bins), 3),
            **{str(n): f"{part.confidence:.2f}: {part.right:.2f}" for n, part in enumerate(bins, start=1)},
        }
        for name, bins in curves.items()
    }


def draw(curves: Mapping[str, Sequence[Bin]], path: Path) -> None:
    """Draw a reliability curve for each data set as one SVG picture; the same figures give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "reliability"}):
        figure, axes = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
        axes.plot((0, 1), (0, 1), color="grey", linestyle="dashed", label="as it should be")
        for name, bins in curves.items():
            axes.plot(
                [part.confidence for part in bins], [part.right for part in bins], marker="o", label=name
            )
        axes.set_xlabel("confidence of a clause")
        axes.set_ylabel("share that is right")
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
