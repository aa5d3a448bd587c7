"""Labelled answers for tests, written as they are marked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from training.corpus import LabelledAnswer
from training.marks import parse_marks

STORY = "[S] It was late. [T] I had to ship it. [A] I ran to the depot. [R] We shipped at nine."


def marked(marks: str = STORY, /, **fields: Any) -> LabelledAnswer:
    """Return a faultless behavioural answer with the marked text ``marks``, changed as told."""
    plain, spans = parse_marks(marks)
    answer = LabelledAnswer(
        id="t-1",
        question="Tell me about a time.",
        text=plain,
        spans=spans,
        question_type="behavioural",
        answer_kind="story",
        components={"S": 2, "T": 2, "A": 2, "R": 2},
        score=3,
        meta={"batch": "t", "mode": "typed"},
    )
    return replace(answer, **fields)
