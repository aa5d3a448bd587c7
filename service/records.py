"""The frozen records of the one path: answer, clauses, labelled spans, findings, report.

Offsets everywhere are Unicode code points into ``Answer.text``, end-exclusive; only the serialiser
(``service.schemas``) turns them into another unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.labels import Label, QuestionCategory, QuestionForm, QuestionReach, QuestionType, Severity


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
class Passage:
    """Words of a text: ``text[start:end]``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Theme:
    """One thing that the context is about, and where both texts speak of it; ``answer`` may be empty."""

    name: str
    context: tuple[Passage, ...]
    answer: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which themes of the context the answer takes up, and which of the main ones it leaves out."""

    taken_up: tuple[Theme, ...]
    left_out: tuple[Theme, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole feedback on one answer; ``alignment`` is ``None`` without a context that says enough."""

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
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True)
class QuestionReview:
    """What a candidate's own question is like.

    ``words`` are those that its category rests on. ``form`` and ``reach`` are ``None`` where they can't be told;
    ``is_too_early`` says that it asks for pay or leave.
    """

    text: str
    category: QuestionCategory
    words: tuple[Passage, ...]
    demonstrates: str
    form: QuestionForm | None
    reach: QuestionReach | None
    is_too_early: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class UncoveredCategory:
    """A category that no question of a list falls into, and what could be asked there."""

    category: QuestionCategory
    demonstrates: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class QuestionsReport:
    """The whole feedback on a list of questions; ``rules`` is the version of what made it."""

    questions: tuple[QuestionReview, ...]
    not_covered: tuple[UncoveredCategory, ...]
    rules: str


@dataclass(frozen=True, slots=True)
class PartChange:
    """One of the four parts in two attempts."""

    label: Label
    first: Component
    second: Component


@dataclass(frozen=True, slots=True)
class PointsChange:
    """The points that two attempts have for the same thing; 0 where one of them has none."""

    what: str
    first: int
    second: int

    @property
    def change(self) -> int:
        """What the second attempt has more."""
        return self.second - self.first


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a second attempt does better and worse than the first; findings are named by their ids.

    ``points`` is ``None`` where an attempt was not judged; else its changes add up to the difference of the two
    scores.
    """

    first: Report
    second: Report
    parts: tuple[PartChange, ...]
    cured: tuple[str, ...]
    new: tuple[str, ...]
    kept: tuple[str, ...]
    strengths_gained: tuple[str, ...]
    strengths_lost: tuple[str, ...]
    strengths_kept: tuple[str, ...]
    points: tuple[PointsChange, ...] | None
