"""A team's own labelled answers: what is kept for fitting and what is held out, and why a set of them is refused.

An answer and those that are nearly the same stand on one side, so that what is held out was never half seen. The
limits are data, ``gate.toml``.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from training.check import MOST_SHARED, problems, repeated_ids, shingles
from training.corpus import LabelledAnswer, word_labels

#: One of so many groups of near-duplicates is held out.
HELD_OUT_OF = 5
#: Names under ``meta`` that say who labelled or wrote an answer; the first that any answer has is looked at.
WRITERS = ("annotator", "corrected_by", "writer", "batch")
#: Two answers with no more 5-word sequences in common are never near-duplicates, however short.
_FEWEST_SHARED = 3
#: So many answers are named in a message.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """What a set of own data has to be, as ``gate.toml`` says. Shares are of words or answers, 0 to 1."""

    least_answers: int
    least_held_out: int
    most_of_one_label: float
    most_of_one_writer: float
    least_agreement: float
    most_below_corpus: float


@dataclass(frozen=True, slots=True)
class OwnData:
    """Own answers, split: ``fit`` trains, ``held_out`` measures. ``group`` names near-duplicates alike, by their ids."""

    fit: tuple[LabelledAnswer, ...]
    held_out: tuple[LabelledAnswer, ...]
    group: Mapping[str, str]

    @property
    def answers(self) -> tuple[LabelledAnswer, ...]:
        """All of them."""
        return (*self.fit, *self.held_out)


def split_own(answers: Sequence[LabelledAnswer]) -> OwnData:
    """Hold out a fifth of the groups of near-duplicates, chosen by the hash of a group's first id.

    An answer never changes sides when the set grows, unless it gets a near-duplicate with a smaller id.
    """
    group_of = _groups(answers)
    first: dict[int, str] = {}
    for answer, group in zip(answers, group_of, strict=True):
        first[group] = min(first.get(group, answer.id), answer.id)
    held = {group: _digit(name) == 0 for group, name in first.items()}
    sides: tuple[list[LabelledAnswer], list[LabelledAnswer]] = [], []
    for answer, group in zip(answers, group_of, strict=True):
        sides[held[group]].append(answer)
    names = {answer.id: first[group] for answer, group in zip(answers, group_of, strict=True)}
    return OwnData(tuple(sides[0]), tuple(sides[1]), names)


def _digit(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % HELD_OUT_OF


def _groups(answers: Sequence[LabelledAnswer]) -> list[int]:
    """Return for each answer the number of its group; near-duplicates of near-duplicates are of one group."""
    parent = list(range(len(answers)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first, second in near_duplicates(answers, answers):
        if first < second:
            parent[root(second)] = root(first)
    return [root(index) for index in range(len(answers))]


def near_duplicates(
    left: Sequence[LabelledAnswer], right: Sequence[LabelledAnswer]
) -> Iterator[tuple[int, int]]:
    """Yield the places of two answers that share too many 5-word sequences, or all of their words.

    After the shingles of Broder (1997), with the limit of ``training.check``.
    """
    left_sets, right_sets = ([_shingles(answer) for answer in side] for side in (left, right))
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, grams in enumerate(right_sets):
        for gram in grams:
            holders[gram].append(index)
    for index, grams in enumerate(left_sets):
        shared = Counter(itertools.chain.from_iterable(holders[gram] for gram in grams if gram in holders))
        for other, count in sorted(shared.items()):
            smaller = min(len(grams), len(right_sets[other]))
            if grams == right_sets[other] or (count > _FEWEST_SHARED and count > MOST_SHARED * smaller):
                yield index, other


def _shingles(answer: LabelledAnswer) -> set[tuple[str, ...]]:
    return shingles(answer.text) or {tuple(answer.text.lower().split())}


def refusals(
    data: OwnData,
    limits: OwnLimits,
    *,
    known_findings: Collection[str],
    frozen: Sequence[LabelledAnswer],
    corpus: Sequence[LabelledAnswer] = (),
) -> list[str]:
    """Return why ``data`` is refused, each reason with what to do; empty where it is not.

    ``frozen`` are the answers that figures are taken on, which nothing may be fitted on; ``corpus`` are those that the
    present model was fitted on, which say nothing new of it when they are held out.
    """
    answers = data.answers
    found = [
        f"{answer.id}: {what}"
        for answer in answers
        for what in problems(answer, known_findings, needs_rating=False)
    ]
    found += [f"{name}: {what}" for name, what in repeated_ids(answers)]
    if len(answers) < limits.least_answers:
        found.append(
            f"{len(answers)} answers are too few to learn from; label {limits.least_answers} at least"
        )
    elif len(data.held_out) < limits.least_held_out:
        found.append(
            f"only {len(data.held_out)} answers are held out, {limits.least_held_out} are needed to measure on; "
            "label more that are not near-duplicates"
        )
    found += _one_sided(answers, limits)
    for where, others in (("frozen test part", frozen), ("shipped corpus", corpus)):
        copied = sorted({answers[own].id for own, _ in near_duplicates(answers, others)})
        if copied:
            found.append(
                f"{len(copied)} answers stand in the {where} too ({_named(copied)}); take them out, "
                "or figures on them say nothing"
            )
    return found


def _one_sided(answers: Sequence[LabelledAnswer], limits: OwnLimits) -> Iterator[str]:
    words = Counter(
        label.value for a in answers for _, _, label in word_labels(a.text, a.spans) if label is not None
    )
    for label, count in words.most_common(1):
        share = count / words.total()
        if share > limits.most_of_one_label:
            yield f"{share:.0%} of the words are {label}; at most {limits.most_of_one_label:.0%} may have one label"
    key, writers = writers_of(answers)
    for writer, count in writers.most_common(1):
        share = count / len(answers)
        if share >= limits.most_of_one_writer:
            yield (
                f"{share:.0%} of the answers are of one {key} ({writer}); under {limits.most_of_one_writer:.0%} is "
                "wanted, so that the model does not learn one person's habits"
            )


def writers_of(answers: Sequence[LabelledAnswer]) -> tuple[str, Counter[str]]:
    """Return how the data calls those who labelled it, and how many answers each has; nobody where it names none."""
    key = next((key for key in WRITERS if any(key in answer.meta for answer in answers)), "")
    return key, Counter(answer.meta.get(key, "nobody named") for answer in answers) if key else Counter()


def disagreements(figures: Mapping[str, float], limits: OwnLimits) -> list[str]:
    """Return why labels that nothing agrees with are refused.

    ``figures`` are shares of words: ``base``, where the model that is built on says the same; ``cross_fitted``, where
    a model says the same that was fitted on the other own answers too; ``corpus``, the latter for the shipped corpus.
    """
    found = []
    if figures["base"] < limits.least_agreement:
        found.append(
            f"the present model gives only {figures['base']:.0%} of the words the label that they have here "
            f"({limits.least_agreement:.0%} at least); check that the labels mean what training/GUIDE.md says"
        )
    least = figures["corpus"] - limits.most_below_corpus
    if figures["cross_fitted"] < least:
        found.append(
            f"the labels contradict one another: fitted on the other answers, a model gives {figures['cross_fitted']:.0%} "
            f"of the words the same label, {figures['corpus']:.0%} on the shipped corpus and {least:.0%} at least; "
            "some were swapped or labelled by another guide"
        )
    return found


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")
