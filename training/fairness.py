"""Counterfactual pairs: the same answer with another name, town, age or faith, which must not move its score.

After CheckList's invariance tests (Ribeiro and others, 2020): what is published is how often and how far a score
moves, with every failure listed, not a mean. The words that are swapped are data, ``data/counterfactuals.toml``;
they are like in length and number of tokens, so that what is measured is who, not how long.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.records import Answer, Report
from training.corpus import LabelledAnswer
from training.splits import DATA

COUNTERFACTUALS = DATA / "counterfactuals.toml"
#: The largest change of a score, in points of 100, that is no failure.
MOST_CHANGE = 1
#: Scores fall into bands of so many points, one for each of the marks 1 to 5 that readers give.
BAND = 20
#: Swaps that follow on one another share a text, so that an answer with a few of them costs little more than with one.
_LEAST_EACH = 4
_ARTICLE = r"(?<!\ba )(?<!\ban )(?<!\bA )(?<!\bAn )"
_WORD = re.compile(r"[^\W\d_]+")
Review = Callable[[Answer], Report]
Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Swap:
    """One word for another of the same dimension: ``first`` is of ``first_group``, ``second`` of ``second_group``.

    ``sentence`` is put before an answer in which neither stands; ``stands`` says whether one may.
    """

    dimension: str
    first_group: str
    second_group: str
    first: str
    second: str
    sentence: str
    stands: bool

    @property
    def name(self) -> str:
        """The swap as failures name it."""
        return f"{self.dimension}: {self.first} > {self.second}"


@dataclass(frozen=True, slots=True)
class Counterfactuals:
    """The data file: swaps, in an order in which neighbours share a word; words of men to turn; spellings; additions.

    ``added`` holds the sentences of each addition of ``training.robustness``.
    """

    swaps: tuple[Swap, ...]
    turned: Mapping[str, str]
    spelling: Mapping[str, str]
    added: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts of one answer that differ in who or where somebody is."""

    answer: LabelledAnswer
    dimension: str
    groups: tuple[str, str]
    swap: str
    first: str
    second: str

    @property
    def id(self) -> str:
        """The answer's id and the swap; none of the answer's words."""
        return f"{self.answer.id} | {self.swap}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The scores of a pair; ``None`` where the service abstained."""

    pair: Pair
    first: int | None
    second: int | None

    @property
    def change(self) -> int:
        """How many points the second text has more; 0 where one of the two has no score."""
        return 0 if self.first is None or self.second is None else self.second - self.first

    @property
    def changes_band(self) -> bool:
        """Whether the two scores lie in different bands, or only one text was judged at all."""
        return band(self.first) != band(self.second)

    @property
    def is_failure(self) -> bool:
        """Whether the score moved further than it may."""
        return abs(self.change) > MOST_CHANGE or self.changes_band


def band(score: int | None) -> int | None:
    """Return the number of the band that a score lies in; ``None`` for an abstention."""
    return None if score is None else min(score, 99) // BAND


def read_counterfactuals(path: Path = COUNTERFACTUALS) -> Counterfactuals:
    """Read the data file. Raises ``ValueError`` where a dimension's groups have not equally many words."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return Counterfactuals(
        swaps=tuple(swap for dimension in data["dimension"] for swap in _swaps(dimension)),
        turned=data["turned"],
        spelling=data["spelling"],
        added={name: tuple(sentences) for name, sentences in data["added"].items()},
    )


def _swaps(dimension: Mapping[str, Any]) -> Iterator[Swap]:
    """Yield the words at one place of all groups in a ring, so that each is compared with two others."""
    groups: dict[str, list[str]] = dimension["groups"]
    names = list(groups)
    ring = [*itertools.pairwise(names), (names[-1], names[0])] if len(names) > 2 else [(names[0], names[1])]
    for place in range(len(groups[names[0]])):
        if any(len(words) != len(groups[names[0]]) for words in groups.values()):
            raise ValueError(f"{dimension['name']}: every group needs the same number of words")
        for first, second in ring:
            yield Swap(
                dimension["name"],
                first,
                second,
                groups[first][place],
                groups[second][place],
                dimension["sentence"],
                dimension.get("stands", False),
            )


def make_pairs(answers: Sequence[LabelledAnswer], data: Counterfactuals, count: int) -> list[Pair]:
    """Return ``count`` pairs (fewer where there are not so many), spread evenly over answers and swaps.

    Answers come in the order of their ids' hashes, so that the first pairs are a sample of all; the pairs of one
    answer stand together.
    """
    ordered = sorted(answers, key=lambda answer: _hash(answer.id))
    if not ordered or count < 1:
        return []
    each = min(max(_LEAST_EACH, -(-count // len(ordered))), len(data.swaps))
    pairs: list[Pair] = []
    for number, answer in enumerate(ordered):
        turned = turn(answer.text, data.turned)
        if turned is not None:
            groups = turned[0], turned[1]
            pairs.append(Pair(answer, "gender", groups, "gender: all words", answer.text, turned[2]))
        start = number * each
        pairs += [_pair(answer, data.swaps[k % len(data.swaps)]) for k in range(start, start + each)]
        if len(pairs) >= count:
            break
    return pairs[:count]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _pair(answer: LabelledAnswer, swap: Swap) -> Pair:
    groups = swap.first_group, swap.second_group
    first, second = (_exactly(word) for word in (swap.first, swap.second))
    if swap.stands and first.search(answer.text):
        other = first.sub(swap.second, answer.text)
        return Pair(answer, swap.dimension, groups, swap.name + " (stands)", answer.text, other)
    if swap.stands and second.search(answer.text):
        other = second.sub(swap.first, answer.text)
        return Pair(answer, swap.dimension, groups, swap.name + " (stands)", other, answer.text)
    texts = [joined(swap.sentence.format(word=word), answer.text) for word in (swap.first, swap.second)]
    return Pair(answer, swap.dimension, groups, swap.name, texts[0], texts[1])


def _exactly(word: str) -> re.Pattern[str]:
    """Match a word where another may stand: not after an article, which may not fit the other."""
    return re.compile(rf"{_ARTICLE}\b{re.escape(word)}\b")


def joined(*texts: str) -> str:
    """Return texts one behind the other, all in the manner of the longest: without capitals and stops if it has none."""
    manner = max(texts, key=len)
    return " ".join(text if text is manner else in_manner_of(manner, text) for text in texts)


def in_manner_of(text: str, added: str) -> str:
    """Return ``added`` as somebody writes who wrote ``text``: a transcript has neither capitals nor stops."""
    words = len(text.split())
    stops = sum(text.count(mark) for mark in ".?!")
    plain = re.sub(r"[.,;:!?](?=\s|$)", "", added) if stops * 60 < words else added
    capitals = sum(character.isupper() for character in text)
    return plain.lower() if capitals * 100 < words else plain


def turn(text: str, words: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the groups before and after, and ``text`` with its men turned to women or the reverse.

    ``None`` where it speaks of both, of neither, or with "her", which is "his" and "him".
    """
    found = {match.group().lower() for match in _WORD.finditer(text)}
    back = {woman: man for man, woman in reversed(list(words.items()))}
    is_men, is_women = bool(found & set(words)), bool(found & (set(back) | {"hers", "mrs", "miss"}))
    if is_men == is_women or found & {"her", "hers", "mrs", "miss"}:
        return None
    table = words if is_men else back

    def other(match: re.Match[str]) -> str:
        word = match.group()
        new = table.get(word.lower(), word)
        return new.capitalize() if word[0].isupper() and new != word else new

    groups = ("men", "women") if is_men else ("women", "men")
    return *groups, _WORD.sub(other, text)


def compare_pairs(pairs: Sequence[Pair], review: Review, progress: Progress = lambda: None) -> list[Outcome]:
    """Judge both texts of every pair; a text that stands in several pairs of an answer is judged once."""
    outcomes = []
    for _, group in itertools.groupby(pairs, key=lambda pair: pair.answer.id):
        scores: dict[str, int | None] = {}
        for pair in group:
            for text in (pair.first, pair.second):
                if text not in scores:
                    scores[text] = score_of(review(Answer(text, pair.answer.question)))
            outcomes.append(Outcome(pair, scores[pair.first], scores[pair.second]))
            progress()
    return outcomes


def score_of(report: Report) -> int | None:
    """Return the score of a report, ``None`` for an abstention."""
    return None if report.score is None else report.score.value


def fairness_rows(outcomes: Sequence[Outcome]) -> dict[str, dict[str, object]]:
    """Return a row for all pairs and one for each dimension: how many moved, how far, and how many fail."""
    parts: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        parts[outcome.pair.dimension].append(outcome)
    return {"all": _row(outcomes)} | {name: _row(parts[name]) for name in sorted(parts)}


def _row(outcomes: Sequence[Outcome]) -> dict[str, object]:
    changes = [abs(outcome.change) for outcome in outcomes]
    return {
        "pairs": len(outcomes),
        "answers": len({outcome.pair.answer.id for outcome in outcomes}),
        "largest": max(changes, default=0),
        "over_0.5": _share(sum(change > 0.5 for change in changes), len(outcomes)),
        "over_1": _share(sum(change > 1 for change in changes), len(outcomes)),
        "band_changes": sum(outcome.changes_band for outcome in outcomes),
        "failures": _share(sum(outcome.is_failure for outcome in outcomes), len(outcomes)),
    }


def _share(count: int, total: int) -> str:
    return f"{count} ({count / max(1, total):.2%})"


def group_shifts(outcomes: Sequence[Outcome]) -> dict[str, dict[str, object]]:
    """Return for each group how many points its word is worth against the other words it was swapped for, a mean."""
    shifts: dict[tuple[str, str], list[int]] = defaultdict(list)
    for outcome in outcomes:
        first, second = outcome.pair.groups
        dimension = outcome.pair.dimension
        shifts[dimension, first].append(-outcome.change)
        shifts[dimension, second].append(outcome.change)
    return {
        f"{dimension}: {group}": {"pairs": len(found), "mean_shift": round(sum(found) / len(found), 3)}
        for (dimension, group), found in sorted(shifts.items())
    }


def failures(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a line for each failure: the pair's id and both scores."""
    return [
        f"{outcome.pair.id}: {_shown(outcome.first)} > {_shown(outcome.second)}"
        for outcome in outcomes
        if outcome.is_failure
    ]


def _shown(score: int | None) -> str:
    return "abstained" if score is None else str(score)
