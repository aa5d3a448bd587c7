"""Reports for a terminal.

Of one answer: its parts coloured and named, the gaps, the findings, what is first. Of a candidate's questions,
of two attempts, and of the rules: the same in lines and columns.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

import click

from service.feedback.catalogue import Catalogue, Criterion
from service.feedback.examples import TRAINED, ExampleResult
from service.feedback.rules import Rule
from service.labels import Label, Severity
from service.records import (
    Comparison,
    Component,
    Finding,
    PointsChange,
    QuestionReview,
    QuestionsReport,
    Report,
)

_COLOURS = {
    Label.SITUATION: "blue",
    Label.TASK: "magenta",
    Label.ACTION: "green",
    Label.RESULT: "yellow",
    Label.OTHER: "white",
}
_SIGNS = {Severity.PROBLEM: ("!", "red"), Severity.ADVICE: ("-", "yellow"), Severity.STRENGTH: ("+", "green")}
_WIDTH = 100
#: A span of a lower confidence is marked with "?", here, on the page and in reports.
SURE = 0.6
_ADVICE_ONLY = "Advice for practice; a person decides."
_RULE_COLUMNS = ("id", "severity", "component", "kind", "state", "threshold", "source")


def rendered(report: Report) -> str:
    """Return the report as text with terminal colours; ``click.echo`` strips them where there are none."""
    if report.abstention is not None:
        return click.style("Not judged. ", bold=True) + _plain(report.abstention.message)
    head = f"{report.question_type.label.replace('_', ' ')}"
    if report.answer_kind is not None:
        head += f", told as {report.answer_kind.label.replace('_', ' ')}"
    if report.score is not None:
        head = click.style(f"{report.score.value}/100", bold=True) + f"  {head}"
    lines = [head, "", *_spans(report), ""]
    if report.components:
        lines += [_components(report), ""]
    first = {finding_id: number for number, finding_id in enumerate(report.focus, start=1)}
    ordered = sorted(report.findings, key=lambda finding: first.get(finding.id, len(first) + 1))
    for finding in ordered:
        lines += _finding(finding, report, first.get(finding.id))
    lines.append(click.style(_ADVICE_ONLY, dim=True))
    return "\n".join(lines)


def rendered_questions(report: QuestionsReport) -> str:
    """Return what each question is like, and what could be asked besides."""
    lines: list[str] = []
    for number, review in enumerate(report.questions, start=1):
        lines += [*_question(number, review), ""]
    if report.not_covered:
        lines.append(click.style("Not asked about:", bold=True))
        lines += [
            f"   {missing.category.value.replace('_', ' ')}: {missing.suggestion}"
            for missing in report.not_covered
        ]
    lines.append(click.style(_ADVICE_ONLY, dim=True))
    return "\n".join(lines)


def rendered_comparison(comparison: Comparison) -> str:
    """Return what changed from the first attempt to the second."""
    attempts = (("First", comparison.first), ("Second", comparison.second))
    lines = [
        f"{name + ':':<8}" + (f"{report.score.value}/100" if report.score else _reason(report))
        for name, report in attempts
    ]
    if comparison.points is not None:
        changed = sum(points.change for points in comparison.points)
        lines += [click.style(f"Change: {changed:+d}", bold=True), "", *_points(comparison.points)]
        lines += [
            f"{part.label.value.lower():<10} {_dots(part.first)} to {_dots(part.second)}   "
            f"{part.first.words} to {part.second.words} words"
            for part in comparison.parts
        ]
        lines += _named("Cured", comparison.cured, "green")
        lines += _named("New", comparison.new, "red")
        lines += _named("Still there", comparison.kept, "yellow")
        lines += _named("Strengths gained", comparison.strengths_gained, "green")
        lines += _named("Strengths lost", comparison.strengths_lost, "red")
    lines.append(click.style(_ADVICE_ONLY, dim=True))
    return "\n".join(lines)


def rendered_rules(catalogue: Catalogue, limits: Mapping[str, tuple[float | None, float | None]]) -> str:
    """Return a table of all rules and criteria.

    ``limits`` are the model's: from which probability of a trained opinion on it is raised, and for a criterion
    from which down it counts as missing. A finding that is switched on, but of which the model is not sure enough
    to raise it, is silent.
    """
    rows = [
        _RULE_COLUMNS,
        *(_rule(rule, limits.get(rule.id)) for rule in catalogue.rules),
        *(_criterion(criterion, limits.get(criterion.id)) for criterion in catalogue.criteria),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def rendered_results(marked: Sequence[ExampleResult], asked: Sequence[ExampleResult], model_name: str) -> str:
    """Return which examples are wrong, how many were run on marked labels and through the model, and what is silent."""
    wrong = [[result for result in results if result.fault is not None] for results in (marked, asked)]
    lines = [
        f"{result.rule_id}, {result.side} example {result.number}: {result.fault}"
        for results in wrong
        for result in results
    ]
    silent = list(dict.fromkeys(result.rule_id for result in asked if result.is_silent))
    held = sum(result.is_silent and result.side == "fire" for result in asked)
    lines.append(f"on marked labels: {len(marked)} examples, {len(wrong[0])} wrong")
    lines.append(f"through the model {model_name}: {len(asked)} examples, {len(wrong[1])} wrong")
    if silent:
        lines.append(
            f"silent in {model_name}, which is not sure enough to raise them: {', '.join(silent)}; "
            f"their {held} examples that should fire are not held against it"
        )
    return "\n".join(lines)


def _rule(rule: Rule, limits: tuple[float | None, float | None] | None) -> tuple[str, ...]:
    asks_model = rule.kind == TRAINED or (rule.judged and limits is not None)
    opinion = limits[0] if asks_model and limits is not None else None
    thresholds = [f"{name}={value:g}" for name, value in rule.parameters.items()]
    if asks_model:
        thresholds.append("opinion=never" if opinion is None else f"opinion={opinion:.2f}")
    return (
        rule.id,
        rule.severity.value,
        "-" if rule.component is None else rule.component.value,
        rule.kind or "-",
        "off" if rule.kind is None else "silent" if asks_model and opinion is None else "on",
        " ".join(thresholds) or "-",
        rule.source,
    )


def _criterion(criterion: Criterion, limits: tuple[float | None, float | None] | None) -> tuple[str, ...]:
    met, missing = limits or (None, None)
    thresholds = [
        "met=never" if met is None else f"met={met:.2f}",
        "missing=never" if missing is None else f"missing={missing:.2f}",
    ]
    state = "silent" if met is None and missing is None else "on"
    return (criterion.id, "strength/advice", "-", TRAINED, state, " ".join(thresholds), "coaching practice")


def _question(number: int, review: QuestionReview) -> Iterator[str]:
    asked = " ".join(review.text.split())
    yield click.style(f"{number}. {_plain(textwrap.shorten(asked, _WIDTH, placeholder=' …'))}", bold=True)
    kinds = [
        review.category.value.replace("_", " "),
        *(kind.value for kind in (review.form, review.reach) if kind is not None),
    ]
    yield f"   {', '.join(kinds)}. {review.demonstrates}"
    for finding in review.findings:
        sign, colour = _SIGNS[finding.severity]
        yield click.style(f"   {sign} {_plain(finding.message)}", fg=colour)
        if finding.severity is not Severity.STRENGTH:
            yield f"     {_plain(finding.advice)}"


def _reason(report: Report) -> str:
    return "not judged" if report.abstention is None else f"not judged. {_plain(report.abstention.message)}"


def _points(points: Iterable[PointsChange]) -> list[str]:
    changed = [part for part in points if part.change]
    return [f"{part.change:+4d}  {part.what}" for part in changed] + ([""] if changed else [])


def _dots(part: Component) -> str:
    return "●" * part.score + "○" * (3 - part.score)


def _named(title: str, ids: Sequence[str], colour: str) -> list[str]:
    return [click.style(f"{title}: {', '.join(ids)}", fg=colour)] if ids else []


def _spans(report: Report) -> list[str]:
    text = report.answer.text
    gaps = sorted(
        ((finding.insert_at, finding) for finding in report.findings if finding.insert_at is not None),
        key=lambda gap: gap[0],
    )
    lines: list[str] = []
    for span in report.spans:
        while gaps and gaps[0][0] <= span.start:
            lines.append(_gap(gaps.pop(0)[1]))
        name = (span.label.value + ("?" if span.confidence < SURE else "")).ljust(11)
        body = textwrap.fill(
            _plain(" ".join(text[span.start : span.end].split())), _WIDTH, subsequent_indent=" " * len(name)
        )
        lines.append(
            click.style(name, fg=_COLOURS[span.label], bold=True) + click.style(body, fg=_COLOURS[span.label])
        )
    return lines + [_gap(finding) for _, finding in gaps]


def _gap(finding: Finding) -> str:
    part = finding.component.value if finding.component is not None else "PART"
    return click.style(f"{part:<10} …… missing here: {finding.message}", fg="red")


def _components(report: Report) -> str:
    return "   ".join(
        f"{label.value.lower()} {_dots(part)} {round(100 * part.share)}%"
        for label, part in report.components.items()
    )


def _finding(finding: Finding, report: Report, place: int | None) -> list[str]:
    sign, colour = _SIGNS[finding.severity]
    mark = f"{place}." if place is not None else sign
    lines = [click.style(f"{mark:<3}{_plain(finding.message)}", fg=colour, bold=place is not None)]
    if finding.start is not None and finding.end is not None:
        quote = " ".join(report.answer.text[finding.start : finding.end].split())
        lines.append(f"   “{_plain(textwrap.shorten(quote, 90, placeholder=' …'))}”")
    lines.append(f"   {_plain(finding.advice)}")
    return lines


def _plain(text: str) -> str:
    """Take control characters out, so that an answer can't steer the terminal."""
    return "".join(character for character in text if character.isprintable())
