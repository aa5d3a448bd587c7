"""The coach's whole group: commonest gaps, figures of each client, and how scores and parts are spread.

Client by client is added and forgotten; what is held are counts and one record for each client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from service.labels import COMPONENTS, Label, QuestionType, Severity
from service.reports.figures import AnswerFigures, PartFigures, Raised, shared_wording
from service.reports.postmortem import PostMortem, each_once

#: The widths of the bins of the two distributions: points of a score, hundredths of a share.
SCORE_BIN = 10
SHARE_BIN = 10
#: The best mark of a part.
BEST_MARK = 3


@dataclass(frozen=True, slots=True)
class Gap:
    """A finding that is no strength, in ``answers`` of ``clients``.

    ``of`` counts the scored answers to the types of question in which it was found: most findings belong to
    some types only.
    """

    id: str
    severity: Severity
    message: str
    answers: int
    of: int
    clients: int

    @property
    def share(self) -> float:
        """How many of these have it, 0 to 1."""
        return round(self.answers / self.of, 3)


@dataclass(frozen=True, slots=True)
class ClientFigures:
    """One client's line: ``stood`` of ``current`` answers stood; ``marks`` are means of 0 to 3 over stories.

    ``name`` is ``None`` for the rows without one, which may be of several people, so that ``stood`` is ``None``.
    ``commonest_gap`` is the id of a gap.
    """

    name: str | None
    page: str
    answers: int
    scored: int
    mean_score: float | None
    lowest: int | None
    highest: int | None
    stood: int | None
    current: int | None
    marks: Mapping[Label, float]
    commonest_gap: str | None
    last_date: date | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Values from ``low`` up to and with ``high``, and how many there are."""

    low: int
    high: int
    count: int


@dataclass(frozen=True, slots=True)
class PartSpread:
    """How a part is spread over all stories: how many have each mark 0 to 3, and which share in hundredths."""

    label: Label
    marks: tuple[int, ...]
    shares: tuple[Bin, ...]
    median_share: float
    target: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Group:
    """All that the index tells. ``rows`` = ``scored`` + ``abstained`` + ``errors``."""

    rows: int
    scored: int
    abstained: int
    errors: int
    stories: int
    mean_score: float | None
    median_score: float | None
    gaps: tuple[Gap, ...]
    clients: tuple[ClientFigures, ...]
    unnamed: ClientFigures | None
    scores: tuple[Bin, ...]
    parts: tuple[PartSpread, ...]


@dataclass(slots=True)
class _Count:
    severity: Severity
    message: str
    types: set[QuestionType] = field(default_factory=set)
    answers: int = 0
    clients: int = 0


@dataclass(slots=True)
class _Spread:
    target: tuple[float, float]
    marks: Counter[int] = field(default_factory=Counter)
    shares: Counter[float] = field(default_factory=Counter)

    def add(self, part: PartFigures) -> None:
        self.target = part.target
        self.marks[part.score] += 1
        self.shares[part.share] += 1


class GroupTally:
    """Adds clients up to a :class:`Group`."""

    def __init__(self) -> None:
        self._statuses: Counter[str] = Counter()
        self._types: Counter[QuestionType] = Counter()
        self._scores: Counter[float] = Counter()
        self._stories = 0
        self._gaps: dict[str, _Count] = {}
        self._parts: dict[Label, _Spread] = {}
        self._clients: list[ClientFigures] = []
        self._unnamed: ClientFigures | None = None

    def add(
        self, name: str | None, page: str, answers: Sequence[AnswerFigures], told: PostMortem | None
    ) -> None:
        """Add a client's answers, or those without a client name, whose post-mortem is ``None``."""
        gaps: Counter[str] = Counter()
        for answer in answers:
            self._statuses[answer.status] += 1
            if answer.score is None or answer.question_type is None:
                continue
            self._types[answer.question_type] += 1
            self._scores[answer.score] += 1
            self._stories += answer.is_story
            for part in answer.parts:
                self._parts.setdefault(part.label, _Spread(part.target)).add(part)
            for found in each_once(answer):
                if not found.is_strength:
                    gaps[found.id] += 1
                    self._count(found, answer.question_type)
        if name is None:
            self._unnamed = _client(name, page, answers, told, _commonest(gaps))
            return
        for finding_id in gaps:
            self._gaps[finding_id].clients += 1
        self._clients.append(_client(name, page, answers, told, _commonest(gaps)))

    def group(self) -> Group:
        """Return what was added up."""
        scored = sum(self._scores.values())
        return Group(
            rows=sum(self._statuses.values()),
            scored=scored,
            abstained=self._statuses["abstained"],
            errors=self._statuses["error"],
            stories=self._stories,
            mean_score=_mean_of(self._scores),
            median_score=_median_of(self._scores),
            gaps=self._sorted_gaps(),
            clients=tuple(self._clients),
            unnamed=self._unnamed,
            scores=_bins(self._scores, SCORE_BIN),
            parts=tuple(
                PartSpread(
                    label=label,
                    marks=tuple(spread.marks[mark] for mark in range(BEST_MARK + 1)),
                    shares=_bins(Counter({100 * at: n for at, n in spread.shares.items()}), SHARE_BIN),
                    median_share=_median_of(spread.shares) or 0.0,
                    target=spread.target,
                )
                for label in COMPONENTS
                if (spread := self._parts.get(label)) is not None
            ),
        )

    def _count(self, found: Raised, question_type: QuestionType) -> None:
        count = self._gaps.setdefault(found.id, _Count(found.severity, found.message))
        count.answers += 1
        count.types.add(question_type)
        count.message = shared_wording(count.message, found.message)

    def _sorted_gaps(self) -> tuple[Gap, ...]:
        gaps = [
            Gap(
                id=finding_id,
                severity=count.severity,
                message=count.message,
                answers=count.answers,
                of=sum(self._types[kind] for kind in count.types),
                clients=count.clients,
            )
            for finding_id, count in self._gaps.items()
        ]
        return tuple(sorted(gaps, key=lambda gap: (-gap.answers, -gap.clients, gap.id)))


def _client(
    name: str | None,
    page: str,
    answers: Sequence[AnswerFigures],
    told: PostMortem | None,
    commonest_gap: str | None,
) -> ClientFigures:
    scores = Counter[float](answer.score for answer in answers if answer.score is not None)
    marks: dict[Label, Counter[float]] = {}
    for answer in answers:
        for part in answer.parts:
            marks.setdefault(part.label, Counter())[part.score] += 1
    return ClientFigures(
        name=name,
        page=page,
        answers=len(answers),
        scored=sum(scores.values()),
        mean_score=_mean_of(scores),
        lowest=int(min(scores)) if scores else None,
        highest=int(max(scores)) if scores else None,
        stood=None if told is None else len(told.stood),
        current=None if told is None else len(told.stood) + len(told.work_first),
        marks={label: _mean_of(counts) or 0.0 for label, counts in marks.items()},
        commonest_gap=commonest_gap,
        last_date=max((answer.date for answer in answers if answer.date is not None), default=None),
    )


def _commonest(gaps: Counter[str]) -> str | None:
    return min(gaps, key=lambda finding_id: (-gaps[finding_id], finding_id), default=None)


def _mean_of(counts: Counter[float]) -> float | None:
    if not counts:
        return None
    return round(sum(value * count for value, count in counts.items()) / sum(counts.values()), 1)


def _median_of(counts: Counter[float]) -> float | None:
    if not counts:
        return None
    total = sum(counts.values())
    middle = ((total - 1) // 2, total // 2)
    found, seen = [], 0
    for value in sorted(counts):
        found += [value for place in middle if seen <= place < seen + counts[value]]
        seen += counts[value]
    return round(sum(found) / 2, 3)


def _bins(counts: Counter[float], width: int) -> tuple[Bin, ...]:
    """Return the bins from 0 to 100; the last holds 100 too."""
    bins = [0] * (100 // width)
    for value, count in counts.items():
        bins[min(int(value // width), len(bins) - 1)] += count
    return tuple(
        Bin(i * width, 100 if i == len(bins) - 1 else (i + 1) * width - 1, count)
        for i, count in enumerate(bins)
    )
