"""The corpus measured: its mix and its voice, as the tables of the datasheet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from scipy.stats import spearmanr

from service.labels import STORY_TYPES, AnswerKind, Label
from training.check import opening, shingles
from training.corpus import LabelledAnswer, word_labels

_QUOTE = re.compile(r"[\"“”]|'[A-Z]")
_NUMBER = re.compile(r"\d")
_PASSIVE = re.compile(r"\b(?:was|were|been|being|is|are) \w+(?:ed|en|ne|pt|wn|ught|old)\b")


def mix(answers: Sequence[LabelledAnswer]) -> dict[str, object]:
    """Return counts and shares of the corpus, each under a name that says what it is."""
    stories = [a for a in answers if a.question_type in STORY_TYPES and a.answer_kind == AnswerKind.STORY]
    asked = [a for a in answers if a.question_type in STORY_TYPES]
    words = [len(a.text.split()) for a in answers]
    modes = Counter(a.meta.get("mode", "typed") for a in answers)
    trades = Counter(a.meta.get("occupation", "") for a in answers)
    rows: dict[str, object] = {
        "answers": len(answers),
        "words": sum(words),
        "shortest, median, longest (words)": f"{min(words)}, {sorted(words)[len(words) // 2]}, {max(words)}",
        "behavioural and adapt to change": _share(len(asked), len(answers)),
        "of these, not a story": _share(len(asked) - len(stories), len(asked)),
    }
    for name, count in sorted(Counter(a.question_type for a in answers).items(), key=str):
        rows[f"type {name}"] = count
    for name, count in sorted(Counter(a.answer_kind for a in asked).items(), key=str):
        rows[f"kind {name}"] = count
    for name, count in sorted(modes.items()):
        rows[f"mode {name}"] = _share(count, len(answers))
    rows["stories in the plain order S, T, A, R"] = _share(sum(map(_is_plain, stories)), len(stories))
    for part in (Label.SITUATION, Label.TASK, Label.ACTION, Label.RESULT):
        lacking = sum(all(span.label is not part for span in a.spans) for a in stories)
        rows[f"stories without {part.value}"] = _share(lacking, len(stories))
    rows["occupations"] = len(trades)
    rows["largest occupation"] = _share(max(trades.values()), len(answers))
    scored = [(len(a.text.split()), a.score) for a in stories if a.score is not None]
    rows["rank correlation of length and score, stories"] = round(
        float(spearmanr(*zip(*scored, strict=True)).statistic), 2
    )
    shares = Counter(
        label.value for a in answers for _, _, label in word_labels(a.text, a.spans) if label is not None
    )
    for label in Label:
        rows[f"words labelled {label.value}"] = _share(shares[label.value], shares.total())
    return rows


def voice(answers: Sequence[LabelledAnswer]) -> dict[str, object]:
    """Return how varied the telling is."""
    stories = [a for a in answers if a.question_type in STORY_TYPES and a.answer_kind == AnswerKind.STORY]
    openings = Counter(opening(a.text) for a in answers)
    results = [_words_of(a, Label.RESULT) for a in stories]
    told = [result for result in results if result]
    numbers = Counter(n for result in told for n in re.findall(r"\d+(?:[.,]\d+)?\s?%?", result))
    top, count = numbers.most_common(1)[0]
    return {
        "different openings of four words": _share(len(openings), len(answers)),
        "most frequent opening": f"{max(openings.values())} answers",
        "largest overlap of 5-word sequences": f"{_largest_overlap(answers):.0%}",
        "results with a figure": _share(sum(bool(_NUMBER.search(r)) for r in told), len(told)),
        f"most frequent figure in results ({top.strip()})": f"{count} of {numbers.total()}",
        "stories that open with the result": _share(
            sum(_first(a) is Label.RESULT for a in stories), len(stories)
        ),
        "stories that open in the action": _share(
            sum(_first(a) is Label.ACTION for a in stories), len(stories)
        ),
        "stories with quoted speech": _share(sum(bool(_QUOTE.search(a.text)) for a in stories), len(stories)),
        "stories with a passive step": _share(
            sum(bool(_PASSIVE.search(_words_of(a, Label.ACTION))) for a in stories), len(stories)
        ),
        "stories with blame": _share(sum("language.blame" in a.findings for a in stories), len(stories)),
        "sentences cut by a label": _share(sum(map(_cut_inside, stories)), len(stories)),
    }


def _share(count: int, total: int) -> str:
    return f"{count} ({count / max(1, total):.0%})"


def _is_plain(answer: LabelledAnswer) -> bool:
    order = "".join(span.label.value[0] for span in answer.spans if span.label is not Label.OTHER)
    return order == "STAR"


def _first(answer: LabelledAnswer) -> Label | None:
    return next((span.label for span in answer.spans if span.label is not Label.OTHER), None)


def _words_of(answer: LabelledAnswer, label: Label) -> str:
    return " ".join(answer.text[span.start : span.end] for span in answer.spans if span.label is label)


def _cut_inside(answer: LabelledAnswer) -> bool:
    """Say whether a label begins inside a sentence: the span before it does not end in a stop."""
    return any(answer.text[span.end - 1] not in '.!?"”' for span in answer.spans[:-1])


def _largest_overlap(answers: Sequence[LabelledAnswer]) -> float:
    holders: dict[tuple[str, ...], list[int]] = {}
    sets = [shingles(answer.text) for answer in answers]
    for index, grams in enumerate(sets):
        for gram in grams:
            holders.setdefault(gram, []).append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for indices in holders.values():
        if len(indices) < 50:
            shared.update((a, b) for i, a in enumerate(indices) for b in indices[i + 1 :])
    return max((n / min(len(sets[a]), len(sets[b])) for (a, b), n in shared.items()), default=0.0)


def markdown(rows: dict[str, object]) -> str:
    """Return rows as a Markdown table of two columns."""
    return (
        "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())])
        + "\n"
    )


def fill_tables(page: Path, tables: Mapping[str, str]) -> None:
    """Put each table between its marks ``<!-- name -->`` and ``<!-- /name -->`` of ``page``."""
    content = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        before, opening_mark, rest = content.partition(f"<!-- {name} -->")
        _, closing_mark, after = rest.partition(f"<!-- /{name} -->")
        content = f"{before}{opening_mark}\n\n{table}\n{closing_mark}{after}"
    page.write_text(content, encoding="utf-8")
