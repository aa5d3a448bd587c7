"""A report for a terminal: the answer's parts coloured and named, the gaps, the findings, what is first."""

from __future__ import annotations

import textwrap

import click

from service.labels import Label, Severity
from service.records import Finding, Report

_COLOURS = {
    Label.SITUATION: "blue",
    Label.TASK: "magenta",
    Label.ACTION: "green",
    Label.RESULT: "yellow",
    Label.OTHER: "white",
}
_SIGNS = {Severity.PROBLEM: ("!", "red"), Severity.ADVICE: ("-", "yellow"), Severity.STRENGTH: ("+", "green")}
_WIDTH = 100


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
    lines.append(click.style("Advice for practice; a person decides.", dim=True))
    return "\n".join(lines)


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
        name = f"{span.label.value:<9} "
        body = textwrap.fill(
            _plain(" ".join(text[span.start : span.end].split())), _WIDTH, subsequent_indent=" " * len(name)
        )
        lines.append(
            click.style(name, fg=_COLOURS[span.label], bold=True) + click.style(body, fg=_COLOURS[span.label])
        )
    return lines + [_gap(finding) for _, finding in gaps]


def _gap(finding: Finding) -> str:
    part = finding.component.value if finding.component is not None else "PART"
    return click.style(f"{part:<9} …… missing here: {finding.message}", fg="red")


def _components(report: Report) -> str:
    return "   ".join(
        f"{label.value.lower()} {'●' * part.score}{'○' * (3 - part.score)} {round(100 * part.share)}%"
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
