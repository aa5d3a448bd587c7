"""Corrections: a coach says what the feedback should have been, and it becomes a labelled answer.

The file has one JSON object a line, in the form that ``python -m training import --format corrections`` reads. It
holds answers, so that nothing is written unless the operator names a file, and nothing ever reads it out again.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import re
import stat
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.errors import InvalidRequest, Problem, StarFeedbackError
from service.feedback.catalogue import Catalogue, known_findings
from service.labels import Label, QuestionType, Severity
from service.schemas import CorrectionRequest, offset_unit, to_json

_WORD = re.compile(r"\S+")


class NotKept(StarFeedbackError):
    """The file of corrections cannot be written; the message holds no path and nothing of a correction."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A labelled answer, and who said so when. ``spans`` are in code points, in order, of different neighbours.

    Its id is equal for all corrections of the same answer to the same question, so that the newest can count.
    """

    asked: CorrectionRequest
    spans: tuple[tuple[int, int, Label], ...]
    at: datetime

    @property
    def id(self) -> str:
        """Tell which answer it is on, and nothing of what that says."""
        question = self.asked.question or ""
        content = f"{len(question)} {question}{self.asked.answer}".encode()
        return f"correction-{hashlib.sha256(content).hexdigest()[:16]}"

    @property
    def moment(self) -> str:
        """When, after ISO 8601, in UTC."""
        return self.at.astimezone(UTC).isoformat(timespec="seconds")

    def line(self) -> bytes:
        """Return the line of the file, with its end."""
        model = {} if self.asked.model is None else {"model": self.asked.model}
        row = {
            "id": self.id,
            "question": self.asked.question,
            "text": self.asked.answer,
            "spans": [{"start": start, "end": end, "label": label.value} for start, end, label in self.spans],
            "question_type": self.asked.question_type,
            "answer_kind": None,
            "findings": self.asked.findings,
            "components": None,
            "score": None,
            "meta": {"corrected_by": self.asked.corrected_by, "corrected_at": self.moment, **model},
        }
        return to_json(row) + b"\n"


@dataclass(frozen=True, slots=True)
class Choice:
    """A finding that may be added, where the question is of one of ``types``."""

    id: str
    types: frozenset[QuestionType]
    severity: Severity
    text: str


def corrected(asked: CorrectionRequest, catalogue: Catalogue, *, at: datetime) -> Correction:
    """Return the correction that ``asked`` makes.

    Raises ``InvalidRequest`` (422) with every problem: spans that are not on whole words, overlap or leave a word out,
    findings that the catalogue does not have or that come twice.
    """
    known = known_findings(catalogue)
    problems = []
    for number, finding in enumerate(asked.findings):
        if finding not in known:
            message = "it is not in the catalogue; the id of a criterion ends in ':met' or ':missing'"
            problems.append(Problem(f"/findings/{number}", "unknown_finding", message))
        elif finding in asked.findings[:number]:
            problems.append(Problem(f"/findings/{number}", "finding_twice", "each finding is named once"))
    words = [match.span() for match in _WORD.finditer(asked.answer)]
    labels = _labels(asked, words, problems)
    if problems:
        raise InvalidRequest(422, "the correction does not fit its answer", tuple(problems))
    return Correction(asked, _runs(words, labels), at)


def choices(catalogue: Catalogue) -> tuple[Choice, ...]:
    """Return every finding that a correction may name, with its words for people."""
    found = [
        Choice(rule.id, rule.types, rule.severity, _without_places(rule.message)) for rule in catalogue.rules
    ]
    for criterion in catalogue.criteria:
        types = frozenset({criterion.type})
        found.append(Choice(f"{criterion.id}:met", types, Severity.STRENGTH, criterion.met))
        found.append(Choice(f"{criterion.id}:missing", types, Severity.ADVICE, criterion.missing))
    return tuple(found)


def keep(path: Path, line: bytes) -> None:
    """Append ``line`` to the file, readable by its owner only, and return when it is on the disk.

    Processes take turns. What a crash left half written is ended, and spoils no other line. Raises ``NotKept``, and
    then nothing was added.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            _append(descriptor, line)
        finally:
            os.close(descriptor)
        _sync_folder(path.parent)
    except OSError as error:
        raise NotKept(
            f"corrections can't be kept just now: {error.strerror or 'the file is no good'}"
        ) from None


def _append(descriptor: int, line: bytes) -> None:
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid():
        raise OSError(0, "the file is another's, or no file")
    os.fchmod(descriptor, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    size = os.fstat(descriptor).st_size
    is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    left = memoryview(b"\n" * is_torn + line)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _sync_folder(folder: Path) -> None:
    """Bring the name of a new file to the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _labels(
    asked: CorrectionRequest, words: Sequence[tuple[int, int]], problems: list[Problem]
) -> list[Label | None]:
    """Return the label of each word; add to ``problems`` what is wrong with the spans."""
    unit = offset_unit(asked.answer, asked.offset_encoding)
    first_at = {unit(start): index for index, (start, _) in enumerate(words)}
    last_at = {unit(end): index for index, (_, end) in enumerate(words)}
    labels: list[Label | None] = [None] * len(words)
    found = len(problems)
    for number, span in enumerate(asked.spans):
        first, last = first_at.get(span.start), last_at.get(span.end)
        if first is None:
            message = "a span starts where a word does"
            problems.append(Problem(f"/spans/{number}/start", "not_on_word", message))
        if last is None:
            message = "a span ends where a word does"
            problems.append(Problem(f"/spans/{number}/end", "not_on_word", message))
        if first is None or last is None:
            continue
        if last < first:
            problems.append(Problem(f"/spans/{number}", "empty_span", "a span ends behind its start"))
        elif any(labels[first : last + 1]):
            problems.append(Problem(f"/spans/{number}", "overlap", "each word is in one span"))
        else:
            labels[first : last + 1] = [Label(span.label)] * (last + 1 - first)
    if not words:
        problems.append(Problem("/answer", "no_words", "the answer has no words"))
    elif len(problems) == found and None in labels:
        message = f"{labels.count(None)} words are in no span; each word is in one"
        problems.append(Problem("/spans", "uncovered_words", message))
    return labels


def _runs(
    words: Sequence[tuple[int, int]], labels: Sequence[Label | None]
) -> tuple[tuple[int, int, Label], ...]:
    """Return one span for each run of words of one label."""
    spans = []
    for label, run in itertools.groupby(zip(words, labels, strict=True), key=lambda word: word[1]):
        members = [word for word, _ in run]
        if label is not None:
            spans.append((members[0][0], members[-1][1], label))
    return tuple(spans)


def _without_places(text: str) -> str:
    """Return a message of the catalogue without an answer to fill its places from."""
    parts = string.Formatter().parse(text)
    return "".join(literal + ("" if name is None else "…") for literal, name, _, _ in parts)
