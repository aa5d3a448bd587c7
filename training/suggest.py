"""Which answers to label next: those that the model is unsure of and that are unlike one another.

Uncertainty is the entropy of the labels, by word (Lewis and Gale, 1994, and many since); diversity is greedy
farthest-first over the features of the clauses (Gonzalez, 1985; for active learning Sener and Savarese, 2018). Each
pick has the largest product of the two. The same answers give the same ranking, whatever order they stand in.

Labelling what it picks teaches more than labelling as many words at random (``training.suggest_trial``, figures in
``RETRAINING.md``). By uncertainty alone it is as good there; diversity keeps doubles of one answer apart.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from service.feedback.abstention import abstain
from service.labels import Label
from service.language.labeller import LABELS, Chain, Labeller, Probabilities
from service.records import Answer
from training.corpus import LabelledAnswer, word_labels
from training.evaluate import predict_spans
from training.fit import sparse_rows
from training.formats.alignment import spans_of_words
from training.formats.records import Task
from training.prepare import PreparedAnswer

#: Below this probability of its likeliest label a clause counts as unsure.
SURE = 0.7
#: Decimals by which two answers are compared, so that rounding of the machine decides nothing.
_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An answer to label, and why.

    ``uncertainty`` is the mean entropy of its words' labels, 0 to 1; ``unsure`` the share of words in unsure clauses;
    ``between`` the two labels that most of the doubt is about; ``distance`` (0 to 1) that to ``nearest``, the most
    similar one of those before it.
    """

    item: PreparedAnswer
    uncertainty: float
    unsure: float
    between: tuple[Label, Label]
    distance: float
    nearest: str | None

    def reason(self) -> str:
        """Return why the answer stands where it stands, without any of its words."""
        first, second = self.between
        doubt = f"uncertainty {self.uncertainty:.2f}, {self.unsure:.0%} of its words unsure"
        apart = "" if self.nearest is None else f"; {self.distance:.2f} away from {self.nearest}"
        return f"{doubt}, mostly {first} against {second}{apart}"


def known_words(labeller: Labeller) -> frozenset[str]:
    """Return the words that the labeller has a weight for."""
    return frozenset(name[2:] for name in labeller.vocabulary if name.startswith(("w=", "l=")))


def unfit(answer: LabelledAnswer, known: frozenset[str]) -> str | None:
    """Return the code of why ``answer`` can't be judged, or ``None``: gibberish is uncertain, but teaches nothing."""
    reason = abstain(Answer(text=answer.text, question=answer.question), known)
    return None if reason is None else reason.code


def probabilities(labeller: Labeller, item: PreparedAnswer) -> Probabilities:
    """Return the calibrated probability of each label for each clause, shape ``(clauses, labels)``."""
    scores = labeller.log_scores(item.features) / labeller.temperature
    return Chain(labeller.chain.moves / labeller.temperature).marginals(scores)


def suggest(items: Sequence[PreparedAnswer], labeller: Labeller, count: int) -> list[Suggestion]:
    """Return at most ``count`` of ``items``, the first to label first."""
    told = [doubt(item, labeller) for item in sorted(items, key=lambda item: item.answer.id) if item.features]
    vectors = _vectors([suggestion.item for suggestion in told])
    distances = np.ones(len(told))
    nearest: list[str | None] = [None] * len(told)
    open_to = np.ones(len(told), dtype=bool)
    ranking: list[Suggestion] = []
    worth = np.array([suggestion.uncertainty for suggestion in told])
    while len(ranking) < min(count, len(told)):
        gain = np.where(open_to, np.round(worth * distances, _DECIMALS), -1.0)
        best = int(gain.argmax())
        open_to[best] = False
        ranking.append(replace(told[best], distance=float(distances[best]), nearest=nearest[best]))
        apart = np.clip(1 - (vectors @ vectors[best].T).toarray().ravel(), 0, 1)
        for index in np.flatnonzero(apart < distances):
            nearest[index] = told[best].item.answer.id
        distances = np.minimum(distances, apart)
    return ranking


def tasks(ranking: Sequence[Suggestion], labeller: Labeller, *, model: str) -> list[Task]:
    """Return the answers as tasks that the model has labelled, for people to correct."""
    return [_task(suggestion.item, labeller, model) for suggestion in ranking]


def _task(item: PreparedAnswer, labeller: Labeller, model: str) -> Task:
    guesses = predict_spans(labeller, item)
    # A clause may end inside a run of characters, as at a dash; a labelled span never does.
    spans = spans_of_words(list(word_labels(item.answer.text, guesses)))
    trust = []
    for span in spans:
        inside = [guess for guess in guesses if guess.start < span.end and span.start < guess.end]
        letters = [min(guess.end, span.end) - max(guess.start, span.start) for guess in inside]
        total = sum(n * guess.confidence for n, guess in zip(letters, inside, strict=True))
        trust.append(total / sum(letters) if letters else 0.0)
    notes = {**item.answer.meta, "suggested_by": model}
    return Task(replace(item.answer, spans=spans, meta=notes), model, tuple(trust))


def doubt(item: PreparedAnswer, labeller: Labeller) -> Suggestion:
    """Return how unsure ``labeller`` is of an answer, whatever others there are."""
    trust = probabilities(labeller, item)
    words = np.maximum(np.array(item.words, dtype=float), 1e-9)
    safe = np.clip(trust, 1e-12, 1)
    entropy = -(safe * np.log(safe)).sum(axis=1) / math.log(len(LABELS))
    between_two: defaultdict[tuple[Label, Label], float] = defaultdict(float)
    for row, weight in zip(trust, words * entropy, strict=True):
        second, first = np.argsort(row, kind="stable")[-2:].tolist()
        pair = sorted((first, second))
        between_two[LABELS[pair[0]], LABELS[pair[1]]] += float(weight)
    between = max(between_two, key=lambda pair: (round(between_two[pair], _DECIMALS), pair))
    return Suggestion(
        item=item,
        uncertainty=float((entropy * words).sum() / words.sum()),
        unsure=float(words[trust.max(axis=1) < SURE].sum() / words.sum()),
        between=between,
        distance=1.0,
        nearest=None,
    )


def _vectors(items: Sequence[PreparedAnswer]) -> sparse.csr_matrix:
    """Return one row of length 1 for each answer: how often its clauses have a feature, rare ones weighing more.

    What one answer has alone says nothing of how alike two are, and is left out.
    """
    counts = [Counter(name for clause in item.features for name in clause) for item in items]
    holders = Counter(name for count in counts for name in count)
    shared = sorted(name for name, held in holders.items() if held > 1)
    rare = {name: math.log((1 + len(items)) / holders[name]) for name in shared}
    rows = sparse_rows(
        [
            {name: math.log1p(n) * rare[name] for name, n in sorted(count.items()) if name in rare}
            for count in counts
        ],
        {name: row for row, name in enumerate(shared)},
    )
    lengths: NDArray[np.float64] = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sparse.diags_array(1 / np.maximum(lengths, 1e-12)).tocsr() @ rows
