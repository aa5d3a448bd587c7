"""The gate: a model is served only where it is better on the new data and not worse elsewhere.

Two models are compared on the same answers by a paired bootstrap: answers are drawn again and again, with repetition,
and the difference of the two is taken on each sample (Efron and Tibshirani, 1993; by answer, because the words of one
answer are not independent). What must hold is data, ``gate.toml``.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language as Nlp

from service.feedback.catalogue import load_catalogue
from service.feedback.score import load_weights
from service.labels import Label
from service.language.ends import SentenceEnds
from service.language.model_folder import SENTENCE_ENDS, Model
from service.language.nlp import Language
from service.records import LabelledSpan
from service.reviewer import Reviewer
from service.settings import Settings
from training.corpus import LabelledAnswer
from training.evaluate import labels_in_use, paired_words, predict_spans
from training.fairness import Outcome, Pair, compare_pairs
from training.own_data import OwnData, OwnLimits
from training.prepare import prepared

GATE = Path(__file__).parent / "gate.toml"
#: Nine tenths of the samples lie between these.
_LOW, _HIGH = 0.05, 0.95
#: Steps of a comparison that are announced: two models on two sets of answers, and on the pairs.
GATE_STEPS = 6
Progress = Callable[[], None]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Margins:
    """The numbers of ``gate.toml``."""

    own: OwnLimits
    samples: int
    seed: int
    pairs: int
    least_gain: float
    least_sure: float
    most_loss: float
    most_rise: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on one set: a figure of each, their difference (new less present), and how sure that is.

    ``low`` and ``high`` bound nine tenths of the bootstrap's differences; ``sure`` is the share of samples in which
    the new model is better. ``lacks`` says what does not hold, empty where all does.
    """

    what: str
    answers: int
    present: float
    new: float
    low: float
    high: float
    sure: float
    lacks: str = ""

    @property
    def difference(self) -> float:
        """What the new model has more."""
        return self.new - self.present

    def as_row(self) -> dict[str, object]:
        """Return the comparison as a row of the table, rounded."""
        return {
            "answers": self.answers,
            "present": round(self.present, 4),
            "new": round(self.new, 4),
            "difference": round(self.difference, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "sure": round(self.sure, 3),
            "verdict": self.lacks or "holds",
        }


@dataclass(frozen=True, slots=True)
class OwnPart:
    """What a model's manifest says of the own data that it was made of."""

    base: str
    files: tuple[Path, ...]
    sha256: str
    agreement: Mapping[str, float]
    unseen: Counts


@dataclass(frozen=True, slots=True)
class Goal:
    """What a new model has to be better on: answers, and what it made of their words where that is known already."""

    what: str
    answers: Sequence[LabelledAnswer]
    new: Counts | None = None


def own_part(model: Model, files: Sequence[Path] = ()) -> OwnPart | None:
    """Return what own data ``model`` was made of, ``None`` for none; ``files`` are where it is now, if it has moved."""
    own: Any = model.manifest.get("own")
    if own is None:
        return None
    return OwnPart(
        own["base"],
        tuple(files) or tuple(map(Path, own["files"])),
        own["sha256"],
        own["agreement"],
        _read_counts(own["unseen"]),
    )


def goal_of(data: OwnData, own: OwnPart, present: Model) -> Goal:
    """Return what a model made of ``data`` has to be better on than ``present``.

    Where ``present`` is what it was built on, and has seen no own data, that is all of ``data``, each answer labelled
    without having been fitted on: four times as many as are held out, so that a gain is sure with fewer answers. Else
    it is what is held out, which no model was fitted on.
    """
    if own.base == f"{present.name}+{present.version}" and "own" not in present.manifest:
        answers = sorted(data.answers, key=lambda answer: answer.id)
        return Goal("own unseen", answers, own.unseen)
    return Goal("own held-out", data.held_out)


def read_margins(path: Path = GATE) -> Margins:
    """Read ``gate.toml``."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Margins(
        own=OwnLimits(**data["own"]),
        samples=data["compare"]["samples"],
        seed=data["compare"]["seed"],
        pairs=data["compare"]["pairs"],
        least_gain=data["new"]["least_gain"],
        least_sure=data["new"]["least_sure"],
        most_loss=data["elsewhere"]["most_loss"],
        most_rise=data["fairness"]["most_rise"],
    )


def word_counts(model: Model, nlp: Nlp, answers: Sequence[LabelledAnswer]) -> Counts:
    """Return how many words of each answer have each gold label and were seen as each label."""
    language = Language(nlp, SentenceEnds(model.heads[SENTENCE_ENDS]))
    found = [
        count_words(item.answer, predict_spans(model.labeller, item)) for item in prepared(answers, language)
    ]
    return np.array(found, dtype=np.int64).reshape(-1, len(Label), len(Label))


def count_words(answer: LabelledAnswer, spans: Sequence[LabelledSpan]) -> Counts:
    """Return how many words of an answer have each gold label (rows) and were seen as each label (columns)."""
    place = {label: number for number, label in enumerate(Label)}
    counts = np.zeros((len(Label), len(Label)), dtype=np.int64)
    for one, other in zip(*paired_words(answer, spans), strict=True):
        counts[place[one], place[other]] += 1
    return counts


def written_counts(counts: Sequence[Counts]) -> list[str]:
    """Return tables of words as a manifest holds them: a string of numbers for each answer, row by row."""
    return [" ".join(map(str, table.ravel().tolist())) for table in counts]


def _read_counts(written: Sequence[str]) -> Counts:
    tables = [[int(number) for number in table.split()] for table in written]
    return np.array(tables, dtype=np.int64).reshape(-1, len(Label), len(Label))


def macro_f1(counts: Counts | NDArray[np.float64], labels: Sequence[Label]) -> NDArray[np.float64]:
    """Return the macro-F1 over ``labels`` of tables of gold by seen labels, in the two last axes of ``counts``."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    total = counts.sum(axis=-1) + counts.sum(axis=-2)
    scores = 2 * right / np.maximum(total, 1)
    kept = [number for number, label in enumerate(Label) if label in labels]
    return np.asarray(scores[..., kept].mean(axis=-1))


def draws(answers: int, margins: Margins) -> NDArray[np.float64]:
    """Return how often each answer stands in each bootstrap sample, shape ``(samples, answers)``."""
    chance = np.random.default_rng(margins.seed)
    return chance.multinomial(answers, np.full(answers, 1 / answers), size=margins.samples).astype(float)


def compare_words(
    what: str, present: Counts, new: Counts, labels: Sequence[Label], margins: Margins
) -> Comparison:
    """Compare the word macro-F1 of two models on the same answers."""
    samples = draws(len(present), margins)
    one, other = (
        macro_f1((samples @ counts.reshape(len(counts), -1)).reshape(-1, len(Label), len(Label)), labels)
        for counts in (present, new)
    )
    difference = other - one
    return Comparison(
        what,
        len(present),
        float(macro_f1(present.sum(axis=0), labels)),
        float(macro_f1(new.sum(axis=0), labels)),
        float(np.quantile(difference, _LOW)),
        float(np.quantile(difference, _HIGH)),
        float((difference > 0).mean()),
    )


def compare_failures(present: Sequence[Outcome], new: Sequence[Outcome], margins: Margins) -> Comparison:
    """Compare how often two models fail on the same counterfactual pairs; ``sure`` counts samples with fewer failures."""
    by_answer: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for one, other in zip(present, new, strict=True):
        counts = by_answer[one.pair.answer.id]
        counts[0] += 1
        counts[1] += one.is_failure
        counts[2] += other.is_failure
    table = np.array(list(by_answer.values()), dtype=float)
    sums = draws(len(table), margins) @ table
    rates = sums[:, 1:] / np.maximum(sums[:, :1], 1)
    difference = rates[:, 1] - rates[:, 0]
    total = table.sum(axis=0)
    return Comparison(
        "counterfactual pairs that fail",
        len(table),
        float(total[1] / total[0]),
        float(total[2] / total[0]),
        float(np.quantile(difference, _LOW)),
        float(np.quantile(difference, _HIGH)),
        float((difference < 0).mean()),
    )


def judged_new(found: Comparison, margins: Margins) -> Comparison:
    """Return a comparison on the data that the new model is for, with what it lacks."""
    lacks = []
    if found.difference < margins.least_gain:
        lacks.append(f"gains {found.difference:.4f}, {margins.least_gain} wanted")
    if found.sure < margins.least_sure:
        lacks.append(f"better in {found.sure:.1%} of the samples, {margins.least_sure:.0%} wanted")
    return _lacking(found, lacks)


def judged_elsewhere(found: Comparison, margins: Margins) -> Comparison:
    """Return a comparison on what must not get worse, with what it lacks."""
    worse = found.low < -margins.most_loss
    return _lacking(found, [f"may lose {-found.low:.4f}, {margins.most_loss} is the most"] if worse else [])


def judged_failures(found: Comparison, margins: Margins) -> Comparison:
    """Return a comparison of failing pairs, with what it lacks."""
    worse = found.high > margins.most_rise
    return _lacking(
        found, [f"may fail {found.high:.2%} more, {margins.most_rise:.2%} is the most"] if worse else []
    )


def _lacking(found: Comparison, lacks: Sequence[str]) -> Comparison:
    return replace(found, lacks="; ".join(lacks))


def weigh(
    present: Model,
    new: Model,
    nlp: Nlp,
    *,
    goal: Goal | None,
    frozen: Sequence[LabelledAnswer],
    pairs: Sequence[Pair],
    margins: Margins,
    progress: Progress = lambda: None,
) -> list[Comparison]:
    """Compare ``new`` with ``present``. Without a ``goal`` ``new`` has to be better on the ``frozen`` test part."""
    found = []
    for one in (goal, Goal("frozen test", frozen)):
        if one is None:
            continue
        before = word_counts(present, nlp, one.answers)
        progress()
        after = word_counts(new, nlp, one.answers) if one.new is None else one.new
        progress()
        labels = labels_in_use(one.answers)
        compared = compare_words(f"{one.what}, word macro-F1", before, after, labels, margins)
        is_goal = one is goal or goal is None
        found.append((judged_new if is_goal else judged_elsewhere)(compared, margins))
    failing = compare_pairs(pairs, reviewer_of(present, nlp).review)
    progress()
    failing_now = compare_pairs(pairs, reviewer_of(new, nlp).review)
    progress()
    found.append(judged_failures(compare_failures(failing, failing_now, margins), margins))
    return found


def reviewer_of(model: Model, nlp: Nlp) -> Reviewer:
    """Return the service's reviewer with ``model``, the shipped rules and the default limits."""
    language = Language(nlp, SentenceEnds(model.heads[SENTENCE_ENDS]))
    return Reviewer(language, model, load_catalogue(), load_weights(), Settings())


def gate_rows(found: Sequence[Comparison]) -> Mapping[str, Mapping[str, object]]:
    """Return the table of a comparison."""
    return {one.what: one.as_row() for one in found}
