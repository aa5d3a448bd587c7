"""Components and the score: a stated base plus points that each name a finding or a component.

Length earns nothing by itself: words count towards a mark only up to a small ceiling, a repeated clause
counts once, and steps must be different ones.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.feedback.catalogue import Catalogue
from service.feedback.lexicons import Lexicons
from service.feedback.reading import ReadClause, Reading
from service.feedback.rules import measured_clause
from service.labels import COMPONENTS, STORY_TYPES, Label, QuestionType, Severity
from service.records import Component, Finding, Score, ScorePart

#: At most this many findings are the ones to work on first.
MOST_FOCUS = 3


@dataclass(frozen=True, slots=True)
class Weights:
    """The numbers of ``score.toml``."""

    base: Mapping[str, int]
    component: Mapping[Label, tuple[int, ...]]
    target_share: Mapping[Label, tuple[float, float]]
    mark: Mapping[str, tuple[int, ...]]


def load_weights() -> Weights:
    """Read ``score.toml``."""
    data: dict[str, Any] = tomllib.loads((Path(__file__).parent / "score.toml").read_text(encoding="utf-8"))
    return Weights(
        base={name: int(points) for name, points in data["base"].items()},
        component={Label(name): tuple(points) for name, points in data["component"].items()},
        target_share={Label(name): (share[0], share[1]) for name, share in data["target_share"].items()},
        mark={name: tuple(values) for name, values in data["mark"].items()},
    )


def components(reading: Reading, weights: Weights, lexicons: Lexicons) -> dict[Label, Component]:
    """Return the four parts of a story, marked 0 (absent) to 3 (strong)."""
    marks = _marks(reading, weights, lexicons)
    parts = {}
    for label in COMPONENTS:
        present = reading.present(label)
        spans = [span for span in reading.spans if span.label is label]
        trust = max((span.confidence for span in spans), default=0.0)
        if not present:
            trust = 1 - reading.presence.get(label, 0.5)
        parts[label] = Component(
            present=present,
            confidence=trust,
            words=reading.words_by_label[label],
            share=reading.share(label),
            target_share=weights.target_share[label],
            score=marks[label],
        )
    return parts


def _marks(reading: Reading, weights: Weights, lexicons: Lexicons) -> dict[Label, int]:
    words = {label: _distinct_words(reading.of(label)) for label in COMPONENTS}
    steps = {_said(clause) for clause in reading.of(Label.ACTION) if clause.is_step}
    marks = {
        Label.SITUATION: _level(words[Label.SITUATION], weights.mark["situation_words"]),
        Label.TASK: _level(words[Label.TASK], weights.mark["task_words"]),
        Label.ACTION: _level(len(steps), weights.mark["action_steps"])
        if reading.present(Label.ACTION)
        else 0,
        Label.RESULT: _level(words[Label.RESULT], weights.mark["result_words"]),
    }
    if reading.present(Label.RESULT):
        measured = measured_clause(reading, lexicons) is not None
        marks[Label.RESULT] = max(2, marks[Label.RESULT]) if measured else min(2, marks[Label.RESULT])
    if not reading.tells_story:
        marks = dict.fromkeys(COMPONENTS, 0)
    return marks


def _level(value: int, thresholds: Sequence[int]) -> int:
    return sum(value >= threshold for threshold in thresholds)


def _distinct_words(clauses: Sequence[ReadClause]) -> int:
    """Count words, a repeated clause once: saying it twice earns nothing."""
    return sum(len(text.split()) for text in {_said(clause) for clause in clauses})


def _said(clause: ReadClause) -> str:
    """Return what a clause says, so that the same words count once."""
    return clause.span.text.lower().strip(" .,;:!?")


def base_for(question_type: QuestionType, weights: Weights) -> int:
    """Return where the score of an answer to such a question starts."""
    if question_type in STORY_TYPES:
        return weights.base["story"]
    return weights.base["other" if question_type is QuestionType.OTHER else "criteria"]


def total(
    base: int,
    parts: Mapping[Label, Component],
    findings: Sequence[Finding],
    weights: Weights,
    catalogue: Catalogue,
) -> Score:
    """Add up the score; where it would leave 0 to 100 a last part says by how much it was held."""
    adds = [
        ScorePart(f"component.{label.value}", weights.component[label][part.score])
        for label, part in parts.items()
    ]
    adds += [
        ScorePart(finding.id, points)
        for finding in findings
        if (points := catalogue.points(finding.id, finding.severity))
    ]
    raw = base + sum(part.points for part in adds)
    held = max(0, min(100, raw))
    if held != raw:
        adds.append(ScorePart("score.bounds", held - raw))
    return Score(value=held, base=base, parts=tuple(adds))


def focus(findings: Sequence[Finding], catalogue: Catalogue) -> tuple[str, ...]:
    """Return the ids of the findings that would raise the answer most, at most three."""
    worst = {
        finding.id: catalogue.points(finding.id, finding.severity)
        for finding in findings
        if finding.severity is not Severity.STRENGTH
    }
    return tuple(sorted(worst, key=lambda finding_id: (worst[finding_id], finding_id))[:MOST_FOCUS])
