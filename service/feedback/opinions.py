"""Findings that a word list can't tell: trained on readers' judgements, explained by clauses.

One linear score for each finding over named signals of the clauses and facts of the whole answer. Because the
score is a sum, the clause that gave most to it is the evidence. A finding whose precision on answers that it
wasn't trained on is too low has no threshold and is never raised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from service.feedback.lexicons import Lexicons, asks_for_lesson, find_phrases
from service.feedback.reading import Limits, Opinion, ReadClause, Reading
from service.labels import STORY_TYPES, Label
from service.language.heads import LinearHead, summed_rows

#: Signals of a clause are features of these sorts.
_SIGNALS = (
    "w=", "l=", "b=", "o2=", "tp=", "root=", "vc=", "attr=", "neg", "passive", "number", "money", "percent",
    "hedge", "habit", "question", "has_", "comp=", "change", "result_noun", "task_noun",
)  # fmt: skip
_WITH_LABEL = ("l=", "w=", "tp=", "root=", "number", "change", "result_noun", "passive")


@dataclass(frozen=True, slots=True)
class OpinionModel:
    """One column of ``head`` for each finding, with its limits."""

    head: LinearHead
    limits: Mapping[str, Limits]

    def opinions(self, reading: Reading, lexicons: Lexicons) -> dict[str, Opinion]:
        """Return the opinion on every finding that the model knows, for this answer."""
        vocabulary, weights = self.head.vocabulary, self.head.weights
        rows = [
            np.array([vocabulary[name] for name in signals(clause) if name in vocabulary], dtype=np.intp)
            for clause in reading.clauses
        ]
        by_clause = summed_rows(weights, rows)
        seen = np.unique(np.concatenate(rows)) if rows else np.array([], dtype=np.intp)
        known = {vocabulary[name]: v for name, v in facts(reading, lexicons).items() if name in vocabulary}
        whole = np.array([*known], dtype=np.intp)
        scores = (
            self.head.intercept.astype(np.float64)
            + weights[seen].astype(np.float64).sum(axis=0)
            + np.array([*known.values()]) @ weights[whole].astype(np.float64)
        )
        strongest = by_clause.argmax(axis=0).tolist() if len(by_clause) else [None] * len(scores)
        return {
            finding: Opinion(1 / (1 + math.exp(-score)), clause)
            for finding, score, clause in zip(self.head.classes, scores.tolist(), strongest, strict=True)
        }


def signals(clause: ReadClause) -> list[str]:
    """Return the signals of one clause: what it says and how, alone and with its label."""
    names = [name for name in clause.clause.features if name.startswith(_SIGNALS)]
    letter = clause.label.value[0]
    return names + [f"{letter}|{name}" for name in names if name.startswith(_WITH_LABEL)]


def facts(reading: Reading, lexicons: Lexicons) -> dict[str, float]:
    """Return facts of the whole answer, each scaled to about 0 to 3."""
    text = reading.answer.text
    actions = reading.of(Label.ACTION)
    steps = [clause for clause in actions if clause.is_step]
    own = sum(clause.person == "i" for clause in steps)
    shared = sum(clause.person == "we" for clause in actions)
    passive = sum(clause.is_passive for clause in actions)
    results = " ".join(text[c.clause.start : c.clause.end] for c in reading.of(Label.RESULT))
    hundred = max(1.0, reading.spoken_words / 100)
    values: dict[str, float] = {
        "fact:words": math.log(max(1, reading.words)) / 2,
        "fact:under_60": float(reading.words < 60),
        "fact:over_350": float(reading.words > 350),
        "fact:steps": math.log1p(len(steps)),
        "fact:own_steps": math.log1p(own),
        "fact:own_share": 2 * own / max(1, len(steps)),
        "fact:shared": math.log1p(shared),
        "fact:shared_share": 2 * shared / max(1, len(actions)),
        "fact:passive_share": 2 * passive / max(1, len(actions)),
        "fact:vague_share": 2 * (1 - len(steps) / max(1, len(actions))) if actions else 0.0,
        "fact:reasons": math.log1p(sum(clause.has_reason for clause in actions)),
        "fact:measure_words": math.log1p(len(find_phrases(results, lexicons["measures"]["words"]))),
        "fact:vague_result": math.log1p(len(find_phrases(results, lexicons["measures"]["vague"]))),
        "fact:lesson_words": math.log1p(len(find_phrases(results, lexicons["lessons"]["words"]))),
        "fact:fillers": len(find_phrases(text, lexicons["fillers"]["hard"])) / hundred / 3,
        "fact:soft_fillers": len(find_phrases(text, lexicons["fillers"]["soft"])) / hundred / 3,
        "fact:result_numbers": math.log1p(
            sum("number" in clause.clause.features for clause in reading.of(Label.RESULT))
        ),
        "fact:asks_for_lesson": float(asks_for_lesson(reading.answer.question)),
        "fact:echo": math.log1p(
            sum(any(n.startswith("echo=") for n in c.clause.features) for c in reading.clauses)
        ),
        "fact:story_type": float(reading.question_type in STORY_TYPES),
    }
    for label in Label:
        values[f"fact:share={label.value}"] = 3 * reading.share(label)
        values[f"fact:none={label.value}"] = float(not reading.present(label))
        values[f"fact:words={label.value}"] = math.log1p(reading.words_by_label[label]) / 2
    if reading.spans:
        values[f"fact:first={reading.spans[0].label.value}"] = 1.0
        values[f"fact:last={reading.spans[-1].label.value}"] = 1.0
    return values
