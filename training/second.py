"""The second reading: sheets without labels, what a second reader said, and how far the two agree.

A sheet numbers the clauses of each answer; the reader gives ranges of numbers their labels. Where the two
differed, it was decided by the guide who was right; ``marked/`` holds what was decided, and the first and the
second labels are both kept as they were.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sklearn.metrics import cohen_kappa_score, f1_score

from service.labels import COMPONENTS, Label
from training.corpus import GoldSpan, LabelledAnswer, word_labels
from training.evaluate import mark_kappa, rank_correlation
from training.prepare import PreparedAnswer

_LETTERS = {label.value[0]: label for label in Label}
_RANGE = re.compile(r"(\d+)(?:-(\d+))?\s*([STARO])")


def sample(answers: Sequence[LabelledAnswer], count: int) -> list[LabelledAnswer]:
    """Return ``count`` answers, chosen by the hash of their ids: nobody picks them."""
    return sorted(answers, key=lambda answer: hashlib.sha256(answer.id.encode()).hexdigest())[:count]


def sheet(answers: Iterable[PreparedAnswer]) -> str:
    """Return a sheet for a reader: questions and numbered clauses, no labels."""
    parts = []
    for item in answers:
        lines = [f"## {item.answer.id}", f"question: {item.answer.question or ''}"]
        lines.append(f"type: {item.answer.question_type}")
        for number, (start, end) in enumerate(item.offsets, start=1):
            lines.append(f"{number}| {' '.join(item.answer.text[start:end].split())}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def read_reading(content: str, answers: dict[str, PreparedAnswer]) -> list[LabelledAnswer]:
    """Read a reader's replies. Raises ``ValueError`` that names the answer and what is wrong."""
    read = []
    for block in re.split(r"^## +", content, flags=re.MULTILINE)[1:]:
        answer_id, _, rest = block.partition("\n")
        item = answers[answer_id.strip()]
        values = dict(line.split(":", 1) for line in rest.splitlines() if ":" in line)
        labels = _labels(values["labels"], len(item.offsets), answer_id)
        spans = _spans(item, labels)
        components = dict(re.findall(r"\b([STAR])([0-3])\b", values.get("components", "")))
        kind = values.get("kind", "").strip()
        read.append(
            replace(
                item.answer,
                spans=spans,
                answer_kind=kind if kind not in ("", "none") else None,
                findings=tuple(sorted(_listed(values.get("findings", "")))),
                components={name: int(mark) for name, mark in components.items()} or None,
                score=float(values["score"]) if values.get("score", "").strip() else None,
                meta={"reader": "second"},
            )
        )
    return read


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip() not in ("", "none")]


def _labels(value: str, count: int, answer_id: str) -> list[Label]:
    labels: list[Label | None] = [None] * count
    for first, last, letter in _RANGE.findall(value):
        for number in range(int(first), int(last or first) + 1):
            if not 1 <= number <= count:
                raise ValueError(f"{answer_id}: there is no clause {number}, only 1 to {count}")
            labels[number - 1] = _LETTERS[letter]
    bare = [str(number) for number, label in enumerate(labels, start=1) if label is None]
    if bare:
        raise ValueError(f"{answer_id}: clauses without a label: {', '.join(bare)}")
    return [label for label in labels if label is not None]


def _spans(item: PreparedAnswer, labels: Sequence[Label]) -> tuple[GoldSpan, ...]:
    spans: list[GoldSpan] = []
    for (start, end), label in zip(item.offsets, labels, strict=True):
        if spans and spans[-1].label is label:
            spans[-1] = GoldSpan(spans[-1].start, end, label)
        else:
            spans.append(GoldSpan(start, end, label))
    return tuple(spans)


def agreement(first: Sequence[LabelledAnswer], second: Sequence[LabelledAnswer]) -> dict[str, float]:
    """Return how far two readings of the same answers agree, by word and by answer."""
    by_id = {answer.id: answer for answer in first}
    pairs = [(by_id[answer.id], answer) for answer in second]
    words = [
        (one or Label.OTHER, two or Label.OTHER)
        for a, b in pairs
        for (_, _, one), (_, _, two) in zip(
            word_labels(a.text, a.spans), word_labels(b.text, b.spans), strict=True
        )
    ]
    ones, twos = zip(*words, strict=True)
    each = f1_score(ones, twos, labels=list(Label), average=None, zero_division=0)
    figures = {
        "answers": float(len(pairs)),
        "words": float(len(words)),
        "word_agreement": sum(one is two for one, two in words) / len(words),
        "kappa": float(cohen_kappa_score(ones, twos)),
        "macro_f1": float(sum(each) / len(each)),
        **{f"{label.value.lower()}_f1": float(f1) for label, f1 in zip(Label, each, strict=True)},
    }
    kinds = [(a.answer_kind, b.answer_kind) for a, b in pairs if a.answer_kind and b.answer_kind]
    figures["kind_agreement"] = sum(a == b for a, b in kinds) / max(1, len(kinds))
    both = sum(len(set(a.findings) & set(b.findings)) for a, b in pairs)
    all_of = sum(len(a.findings) + len(b.findings) for a, b in pairs)
    figures["findings_f1"] = 2 * both / max(1, all_of)
    scored = [(a.score, b.score) for a, b in pairs if a.score is not None and b.score is not None]
    figures["score_correlation"] = rank_correlation([one for one, _ in scored], [two for _, two in scored])
    for part in COMPONENTS:
        letter = part.value[0]
        marks = [
            (a.components[letter], b.components[letter])
            for a, b in pairs
            if a.components and b.components and letter in b.components and a.components[letter] is not None
        ]
        if marks:
            figures[f"{part.value.lower()}_mark_kappa"] = mark_kappa(marks)
    return {name: round(value, 3) for name, value in figures.items()}


def adjudication(decisions: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """Return how the differences were settled: labels of runs of three words or more, and findings."""
    counts: Counter[str] = Counter()
    for row in decisions:
        what = "finding" if "finding" in row else "label"
        won = next((reader for reader in ("first", "second") if row["final"] == row[reader]), "neither")
        counts[f"{what}: {won} reader right"] += 1
    return {name: counts[name] for name in sorted(counts)}


def path_of_first() -> Path:
    """Return where the first labels of the answers that were read twice stand, as they were before."""
    return Path(__file__).parent / "data" / "first_reading.jsonl"


def path_of_second() -> Path:
    """Return where the second labels stand."""
    return Path(__file__).parent / "data" / "second_reading.jsonl"


def path_of_adjudication() -> Path:
    """Return where it stands which of the two was right, and why."""
    return Path(__file__).parent / "data" / "adjudication.jsonl"
