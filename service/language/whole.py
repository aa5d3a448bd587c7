"""What the whole-answer classifiers see: of a question, and of an answer with its labelled clauses."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from service.labels import AnswerKind, Label
from service.language.heads import LinearHead
from service.records import Clause

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
    # Counted before they are looked at: half of the names stand in more than one clause.
    seen = Counter(itertools.chain.from_iterable(features))
    values = {name: 4 * (number / count) ** 0.5 for name, number in seen.items() if name.startswith(_TELLING)}
    total = max(1, sum(words))
    for label in Label:
        share = sum(n for n, given in zip(words, labels, strict=True) if given is label) / total
        values[f"share={label.value}"] = 4 * share
        values[f"none={label.value}"] = float(share == 0)
    values[f"clauses={min(count // 4, 6)}"] = 1.0
    return values


def telling_sentence(head: LinearHead, clauses: Sequence[Clause], kind: AnswerKind) -> tuple[int, int] | None:
    """Return the words of the sentence that gave most to ``kind`` against a story (code points).

    What a way of telling gave by :func:`answer_features` is shared out evenly over the clauses told in that way.
    ``None`` where no sentence speaks for ``kind``, or the kind is a story.
    """
    if kind is AnswerKind.STORY or not {kind, AnswerKind.STORY} <= set(head.classes):
        return None
    gain = head.weights[:, head.classes.index(kind)] - head.weights[:, head.classes.index(AnswerKind.STORY)]
    seen = Counter(name for clause in clauses for name in clause.features if name in head.vocabulary)
    by_sentence: dict[int, float] = defaultdict(float)
    for clause in clauses:
        for name in clause.features:
            if name.startswith(_TELLING) and name in seen:
                # The root of a share grows by less with every further clause.
                by_sentence[clause.sentence] += float(gain[head.vocabulary[name]]) / seen[name] ** 0.5
    best = max(by_sentence, key=lambda sentence: (by_sentence[sentence], -sentence), default=None)
    if best is None or by_sentence[best] <= 0:
        return None
    inside = [clause for clause in clauses if clause.sentence == best]
    return inside[0].start, inside[-1].end
