"""Where the labeller goes wrong: the worst answers, gold and predicted side by side, and what it takes for what.

A wrong word is a *boundary error* where its clause holds words of more than one gold label, so that no label of
the clause could have been right for all of them; any other wrong word is a *label error*.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.labels import Label
from service.language.labeller import Labeller, join_spans
from service.records import LabelledSpan
from training.card import table
from training.corpus import LabelledAnswer, word_labels
from training.evaluate import clause_of_words, figures, labels_in_use, paired_words, predict_spans
from training.prepare import PreparedAnswer, clauses_of

#: The page whose tables are made here.
PAGE = Path(__file__).parent / "ERRORS.md"
#: So many error classes stand in a table; behind them come classes of a few words.
_CLASSES = 12
_GROUPINGS: Mapping[str, Callable[[LabelledAnswer], str | None]] = {
    "mode": lambda answer: answer.meta.get("mode"),
    "kind": lambda answer: answer.answer_kind,
    "type": lambda answer: answer.question_type,
}


@dataclass(frozen=True, slots=True)
class Word:
    """A word's place, its gold and seen label, and whether its clause holds more than one gold label."""

    start: int
    end: int
    gold: Label
    seen: Label
    mixed: bool

    @property
    def wrong(self) -> bool:
        """Say whether another label was seen than the gold one."""
        return self.gold is not self.seen


@dataclass(frozen=True, slots=True)
class Compared:
    """An answer with what was seen in it, word by word."""

    item: PreparedAnswer
    spans: tuple[LabelledSpan, ...]
    words: tuple[Word, ...]

    @property
    def answer(self) -> LabelledAnswer:
        """The labelled answer."""
        return self.item.answer

    @property
    def wrong(self) -> list[Word]:
        """The wrong words."""
        return [word for word in self.words if word.wrong]


def compared(item: PreparedAnswer, spans: tuple[LabelledSpan, ...]) -> Compared:
    """Return the words of an answer with their gold label and that of ``spans``."""
    gold, seen = paired_words(item.answer, spans)
    clauses = clause_of_words(item)
    held: dict[int, set[Label]] = {}
    for clause, label in zip(clauses, gold, strict=True):
        held.setdefault(clause, set()).add(label)
    places = word_labels(item.answer.text, ())
    words = (
        Word(start, end, right, guess, len(held[clause]) > 1)
        for (start, end, _), right, guess, clause in zip(places, gold, seen, clauses, strict=True)
    )
    return Compared(item, spans, tuple(words))


def compare_all(labeller: Labeller, items: Sequence[PreparedAnswer]) -> list[Compared]:
    """Label ``items`` and compare each with its gold labels."""
    return [compared(item, predict_spans(labeller, item)) for item in items]


def grouped(answers: Sequence[Compared]) -> dict[str, list[Compared]]:
    """Return the answers of each mode, kind and question type; a grouping of one group is left out."""
    groups: dict[str, list[Compared]] = {}
    for name, value_of in _GROUPINGS.items():
        parts: dict[str, list[Compared]] = {}
        for one in answers:
            parts.setdefault(value_of(one.answer) or "none", []).append(one)
        if len(parts) > 1:
            groups |= {f"{name} {value}": parts[value] for value in sorted(parts)}
    return groups


def error_row(answers: Sequence[Compared]) -> dict[str, object]:
    """Return the figures of a group, in words where nothing else is said.

    ``reachable_f1`` is the macro-F1 if every clause had the gold label of most of its words: the best that any
    labeller of these clauses can do. Figures are over the labels that occur in the group.
    """
    wrong = [word for one in answers for word in one.wrong]
    words = sum(len(one.words) for one in answers)
    labelled = [one.answer for one in answers]
    labels = labels_in_use(labelled)
    told = figures(labelled, [one.spans for one in answers], labels)
    best = [join_spans(clauses_of(one.item), [(label, 1.0) for label in one.item.gold]) for one in answers]
    return {
        "answers": len(answers),
        "words": words,
        "wrong": _share(len(wrong), words),
        "label_errors": sum(not word.mixed for word in wrong),
        "boundary_errors": sum(word.mixed for word in wrong),
        "macro_f1": round(told.macro, 3),
        "task_f1": round(told.by_label[Label.TASK], 3) if Label.TASK in labels else "",
        "reachable_f1": round(figures(labelled, best, labels).macro, 3),
    }


def confusions(answers: Sequence[Compared]) -> dict[str, dict[str, object]]:
    """Return how many words of each gold label (rows) were seen as each label (columns)."""
    counts = Counter((word.gold, word.seen) for one in answers for word in one.words)
    return {
        f"gold {gold.value}": {f"seen {seen.value}": counts[gold, seen] for seen in Label} for gold in Label
    }


def error_classes(answers: Sequence[Compared]) -> dict[str, dict[str, object]]:
    """Return the pairs of labels that were confused, the most wrong words first."""
    counts: Counter[tuple[Label, Label]] = Counter()
    mixed: Counter[tuple[Label, Label]] = Counter()
    holders: Counter[tuple[Label, Label]] = Counter()
    for one in answers:
        pairs = [(word.gold, word.seen) for word in one.wrong]
        counts.update(pairs)
        holders.update(set(pairs))
        mixed.update((word.gold, word.seen) for word in one.wrong if word.mixed)
    order = sorted(counts, key=lambda pair: (-counts[pair], pair))
    return {
        f"{gold.value} seen as {seen.value}": {
            "words": _share(counts[gold, seen], counts.total()),
            "label_errors": counts[gold, seen] - mixed[gold, seen],
            "boundary_errors": mixed[gold, seen],
            "answers": holders[gold, seen],
        }
        for gold, seen in order[:_CLASSES]
    }


def worst(answers: Sequence[Compared], count: int) -> list[Compared]:
    """Return the ``count`` answers with the most wrong words; one without a wrong word is never among them."""
    order = sorted(answers, key=lambda one: (-len(one.wrong), one.answer.id))
    return [one for one in order[:count] if one.wrong]


def side_by_side(one: Compared) -> Iterator[str]:
    """Yield the lines of an answer: what it is, then each run of words with one pair of labels."""
    wrong = one.wrong
    about = [value for value_of in _GROUPINGS.values() if (value := value_of(one.answer))]
    mixed = sum(word.mixed for word in wrong)
    yield f"#### {one.answer.id} ({', '.join(about)})" if about else f"#### {one.answer.id}"
    yield (
        f"{len(wrong)} of {len(one.words)} words wrong: {len(wrong) - mixed} label errors, {mixed} boundary errors"
    )
    yield ""
    yield f"    {'gold':<10}{'seen':<10}{'words':>6}  "
    for (gold, seen), group in itertools.groupby(one.words, key=lambda word: (word.gold, word.seen)):
        words = list(group)
        text = " ".join(one.answer.text[words[0].start : words[-1].end].split())
        mark = " " if gold is seen else "!"
        yield f"  {mark} {gold.value:<10}{seen.value:<10}{len(words):>6}  {text}"


def report(name: str, answers: Sequence[Compared], *, most: int) -> str:
    """Return the errors on one data set as Markdown: figures, confusions, and the ``most`` worst answers."""
    groups = grouped(answers)
    parts = [f"## {name}", table({name: error_row(answers)} | _rows(groups))]
    parts += ["### Error classes", table(error_classes(answers))]
    for group, members in {"all": answers, **groups}.items():
        parts += [f"### Confusions, {group} (words)", table(confusions(members))]
    told = worst(answers, most)
    if told:
        parts += ["### Worst answers", *("\n".join(side_by_side(one)) + "\n" for one in told)]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def page_tables(sets: Mapping[str, Sequence[Compared]], made_by: str) -> dict[str, str]:
    """Return the tables of the page by the name of their mark; no answer's words are among them."""
    rows: dict[str, dict[str, object]] = {}
    for name, answers in sets.items():
        rows[name] = error_row(answers)
        rows |= {f"{name}, {group}": row for group, row in _rows(grouped(answers)).items()}
    return {
        "figures": f"{made_by}\n\n{table(rows)}",
        "classes": _per_set(sets, error_classes),
        "confusions": _per_set(sets, confusions),
    }


def _per_set(
    sets: Mapping[str, Sequence[Compared]],
    made: Callable[[Sequence[Compared]], dict[str, dict[str, object]]],
) -> str:
    return "\n".join(f"### {name}\n\n{table(made(answers))}" for name, answers in sets.items())


def _rows(groups: Mapping[str, Sequence[Compared]]) -> dict[str, dict[str, object]]:
    return {name: error_row(members) for name, members in groups.items()}


def _share(count: int, total: int) -> str:
    return f"{count} ({count / max(1, total):.1%})"
