"""Changes of an answer that must not move its score far, and additions that must move it one way only.

Invariance and direction tests after CheckList (Ribeiro and others, 2020). A change makes another text of an answer,
or ``None`` where it has nothing to work on. The same answer gives the same text.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from service.labels import STORY_TYPES, AnswerKind, Label
from service.records import Answer, Report
from training.corpus import LabelledAnswer
from training.fairness import Counterfactuals, Progress, Review, band, in_manner_of, joined, score_of
from training.prepare import without_punctuation

Change = Callable[[LabelledAnswer], str | None]
#: A typing error for every so many characters.
_CHARACTERS_PER_TYPO = 100
_CONTENT_WORD = re.compile(r"[A-Za-z]{4,}")
#: Which key lies to the right of another one.
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOUR = {a: b for row in _ROWS for a, b in zip(row, row[1:] + row[-2], strict=True)}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a change may do, in points of 100; ``None``: it is not limited.

    ``median`` and ``p95`` of the change either way, ``rise`` and ``fall`` for one answer, ``bands`` as a share of
    answers whose band changes; ``exact`` asks for the same judgement, ``unscored`` for an abstention. ``holding`` is
    the share of answers that must keep to ``rise``, ``fall``, ``exact`` or ``unscored``.
    """

    median: float | None = None
    p95: float | None = None
    rise: int | None = None
    fall: int | None = None
    bands: float | None = None
    exact: bool = False
    unscored: bool = False
    holding: float = 1.0


#: The limits of each change.
LIMITS: Mapping[str, Limits] = {
    "typos": Limits(median=2, p95=6, rise=3, bands=0.05),
    "no punctuation or capitals": Limits(median=3, p95=8),
    "American spelling": Limits(exact=True),
    "layout": Limits(exact=True),
    "told twice": Limits(rise=2),
    "key words added": Limits(rise=3),
    "off-topic paragraph added": Limits(rise=3),
    "question pasted": Limits(unscored=True, holding=0.95),
    "measured result added": Limits(fall=0, holding=0.98),
    "concrete action added": Limits(fall=0, holding=0.98),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer before and after a change: both scores, and whether the judgement is the same in every detail."""

    answer_id: str
    before: int
    after: int | None
    is_same: bool

    @property
    def change(self) -> int:
        """How many points the score rose."""
        return 0 if self.after is None else self.after - self.before

    def breaks(self, limits: Limits) -> bool:
        """Say whether this answer is outside what ``limits`` allow for one answer."""
        if limits.unscored:
            return self.after is not None
        return (
            self.after is None
            or (limits.exact and not self.is_same)
            or (limits.rise is not None and self.change > limits.rise)
            or (limits.fall is not None and -self.change > limits.fall)
        )


def changes(data: Counterfactuals) -> dict[str, Change]:
    """Return every change by its name, the names of ``LIMITS``."""
    return {
        "typos": typos,
        "no punctuation or capitals": lambda answer: without_punctuation(answer).text,
        "American spelling": lambda answer: respelt(answer.text, data.spelling),
        "layout": lambda answer: laid_out(answer.text),
        "told twice": lambda answer: f"{answer.text} {answer.text}",
        "key words added": lambda answer: joined(answer.text, _chosen(answer, data.added["key_words"])),
        "off-topic paragraph added": lambda answer: joined(
            answer.text, _chosen(answer, data.added["off_topic"])
        ),
        "question pasted": lambda answer: answer.question,
        "measured result added": lambda answer: told_after(
            answer, Label.RESULT, _chosen(answer, data.added["measured_result"])
        ),
        "concrete action added": lambda answer: told_after(
            answer, Label.ACTION, _chosen(answer, data.added["concrete_action"])
        ),
    }


def typos(answer: LabelledAnswer) -> str | None:
    """Return the text with one slip of the finger for every hundred characters, within words of four letters or more."""
    text = answer.text
    words = [match.span() for match in _CONTENT_WORD.finditer(text)]
    count = min(len(text) // _CHARACTERS_PER_TYPO, len(words))
    if not count:
        return None
    chance = random.Random(hashlib.sha256(answer.id.encode()).digest())  # noqa: S311  (no secret)
    for start, end in sorted(chance.sample(words, count), reverse=True):
        text = text[:start] + _slip(text[start:end], chance) + text[end:]
    return text


def _slip(word: str, chance: random.Random) -> str:
    """Return a word with two letters swapped, one dropped, doubled, or taken for the key beside it."""
    place = chance.randrange(1, len(word) - 1)
    letter = word[place]
    return word[:place] + chance.choice(
        (
            word[place + 1] + letter + word[place + 2 :],
            word[place + 1 :],
            letter + word[place:],
            _NEIGHBOUR.get(letter, letter) + word[place + 1 :],
        )
    )


def respelt(text: str, spelling: Mapping[str, str]) -> str | None:
    """Return ``text`` in American spelling; ``None`` where that makes no difference."""

    def other(match: re.Match[str]) -> str:
        word = match.group()
        new = spelling.get(word.lower(), word)
        return new.capitalize() if word[0].isupper() and new != word else new

    new = re.sub(r"[^\W\d_]+", other, text)
    return None if new == text else new


def laid_out(text: str) -> str:
    """Return ``text`` with other blanks, quotes, line ends and forms of accents, which mean the same."""
    curled = text.replace("'", "’").replace(" ", "  ").replace("\n", "\r\n")
    return "\n " + unicodedata.normalize("NFD", curled) + " \t\n"


def told_after(answer: LabelledAnswer, label: Label, sentence: str) -> str | None:
    """Return a story with ``sentence`` behind its last span of ``label`` (at its end, where it has none).

    ``None`` for what is no story.
    """
    if answer.question_type not in STORY_TYPES or answer.answer_kind != AnswerKind.STORY:
        return None
    ends = [span.end for span in answer.spans if span.label is label]
    end = ends[-1] if ends else len(answer.text)
    if answer.text[end - 1] not in '.!?"”':
        # Within a sentence it would be another sentence that is cut in two.
        end = len(answer.text)
    before, behind = answer.text[:end], answer.text[end:]
    return f"{before} {in_manner_of(answer.text, sentence)}{behind}"


def _chosen(answer: LabelledAnswer, sentences: Sequence[str]) -> str:
    return sentences[int(hashlib.sha256(answer.id.encode()).hexdigest(), 16) % len(sentences)]


def try_changes(
    answers: Sequence[LabelledAnswer],
    named: Mapping[str, Change],
    review: Review,
    progress: Progress = lambda: None,
) -> dict[str, list[Trial]]:
    """Judge every answer as it is and under each change; those that are not scored as they are are left out."""
    trials: dict[str, list[Trial]] = {name: [] for name in named}
    for answer in answers:
        report = review(Answer(answer.text, answer.question))
        before = score_of(report)
        for name, change in named.items():
            text = None if before is None else change(answer)
            if before is not None and text is not None:
                after = review(Answer(text, answer.question))
                trials[name].append(
                    Trial(answer.id, before, score_of(after), _judgement(after) == _judgement(report))
                )
        progress()
    return trials


def _judgement(report: Report) -> tuple[object, ...]:
    """Return all of a report but its offsets and words, which follow the layout."""
    return (
        report.score,
        report.question_type,
        report.answer_kind,
        [(span.label, span.confidence) for span in report.spans],
        [(finding.id, finding.severity, finding.confidence) for finding in report.findings],
        report.components,
        report.focus,
    )


def broken_limits(trials: Sequence[Trial], limits: Limits) -> list[str]:
    """Return what of ``limits`` does not hold, each with its figure; empty where all do."""
    sizes = [abs(trial.change) for trial in trials]
    broken = []
    if limits.median is not None and sizes and median(sizes) > limits.median:
        broken.append(f"median {median(sizes)} > {limits.median:g}")
    if limits.p95 is not None and percentile(sizes, 0.95) > limits.p95:
        broken.append(f"p95 {percentile(sizes, 0.95)} > {limits.p95:g}")
    moved = _share_of(trials, _changes_band)
    if limits.bands is not None and moved > limits.bands:
        broken.append(f"band changes {moved:.1%} > {limits.bands:.0%}")
    share = outside(trials, limits)
    if share > 1 - limits.holding + 1e-9:
        broken.append(f"{share:.1%} of the answers outside, {1 - limits.holding:.0%} allowed")
    return broken


def outside(trials: Sequence[Trial], limits: Limits) -> float:
    """Return the share of answers that are outside what ``limits`` allow for one answer."""
    return _share_of(trials, lambda trial: trial.breaks(limits))


def percentile(sizes: Sequence[int], share: float) -> int:
    """Return the smallest size that ``share`` of all do not exceed; 0 for none."""
    return sorted(sizes)[max(0, -int(-share * len(sizes) // 1) - 1)] if sizes else 0


def _share_of(trials: Sequence[Trial], holds: Callable[[Trial], bool]) -> float:
    return sum(map(holds, trials)) / max(1, len(trials))


def _changes_band(trial: Trial) -> bool:
    return band(trial.before) != band(trial.after)


def robustness_rows(trials: Mapping[str, Sequence[Trial]]) -> dict[str, dict[str, object]]:
    """Return a row for each change: how far scores move, how many answers are outside, and what does not hold."""
    return {
        name: {
            "answers": len(found),
            "median": median(abs(trial.change) for trial in found) if found else 0,
            "p95": percentile([abs(trial.change) for trial in found], 0.95),
            "largest_rise": max((trial.change for trial in found), default=0),
            "largest_fall": max((-trial.change for trial in found), default=0),
            "band_changes": f"{_share_of(found, _changes_band):.1%}",
            "unscored": sum(trial.after is None for trial in found),
            "outside": f"{outside(found, LIMITS[name]):.1%}",
            "verdict": "; ".join(broken_limits(found, LIMITS[name])) or "holds",
        }
        for name, found in trials.items()
    }


def breaking(trials: Mapping[str, Sequence[Trial]]) -> list[str]:
    """Return a line for each answer that is outside the limits of a change: its id, the change, both scores."""
    return [
        f"{trial.answer_id} | {name}: {trial.before} > {'abstained' if trial.after is None else trial.after}"
        for name, found in trials.items()
        for trial in found
        if trial.breaks(LIMITS[name])
    ]
