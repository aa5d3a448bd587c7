"""What the whole-answer classifiers see: of a question, and of an answer with its labelled clauses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from service.labels import Label

_WORD = re.compile(r"[a-z']+|\d+")
#: Prefixes of clause features that tell how something is told, whatever it is about.
_TELLING = (
    "tense=", "person=", "tp=", "rp=", "w=", "o2=", "has_", "number", "habit", "hedge", "time", "quote",
    "question", "vt=", "passive", "neg",
)  # fmt: skip


def question_features(question: str) -> dict[str, float]:
    """Return words, pairs and triples of a question, each with the value 1."""
    words = [
        "<s>",
        *(w if not w.isdigit() else "<num>" for w in _WORD.findall(question.lower().replace("’", "'"))),
    ]
    grams = {" ".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)}
    return dict.fromkeys(sorted("q=" + gram for gram in grams), 1.0)


def answer_features(
    features: Sequence[Sequence[str]], labels: Sequence[Label], words: Sequence[int]
) -> Mapping[str, float]:
    """Return shares over an answer: of its clauses with each way of telling, of its words with each label."""
    count = max(1, len(features))
    seen = Counter(name for clause in features for name in clause if name.startswith(_TELLING))
    values = {name: 4 * (number / count) ** 0.5 for name, number in seen.items()}
    total = max(1, sum(words))
    for label in Label:
        share = sum(n for n, given in zip(words, labels, strict=True) if given is label) / total
        values[f"share={label.value}"] = 4 * share
        values[f"none={label.value}"] = float(share == 0)
    values[f"clauses={min(count // 4, 6)}"] = 1.0
    return values
