"""The pictures beside a model's card; the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from service.labels import Label
from training.errors import Compared, grouped
from training.evaluate import figures, labels_in_use

#: Where the pictures stand in a model's folder.
CONFUSION, BY_GROUP, GROWTH = "figures/confusion.svg", "figures/by-group.svg", "figures/learning-curve.svg"


def draw_confusions(sets: Mapping[str, Sequence[Compared]], path: Path) -> None:
    """Draw for each data set which share of the words of a gold label (rows) was seen as each label."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "confusion"}):
        figure, all_axes = plt.subplots(
            1, len(sets), figsize=(4.6 * len(sets), 4.4), layout="constrained", squeeze=False
        )
        for (name, answers), axes in zip(sets.items(), all_axes.ravel(), strict=True):
            counts = confusion_counts(answers)
            shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
            for gold, row in enumerate(shares):
                for seen, share in enumerate(row):
                    axes.text(
                        seen,
                        gold,
                        f"{share:.2f}",
                        ha="center",
                        va="center",
                        color="white" if share > 0.5 else "black",
                    )
            axes.set_xticks(
                range(len(Label)),
                labels=[label.value for label in Label],
                rotation=30,
                ha="right",
                rotation_mode="anchor",
            )
            axes.set_yticks(range(len(Label)), labels=[label.value for label in Label])
            axes.set_xlabel("seen")
            axes.set_ylabel("gold")
            axes.set_title(f"{name} ({int(counts.sum()):,} words)", fontsize=10)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def confusion_counts(answers: Sequence[Compared]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return how many words of each gold label (rows) were seen as each label (columns)."""
    place = {label: number for number, label in enumerate(Label)}
    counts = np.zeros((len(Label), len(Label)))
    for one in answers:
        for word in one.words:
            counts[place[word.gold], place[word.seen]] += 1
    return counts


def draw_groups(sets: Mapping[str, Sequence[Compared]], path: Path) -> None:
    """Draw word macro-F1 and the share of right words of each data set and of its modes, kinds and question types.

    Both, because macro-F1 counts a label that three words of a group have as much as any other.
    """
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    rows = [
        (group, len(members), _macro_f1(members), _right(members), f"C{number}")
        for number, (name, answers) in enumerate(sets.items())
        for group, members in {name: answers, **_named(name, grouped(answers))}.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "by-group"}):
        figure, axes = plt.subplots(figsize=(7, 0.6 + 0.27 * len(rows)), layout="constrained")
        places = np.arange(len(rows))[::-1]
        axes.barh(
            places, [macro for _, _, macro, _, _ in rows], color=[colour for *_, colour in rows], alpha=0.75
        )
        axes.plot([right for *_, right, _ in rows], places, "k|", markersize=9, label="share of words right")
        axes.set_yticks(places, labels=[f"{name} ({count})" for name, count, *_ in rows], fontsize=8)
        for place, (_, _, macro, _, _) in zip(places.tolist(), rows, strict=True):
            axes.text(0.01, place, f"{macro:.2f}", va="center", fontsize=8, color="white")
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlim(0, 1.02)
        axes.set_xlabel("word macro-F1 over the labels that occur; in brackets: answers")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), frameon=False, fontsize=8)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _macro_f1(answers: Sequence[Compared]) -> float:
    labelled = [one.answer for one in answers]
    return figures(labelled, [one.spans for one in answers], labels_in_use(labelled)).macro


def _right(answers: Sequence[Compared]) -> float:
    words = sum(len(one.words) for one in answers)
    return 1 - sum(len(one.wrong) for one in answers) / max(1, words)


def _named(name: str, groups: Mapping[str, Sequence[Compared]]) -> dict[str, Sequence[Compared]]:
    return {f"{name}, {group}": members for group, members in groups.items()}


def draw_growth(rows: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Draw the word macro-F1 on each data set against the number of own answers; rows are those numbers."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "growth"}):
        figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
        sizes = [int(size) for size in rows]
        for name in next(iter(rows.values())):
            axes.plot(sizes, [rows[str(size)][name] for size in sizes], marker="o", label=name)
        axes.set_xlabel("own training answers")
        axes.set_ylabel("word macro-F1")
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
