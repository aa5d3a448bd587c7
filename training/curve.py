"""The learning curve: figures on the development part, and beside it, as the training data grows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from service.labels import Label
from training.evaluate import figures, predict_spans
from training.fit import fit
from training.prepare import PreparedAnswer

#: Numbers of training answers at which the curve is taken; the last point is all of them.
POINTS = (100, 200, 400, 800)


def learning_curve(
    answers: Sequence[PreparedAnswer], held_out: Mapping[str, Sequence[PreparedAnswer]]
) -> dict[str, dict[str, float]]:
    """Return the word macro-F1 on each held-out set for growing parts of ``answers``.

    The order is that of the ids' hashes, so that every part is a sample of the whole. No copies without
    punctuation are used, so a point is a little below the shipped labeller's.
    """
    order = sorted(answers, key=lambda item: hashlib.sha256(item.answer.id.encode()).hexdigest())
    sizes = [*(size for size in POINTS if size < len(order)), len(order)]
    rows: dict[str, dict[str, float]] = {}
    for size in sizes:
        labeller = fit(order[:size]).labeller
        rows[str(size)] = {}
        for name, items in held_out.items():
            used = {span.label for item in items for span in item.answer.spans}
            labels = tuple(label for label in Label if label in used)
            predicted = [predict_spans(labeller, item) for item in items]
            result = figures([item.answer for item in items], predicted, labels)
            rows[str(size)][name] = round(result.macro, 3)
    return rows


def draw(rows: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Draw the curve as an SVG picture; the same figures give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "learning-curve"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    sizes = [int(size) for size in rows]
    for name in next(iter(rows.values())):
        axes.plot(sizes, [rows[str(size)][name] for size in sizes], marker="o", label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, labels=[str(size) for size in sizes])
    axes.set_xlabel("training answers")
    axes.set_ylabel("word macro-F1")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
