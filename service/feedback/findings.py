"""From a reading to its findings: run the rules that apply, put the answer's words into their messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from service.feedback.catalogue import Catalogue, Criterion, places_of
from service.feedback.reading import Reading
from service.feedback.rules import KINDS, Hit, Rule
from service.feedback.wording import places
from service.labels import Severity
from service.records import Finding

_ORDER = {Severity.PROBLEM: 0, Severity.ADVICE: 1, Severity.STRENGTH: 2}


def find(reading: Reading, catalogue: Catalogue) -> tuple[Finding, ...]:
    """Return the findings, about the whole answer first, then in the order of the words.

    With ``story.absent`` none of the ``*.missing`` and nothing else of STAR is raised.
    """
    findings = [
        *_criteria(reading, catalogue),
        *(
            _finding(rule, hit, reading)
            for rule in catalogue.active()
            if reading.question_type in rule.types and rule.kind is not None
            if not rule.judged or reading.agrees(rule.id)
            for hit in KINDS[rule.kind](reading, rule, catalogue.lexicons)
        ),
    ]
    return tuple(
        sorted(
            findings,
            key=lambda finding: (
                -1
                if finding.start is None and finding.insert_at is None
                else finding.start or finding.insert_at or 0,
                _ORDER[finding.severity],
                finding.id,
            ),
        )
    )


def _criteria(reading: Reading, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield a strength for each criterion that is met and advice for each that is missing; else nothing."""
    for criterion in catalogue.criteria:
        opinion, limits = reading.opinions.get(criterion.id), reading.limits.get(criterion.id)
        if criterion.type is not reading.question_type or opinion is None or limits is None:
            continue
        met = limits.above is not None and opinion.probability >= limits.above
        missing = limits.below is not None and opinion.probability <= limits.below
        if met == missing:
            continue
        where = reading.clauses[opinion.clause].clause if met and opinion.clause is not None else None
        yield criterion_finding(
            criterion,
            met=met,
            confidence=opinion.probability if met else 1 - opinion.probability,
            words=None if where is None else opinion.words or (where.start, where.end),
        )


def criterion_finding(
    criterion: Criterion, *, met: bool, confidence: float, words: tuple[int, int] | None = None
) -> Finding:
    """Return the finding of a criterion: a strength with the ``words`` that meet it, or advice."""
    return Finding(
        id=criterion.id,
        severity=Severity.STRENGTH if met else Severity.ADVICE,
        component=None,
        message=criterion.met if met else criterion.missing,
        why=criterion.why,
        advice="Keep this." if met else criterion.advice,
        confidence=confidence,
        start=None if words is None else words[0],
        end=None if words is None else words[1],
    )


def _finding(rule: Rule, hit: Hit, reading: Reading) -> Finding:
    return rule_finding(rule, hit, places(reading, rule, hit))


def rule_finding(rule: Rule, hit: Hit, found: Mapping[str, str]) -> Finding:
    """Return the finding of a rule that fired, with the places of its texts filled by ``found`` and the hit."""
    values: Mapping[str, object] = {**found, **hit.values}
    advice = next((text for text in rule.nearer_advice if places_of(text) <= set(values)), rule.advice)
    return Finding(
        id=rule.id,
        severity=rule.severity,
        component=rule.component,
        message=rule.message.format_map(values),
        why=rule.why.format_map(values),
        advice=advice.format_map(values),
        confidence=hit.confidence,
        start=hit.start,
        end=hit.end,
        insert_at=hit.insert_at,
    )
