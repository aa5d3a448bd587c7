"""Inline marks: labels written into the answer as it is written, ``[S] It was late, [A] so I …``.

A file holds many answers. Each opens with ``## id``, then header lines ``name: value``, a blank line,
and the marked answer up to the next ``## ``. A mark and the one space after it are not part of the
text; the white space before a mark belongs to neither span.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from service.feedback.marks import split_marks
from training.corpus import GoldSpan, LabelledAnswer

_ANSWER = re.compile(r"^## +(\S+)[ \t]*\n", re.MULTILINE)
_HEADER = re.compile(r"^([a-z_]+):[ \t]*(.*)$")
#: Header names that are fields of the record; any other known name goes into ``meta``.
_FIELDS = ("question", "type", "kind", "components", "score", "findings")
META = ("mode", "occupation", "country", "register", "scenario", "voice", "writer", "round")


class MarkError(ValueError):
    """A marked file that cannot be read; says the file, the line and what to do."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")
        self.line = line
        self.problem = problem


def parse_marks(marked: str) -> tuple[str, tuple[GoldSpan, ...]]:
    """Return the plain text and its spans; raises ``ValueError`` as ``split_marks`` does."""
    text, spans = split_marks(marked)
    return text, tuple(GoldSpan(*span) for span in spans)


def format_marks(text: str, spans: tuple[GoldSpan, ...]) -> str:
    """Return ``text`` with its spans as inline marks; the inverse of :func:`parse_marks`."""
    out, position = [], 0
    for span in spans:
        out += [text[position : span.start], f"[{span.label.value[0]}] ", text[span.start : span.end]]
        position = span.end
    return "".join(out) + text[position:]


def _components(value: str) -> dict[str, int | None]:
    rated = dict(re.findall(r"\b([STAR])([0-3])\b", value))
    if set(rated) != set("STAR"):
        raise ValueError("components must read like 'S2 T0 A3 R1'")
    return {name: int(rated[name]) for name in "STAR"}


def read_marked(path: Path) -> Iterator[tuple[int, LabelledAnswer | MarkError]]:
    """Yield ``(line number, answer or error)`` for every answer of a marked file."""
    content = path.read_text(encoding="utf-8")
    starts = list(_ANSWER.finditer(content))
    for index, match in enumerate(starts):
        line = content.count("\n", 0, match.start()) + 1
        end = starts[index + 1].start() if index + 1 < len(starts) else len(content)
        try:
            yield line, _read_one(match.group(1), content[match.end() : end], path.stem)
        except ValueError as error:
            yield line, MarkError(path, line, f"{match.group(1)}: {error}")


def _read_one(answer_id: str, block: str, batch: str) -> LabelledAnswer:
    header, separator, body = block.partition("\n\n")
    if not separator:
        raise ValueError("no blank line between the header and the answer")
    values: dict[str, str] = {}
    for line in header.splitlines():
        match = _HEADER.match(line)
        if match is None or match.group(1) not in (*_FIELDS, *META):
            raise ValueError(f"header line not understood: {line[:60]!r}")
        values[match.group(1)] = match.group(2).strip()
    text, spans = parse_marks(body.strip("\n"))
    components = values.get("components", "")
    return LabelledAnswer(
        id=answer_id,
        question=values.get("question") or None,
        text=text,
        spans=spans,
        question_type=values.get("type") or None,
        answer_kind=values.get("kind") if values.get("kind") not in (None, "", "none") else None,
        findings=tuple(
            sorted(part.strip() for part in values.get("findings", "").split(",") if part.strip())
        ),
        components=_components(components) if components not in ("", "none") else None,
        score=float(values["score"]) if values.get("score") else None,
        meta={"batch": batch, **{name: values[name] for name in META if values.get(name)}},
    )
