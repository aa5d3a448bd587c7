"""How new answers differ from those that a model was trained on: five measures, a verdict, a picture.

Each measure is a population stability index (PSI) over classes: the sum of (new - old) * ln(new / old) of the shares.
By the custom of credit scoring (Siddiqi, 2006) under 0.1 nothing happened, and from 0.25 on the population is another
one. In small samples chance alone exceeds these limits: PSI times the harmonic size is about chi-squared (Yurdakul,
2018), and a limit is never taken below its 99th percentile.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from scipy.stats import chi2

from service.feedback.abstention import FUNCTION_WORDS
from service.labels import Label
from service.language.labeller import Labeller
from service.language.nlp import Language
from training.corpus import LabelledAnswer
from training.prepare import clauses_of, prepared
from training.suggest import known_words, unfit

#: From which PSI on the population has shifted, and from which it is another one.
SHIFTED_FROM, FOREIGN_FROM = 0.1, 0.25
#: How sure it must be that a difference is none of chance.
_SURE = 0.99
#: Classes of a measured quantity: fifths of the reference.
_CLASSES = 5
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
Progress = Callable[[], None]


class Verdict(StrEnum):
    """What the answers are to the model, the worst last."""

    SAME = "same"
    SHIFTED = "shifted"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the model sees of one answer; ``labels`` (words of each) is empty and ``trust`` 0 where it abstains."""

    words: int
    unknown: float
    abstains: str | None
    trust: float
    labels: Counter[Label]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: the shares of its classes before and now, and what that says.

    ``chance`` is the PSI that equal populations stay under in 99 of 100 samples of these sizes. ``told`` is the
    difference in plain figures.
    """

    name: str
    classes: tuple[str, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]
    psi: float
    chance: float
    told: str

    @property
    def verdict(self) -> Verdict:
        """What this measure alone says."""
        if self.psi < max(SHIFTED_FROM, self.chance):
            return Verdict.SAME
        return Verdict.SHIFTED if self.psi < max(FOREIGN_FROM, self.chance) else Verdict.FOREIGN

    @property
    def says(self) -> str:
        """The verdict, and whether there were enough answers for another one."""
        is_open = SHIFTED_FROM <= self.psi < self.chance
        return f"{self.verdict}, too few answers to tell" if is_open else self.verdict.value


def look_at(
    answers: Iterable[LabelledAnswer],
    labeller: Labeller,
    language: Language,
    progress: Progress = lambda: None,
) -> list[Seen]:
    """Return what the model sees of each answer."""
    known = known_words(labeller)
    seen = []
    for answer in answers:
        words = [word.lower().replace("’", "'") for word in _WORD.findall(answer.text)]
        strange = sum(word not in known and word not in FUNCTION_WORDS for word in words)
        code = unfit(answer, known)
        trust, labels = 0.0, Counter[Label]()
        if code is None:
            clauses = clauses_of(next(prepared([answer], language)))
            told = labeller.label(clauses)
            for clause, (label, _) in zip(clauses, told, strict=True):
                labels[label] += clause.words
            whole = max(labels.total(), 1)
            trust = sum(c.words * sure for c, (_, sure) in zip(clauses, told, strict=True)) / whole
        seen.append(Seen(len(answer.text.split()), strange / max(len(words), 1), code, trust, labels))
        progress()
    return seen


def measures(before: Sequence[Seen], now: Sequence[Seen]) -> list[Measure]:
    """Compare answers with those of the training data; both must hold some."""
    judged_before = [seen for seen in before if seen.abstains is None]
    judged_now = [seen for seen in now if seen.abstains is None]
    found = [
        _quantity("words of an answer", [s.words for s in before], [s.words for s in now], "{:.0f}"),
        _quantity("unknown words", [s.unknown for s in before], [s.unknown for s in now], "{:.1%}"),
        _abstentions(before, now),
    ]
    if judged_before and judged_now:
        found += [
            _label_mix(judged_before, judged_now),
            _quantity(
                "confidence", [s.trust for s in judged_before], [s.trust for s in judged_now], "{:.3f}"
            ),
        ]
    return found


def verdict_of(found: Sequence[Measure]) -> Verdict:
    """Return the worst verdict of the measures."""
    return max((measure.verdict for measure in found), key=list(Verdict).index)


def _psi(before: Sequence[float], now: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Return the shares of each class before and now, and their PSI; half an answer is added to each class."""
    old, new = np.array(before) + 0.5, np.array(now) + 0.5
    old, new = old / old.sum(), new / new.sum()
    return tuple(old.tolist()), tuple(new.tolist()), float(((new - old) * np.log(new / old)).sum())


def _measure(
    name: str, classes: Sequence[str], before: Sequence[float], now: Sequence[float], told: str
) -> Measure:
    """Return a measure of counts by class; both count answers."""
    old, new, psi = _psi(before, now)
    sizes = 1 / sum(before) + 1 / sum(now)
    chance = float(chi2.ppf(_SURE, len(classes) - 1)) * sizes
    return Measure(name, tuple(classes), old, new, psi, chance, told)


def _quantity(name: str, before: Sequence[float], now: Sequence[float], shown: str) -> Measure:
    edges = np.unique(np.quantile(before, np.arange(1, _CLASSES) / _CLASSES))
    if max(before) <= edges[-1]:
        edges = np.append(edges, np.nextafter(edges[-1], np.inf))
    edges = edges[edges > 0]
    texts = [shown.format(edge) for edge in edges]
    classes = [
        f"< {texts[0]}",
        *(f"{low} to {high}" for low, high in itertools.pairwise(texts)),
        f"{texts[-1]} on",
    ]
    old, new = (
        np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(classes)).tolist()
        for values in (before, now)
    )
    middle = [shown.format(statistics.median(values)) for values in (before, now)]
    return _measure(name, classes, old, new, f"median {middle[0]} before, {middle[1]} now")


def _label_mix(before: Sequence[Seen], now: Sequence[Seen]) -> Measure:
    old, new = _labelled(before), _labelled(now)
    told = ", ".join(
        f"{label} {a / len(before):.0%} before, {b / len(now):.0%} now"
        for label, a, b in zip(Label, old, new, strict=True)
    )
    return _measure("label mix", [label.value for label in Label], old, new, told)


def _labelled(seen: Sequence[Seen]) -> list[float]:
    """Return how much of the words has each label, in answers: the words of one answer do not vary by themselves."""
    words = Counter[Label]()
    for one in seen:
        words.update(one.labels)
    return [len(seen) * words[label] / max(words.total(), 1) for label in Label]


def _abstentions(before: Sequence[Seen], now: Sequence[Seen]) -> Measure:
    old, new = (sum(one.abstains is not None for one in seen) for seen in (before, now))
    codes = Counter(one.abstains for one in now if one.abstains is not None)
    kinds = "".join(f", {code} {count}" for code, count in sorted(codes.items()))
    told = f"{old / len(before):.1%} before, {new / len(now):.1%} now{kinds}"
    counts = (len(before) - old, old), (len(now) - new, new)
    return _measure("abstentions", ("judged", "abstained"), *counts, told)


def draw(found: Sequence[Measure], path: Path) -> None:
    """Draw the shares before and now as an SVG picture; the same figures give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "drift"
    from matplotlib import pyplot as plt

    figure, all_axes = plt.subplots(
        len(found), figsize=(7, 2.1 * len(found)), layout="constrained", squeeze=False
    )
    for measure, axes in zip(found, all_axes.ravel(), strict=True):
        places = np.arange(len(measure.classes))
        axes.bar(places - 0.2, measure.before, 0.38, label="before", color="#7a8794")
        axes.bar(places + 0.2, measure.now, 0.38, label="now", color="#c2571a", hatch="//", edgecolor="white")
        axes.set_xticks(places, labels=measure.classes, fontsize=8)
        axes.set_ylim(0, 1)
        axes.set_ylabel("share", fontsize=8)
        axes.set_title(f"{measure.name}: {measure.says} (PSI {measure.psi:.3f})", fontsize=9, loc="left")
    all_axes[0][0].legend(fontsize=8)
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)
