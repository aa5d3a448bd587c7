"""The frozen records of the one path: answer, clauses, labelled spans, findings, report.

Offsets everywhere are Unicode code points into ``Answer.text``, end-exclusive; only the serialiser
(``service.schemas``) turns them into another unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.labels import Label, QuestionType, Severity


@dataclass(frozen=True, slots=True)
class Answer:
    """What a candidate said or wrote, and what it replied to. The text is never altered."""

    text: str
    question: str | None = None
    question_type: QuestionType | None = None
    context: str | None = None
    id: str | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """The smallest run of words that can have a label: ``answer.text[start:end]``.

    ``features`` names what the labeller sees of it; ``words`` counts its runs of non-space characters.
    """

    start: int
    end: int
    words: int
    sentence: int
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """A run of clauses that plays one part, with the labeller's calibrated confidence (0 to 1)."""

    start: int
    end: int
    label: Label
    confidence: float


@dataclass(frozen=True, slots=True)
class Guess:
    """A label for a whole answer or question: its confidence, and whether it was given or detected."""

    label: str
    confidence: float
    source: str = "detected"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a coach would say of the answer, and the words that it rests on.

    ``start`` and ``end`` are ``None`` where the finding is about something missing or about the whole
    answer; then ``insert_at`` may say where the missing part belongs.
    """

    id: str
    severity: Severity
    component: Label | None
    message: str
    why: str
    advice: str
    confidence: float
    start: int | None = None
    end: int | None = None
    insert_at: int | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """How far one of the four parts is there. ``share`` is of all words of the answer, 0 to 1."""

    present: bool
    confidence: float
    words: int
    share: float
    target_share: tuple[float, float]
    score: int


@dataclass(frozen=True, slots=True)
class ScorePart:
    """Points that one finding or component adds to or takes from the base."""

    what: str
    points: int


@dataclass(frozen=True, slots=True)
class Score:
    """``value`` = ``base`` + the points of ``parts``; 0 to 100."""

    value: int
    base: int
    parts: tuple[ScorePart, ...]


@dataclass(frozen=True, slots=True)
class Abstention:
    """Why an answer can't be judged."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of the answer; ``spoken_seconds`` at 140 words a minute."""

    words: int
    sentences: int
    spoken_seconds: int


@dataclass(frozen=True, slots=True)
class InputWarning:
    """Something about the text that the reader should know, though it was judged."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Versions:
    """What made a report: equal versions and equal input give equal bytes."""

    service: str
    model: str
    rules: str
    schema: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole feedback on one answer."""

    answer: Answer
    question_type: Guess
    answer_kind: Guess | None
    spans: tuple[LabelledSpan, ...]
    components: Mapping[Label, Component]
    score: Score | None
    findings: tuple[Finding, ...]
    focus: tuple[str, ...]
    stats: Stats
    input_warnings: tuple[InputWarning, ...]
    abstention: Abstention | None
    versions: Versions
