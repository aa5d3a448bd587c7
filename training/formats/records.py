"""What readers hand over and writers take: labelled answers as other tools have them, before they are checked.

A reader only says what a file says. Whether its spans fit the words is judged in one place for all formats,
``training.formats.alignment``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from service.errors import StarFeedbackError
from training.corpus import LabelledAnswer


class UnreadableData(StarFeedbackError):
    """A file that is not of the format it was said to be; says where and what to do."""


class CannotWrite(StarFeedbackError):
    """A labelled answer that the format has no way to write; names the answer and says what to do."""


@dataclass(frozen=True, slots=True)
class ForeignSpan:
    """A span as a file gives it: offsets in the file's unit, the label as it is written there.

    ``quoted`` are the words that the file itself says stand there; ``line`` is its own line, where it has one.
    """

    start: int
    end: int
    label: str
    quoted: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One labelling of one answer, as read; ``line`` counts from 1 (in a DocBin: documents).

    ``answer`` has everything but the spans. ``is_final`` marks the labelling that the tool's reviewers chose,
    ``at`` the moment of a correction. ``notes`` say what else stood there that is no label. ``source`` is what
    was read, for the file of the rejected.
    """

    line: int
    answer: LabelledAnswer
    spans: tuple[ForeignSpan, ...]
    source: object
    annotator: str | None = None
    is_final: bool = False
    at: datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """What can't become a labelled answer, with every reason."""

    line: int
    id: str
    reasons: tuple[str, ...]
    source: object


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is no labelled answer by the labeller's own will, such as a skipped task."""

    line: int
    id: str
    reason: str


Entry = Item | Refused | LeftOut


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says about a file.

    ``labels`` maps the file's names of labels to ours; ``fills`` labels words without a label OTHER;
    ``annotator`` is the one whose labels count; ``spans_key`` names the spans of a DocBin and ``text_key`` the
    text of a Label Studio task.
    """

    spans_key: str = "sc"
    text_key: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    fills: bool = False
    annotator: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """An answer to write. ``suggested_by`` names the model where the spans are guesses to be looked at.

    ``confidences`` has one number (0 to 1) for each of its spans then.
    """

    answer: LabelledAnswer
    suggested_by: str | None = None
    confidences: tuple[float, ...] = ()


Reader = Callable[[Path, Options], Iterator[Entry]]
Writer = Callable[[Path, Sequence[Task], Options], None]


@dataclass(frozen=True, slots=True)
class Format:
    """One file format. ``write`` is ``None`` where there is nothing to export to.

    ``counts_utf16`` says that the tool's offsets may be those of JavaScript; ``takes_suggestions`` that it can
    show guesses for a person to confirm.
    """

    name: str
    read: Reader
    write: Writer | None = None
    counts_utf16: bool = False
    takes_suggestions: bool = False
