"""The post-mortem of an interview: what one client's judged answers say together.

Which answers stood and which to work on first, what recurs, what to keep, and, from three sessions on, what
has changed. Where one question was answered in several sessions, the latest answer counts and the earlier
ones speak through the progress.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from service.labels import COMPONENTS, Label, QuestionType, Severity
from service.reports.figures import AnswerFigures, Raised, shared_wording

#: An answer that scores this and has no problem stood: those of the corpus's development part that readers gave
#: the middle of their scale score 63 in the mean.
STOOD = 60
#: Two sessions differ by chance; no change is told from fewer than this.
LEAST_SESSIONS = 3
#: A finding recurs from this many answers on.
RECURS = 2

SessionBy = Literal["date", "attempt"]


@dataclass(frozen=True, slots=True)
class Recurring:
    """A finding of several answers; ``numbers`` are theirs, ``of`` how many answers were judged."""

    id: str
    severity: Severity
    message: str
    numbers: tuple[int, ...]
    of: int

    @property
    def count(self) -> int:
        """In how many answers it was found."""
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Strength:
    """What to keep: a strength, the answers that have it, and the words of the best of them."""

    id: str
    message: str
    numbers: tuple[int, ...]
    quote: str | None
    quoted_from: int


@dataclass(frozen=True, slots=True)
class PartsChart:
    """How an answer's words are shared out; the shares with ``other`` make 1, but for rounding."""

    number: int
    score: int
    shares: tuple[tuple[Label, float], ...]
    marks: tuple[tuple[Label, int], ...]


@dataclass(frozen=True, slots=True)
class Session:
    """One date or attempt: its scored answers, the stories among them, and the mean of the scores."""

    name: str
    answers: int
    stories: int
    mean_score: float


@dataclass(frozen=True, slots=True)
class PartProgress:
    """The mean mark (0 to 3) and share of a part in each session; ``None`` in a session without stories."""

    label: Label
    marks: tuple[float | None, ...]
    shares: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class FindingProgress:
    """In how many answers of each session a finding was found."""

    id: str
    severity: Severity
    message: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """What changed over the sessions; ``left_out`` answers belong to none of them."""

    by: SessionBy
    sessions: tuple[Session, ...]
    parts: tuple[PartProgress, ...]
    findings: tuple[FindingProgress, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class PostMortem:
    """The whole interview of one client.

    ``stood`` is best first, ``work_first`` the answer with the most to gain first; both leave out the numbers
    in ``superseded``, which were answered again in a later session. ``sessions`` counts those with a scored
    answer; ``progress`` is ``None`` under ``LEAST_SESSIONS`` of them.
    """

    stood: tuple[AnswerFigures, ...]
    work_first: tuple[AnswerFigures, ...]
    not_judged: tuple[AnswerFigures, ...]
    superseded: tuple[int, ...]
    recurring: tuple[Recurring, ...]
    strengths: tuple[Strength, ...]
    parts: tuple[PartsChart, ...]
    sessions: int
    progress: Progress | None


def post_mortem(answers: Sequence[AnswerFigures]) -> PostMortem:
    """Return the post-mortem of one client's answers, given in their order."""
    superseded = _superseded(answers)
    scored = [answer for answer in answers if answer.score is not None]
    current = [answer for answer in scored if answer.number not in superseded]
    best_first = sorted(current, key=lambda answer: (-(answer.score or 0), answer.problems, answer.number))
    by, sessions = _sessions(scored)
    return PostMortem(
        stood=tuple(answer for answer in best_first if stands(answer)),
        work_first=tuple(answer for answer in reversed(best_first) if not stands(answer)),
        not_judged=tuple(
            answer for answer in answers if answer.score is None and answer.number not in superseded
        ),
        superseded=tuple(sorted(superseded)),
        recurring=_recurring(current),
        strengths=_strengths(best_first),
        parts=tuple(_parts_chart(answer) for answer in scored if answer.is_story),
        sessions=len(sessions),
        progress=_progress(by, sessions, scored) if len(sessions) >= LEAST_SESSIONS else None,
    )


def stands(answer: AnswerFigures) -> bool:
    """Whether an answer stood: scored ``STOOD`` or more, and no problem in it.

    Of answers to other questions only length and language are looked at, which no score above ``STOOD`` can come
    of; they stood where nothing was found.
    """
    if answer.score is None:
        return False
    if answer.question_type is QuestionType.OTHER:
        return all(found.is_strength for found in answer.found)
    return answer.score >= STOOD and not answer.problems


def _superseded(answers: Sequence[AnswerFigures]) -> frozenset[int]:
    """Return the numbers of the answers whose question was answered again in a later session."""
    by_question: dict[str, list[AnswerFigures]] = defaultdict(list)
    for answer in answers:
        if answer.question is not None:
            by_question[" ".join(answer.question.casefold().split())].append(answer)
    return frozenset(number for group in by_question.values() for number in _earlier(group))


def _earlier(group: Sequence[AnswerFigures]) -> list[int]:
    """Return the numbers of the answers of one question that are not the latest, by date, then by attempt."""
    last_date = max((answer.date for answer in group if answer.date is not None), default=None)
    last_attempt: dict[date | None, int] = defaultdict(int)
    for answer in group:
        last_attempt[answer.date] = max(last_attempt[answer.date], answer.attempt or 0)
    of_all = max(last_attempt.values())
    undated = last_attempt[None]
    return [
        answer.number
        for answer in group
        if (answer.date is not None and answer.date != last_date)
        or (
            answer.attempt is not None
            and answer.attempt < (of_all if answer.date is None else max(last_attempt[answer.date], undated))
        )
    ]


def _recurring(answers: Sequence[AnswerFigures]) -> tuple[Recurring, ...]:
    recurring = [
        Recurring(finding_id, worst, message, numbers, len(answers))
        for (finding_id, is_strength), (worst, message, numbers) in _by_finding(answers).items()
        if not is_strength and len(numbers) >= RECURS
    ]
    weight = list(Severity)
    return tuple(sorted(recurring, key=lambda item: (-item.count, weight.index(item.severity), item.id)))


def _strengths(best_first: Sequence[AnswerFigures]) -> tuple[Strength, ...]:
    strengths = []
    for (finding_id, is_strength), (_, message, numbers) in _by_finding(best_first).items():
        if is_strength:
            answer = next(answer for answer in best_first if answer.number == numbers[0])
            shown = next(found for found in answer.found if found.id == finding_id and found.is_strength)
            strengths.append(
                Strength(finding_id, message, tuple(sorted(numbers)), shown.quote, answer.number)
            )
    return tuple(sorted(strengths, key=lambda item: (-len(item.numbers), item.id)))


def _by_finding(
    answers: Sequence[AnswerFigures],
) -> Mapping[tuple[str, bool], tuple[Severity, str, tuple[int, ...]]]:
    """Return severity, wording and answer numbers of each finding; a criterion met is not the one missed."""
    found: dict[tuple[str, bool], tuple[Severity, str, tuple[int, ...]]] = {}
    for answer in answers:
        for raised in each_once(answer):
            key = (raised.id, raised.is_strength)
            severity, message, numbers = found.get(key, (raised.severity, raised.message, ()))
            found[key] = (severity, shared_wording(message, raised.message), (*numbers, answer.number))
    return found


def each_once(answer: AnswerFigures) -> tuple[Raised, ...]:
    """Return the findings of an answer, the first of each id and kind."""
    first: dict[tuple[str, bool], Raised] = {}
    for found in answer.found:
        first.setdefault((found.id, found.is_strength), found)
    return tuple(first.values())


def _parts_chart(answer: AnswerFigures) -> PartsChart:
    shares = [(part.label, part.share) for part in answer.parts]
    rest = max(0.0, round(1 - sum(share for _, share in shares), 3))
    return PartsChart(
        number=answer.number,
        score=answer.score or 0,
        shares=(*shares, (Label.OTHER, rest)),
        marks=tuple((part.label, part.score) for part in answer.parts),
    )


def _sessions(
    scored: Sequence[AnswerFigures],
) -> tuple[SessionBy, Mapping[date, list[AnswerFigures]] | Mapping[int, list[AnswerFigures]]]:
    """Return the answers by date, or by attempt where there are no two dates; in order."""
    dates: dict[date, list[AnswerFigures]] = defaultdict(list)
    attempts: dict[int, list[AnswerFigures]] = defaultdict(list)
    for answer in scored:
        if answer.date is not None:
            dates[answer.date].append(answer)
        if answer.attempt is not None:
            attempts[answer.attempt].append(answer)
    if len(dates) > 1 or len(dates) >= len(attempts):
        return "date", dict(sorted(dates.items()))
    return "attempt", dict(sorted(attempts.items()))


def _progress(
    by: SessionBy,
    sessions: Mapping[date, list[AnswerFigures]] | Mapping[int, list[AnswerFigures]],
    scored: Sequence[AnswerFigures],
) -> Progress:
    groups = list(sessions.values())
    within = [answer for group in groups for answer in group]
    return Progress(
        by=by,
        sessions=tuple(
            Session(
                name=key.isoformat() if isinstance(key, date) else f"attempt {key}",
                answers=len(group),
                stories=sum(answer.is_story for answer in group),
                mean_score=_mean([answer.score or 0 for answer in group], 1) or 0.0,
            )
            for key, group in sessions.items()
        ),
        parts=tuple(_part_progress(label, groups) for label in COMPONENTS)
        if any(answer.is_story for answer in within)
        else (),
        findings=_finding_progress(within, groups),
        left_out=len(scored) - len(within),
    )


def _part_progress(label: Label, groups: Sequence[Sequence[AnswerFigures]]) -> PartProgress:
    parts = [[part for answer in group for part in answer.parts if part.label is label] for group in groups]
    return PartProgress(
        label=label,
        marks=tuple(_mean([part.score for part in group], 1) for group in parts),
        shares=tuple(_mean([part.share for part in group], 3) for group in parts),
    )


def _finding_progress(
    within: Sequence[AnswerFigures], groups: Sequence[Sequence[AnswerFigures]]
) -> tuple[FindingProgress, ...]:
    numbers = [{answer.number for answer in group} for group in groups]
    progress = [
        FindingProgress(
            finding_id,
            severity,
            message,
            tuple(len(session & set(found_in)) for session in numbers),
        )
        for (finding_id, _), (severity, message, found_in) in _by_finding(within).items()
    ]
    return tuple(
        sorted(
            progress,
            key=lambda item: (item.severity is Severity.STRENGTH, -sum(item.counts), item.id),
        )
    )


def _mean(values: Sequence[float], decimals: int) -> float | None:
    return round(sum(values) / len(values), decimals) if values else None
