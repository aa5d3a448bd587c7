"""The examples of the catalogue: turned into readings that a rule can judge, and run.

An example is an answer with inline marks; ``[[ ]]`` holds the exact words of the finding. A question may stand
before it, cut off by ``||``; ``{80 words}`` stands for so many words.

Rules that ask a trained opinion, and criteria, can't be judged on marks: their examples are plain answers, and go the
way of any answer through the reviewer with its model. The finding rests on words within ``[[ ]]``, where they are.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from spacy.tokens import Doc, Span

from service.feedback.catalogue import Catalogue
from service.feedback.marks import split_marks
from service.feedback.reading import Limits, ReadClause, Reading
from service.feedback.rules import KINDS, Hit, Rule
from service.labels import AnswerKind, Label, QuestionType, Severity
from service.language.clauses import SPANS_KEY
from service.language.features import clause_features, content_lemmas
from service.language.nlp import Language
from service.language.text import AnalysisText, prepare
from service.records import Answer, Clause, Finding, LabelledSpan, Report

#: Rules of this kind ask a trained opinion; their examples are run through the model.
TRAINED = "model"
CONFIDENCE = 0.9
_FILLING = "the shop was full and everybody was waiting for the doors to open again".split()
#: Stand for ``[[`` and ``]]`` while the marks are read.
_OPEN, _CLOSE = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled answer, and where the words of its finding stand, where it says so."""

    answer: Answer
    spans: tuple[LabelledSpan, ...]
    words: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What became of one example: ``fault`` says what was wrong, ``None`` that nothing was.

    ``number`` counts from 1 among the examples of its ``side``. With ``is_silent`` the model never raises the
    finding, because it is not sure enough of it; an example that should fire is then not held against it.
    """

    rule_id: str
    side: Literal["fire", "pass"]
    number: int
    fault: str | None
    is_silent: bool = False


def run_examples(catalogue: Catalogue, language: Language) -> Iterator[ExampleResult]:
    """Run the examples of the rules that are switched on, on marked labels; not those that ask the model."""
    for rule in catalogue.active():
        if rule.kind == TRAINED:
            continue
        for number, example in enumerate(rule.fire, start=1):
            fault = _fault(rule, example, catalogue, language, fires=True)
            yield ExampleResult(rule.id, "fire", number, fault)
        for number, example in enumerate(rule.passing, start=1):
            fault = _fault(rule, example, catalogue, language, fires=False)
            yield ExampleResult(rule.id, "pass", number, fault)


def run_model_examples(
    catalogue: Catalogue, review: Callable[[Answer], Report], limits: Mapping[str, Limits]
) -> Iterator[ExampleResult]:
    """Run the examples of the rules that ask the model, and of the criteria, through ``review``.

    ``limits`` are the model's; ``review`` knows the same catalogue. A criterion's id ends in ``:met`` or ``:missing``.
    """
    nowhere = Limits(None, None)
    for rule in catalogue.active():
        if rule.kind == TRAINED:
            is_silent = limits.get(rule.id, nowhere).above is None
            for number, example in enumerate(rule.fire, start=1):
                fault = _fault_of_answer(rule, example, review, fires=True, is_silent=is_silent)
                yield ExampleResult(rule.id, "fire", number, fault, is_silent)
            for number, example in enumerate(rule.passing, start=1):
                fault = _fault_of_answer(rule, example, review, fires=False, is_silent=is_silent)
                yield ExampleResult(rule.id, "pass", number, fault, is_silent)
    yield from _run_criteria(catalogue, review, limits)


def _run_criteria(
    catalogue: Catalogue, review: Callable[[Answer], Report], limits: Mapping[str, Limits]
) -> Iterator[ExampleResult]:
    reports = [
        (example, review(Answer(example.answer, question=example.question, question_type=example.type)))
        for example in catalogue.criteria_examples
    ]
    for criterion in catalogue.criteria:
        limit = limits.get(criterion.id, Limits(None, None))
        for state, severity, threshold in (
            ("met", Severity.STRENGTH, limit.above),
            ("missing", Severity.ADVICE, limit.below),
        ):
            numbers = {"fire": itertools.count(1), "pass": itertools.count(1)}
            for example, report in reports:
                named = criterion.name in (example.met if state == "met" else example.missing)
                other = criterion.name in (example.missing if state == "met" else example.met)
                if example.type is not criterion.type or not (named or other):
                    continue
                side: Literal["fire", "pass"] = "fire" if named else "pass"
                raised = any(
                    finding.id == criterion.id and finding.severity is severity for finding in report.findings
                )
                fault = _fault_of_report(report, raised, fires=named, is_silent=threshold is None)
                yield ExampleResult(
                    f"{criterion.id}:{state}", side, next(numbers[side]), fault, threshold is None
                )


def _fault_of_answer(
    rule: Rule, marked: str, review: Callable[[Answer], Report], *, fires: bool, is_silent: bool
) -> str | None:
    try:
        answer, words = parse_answer(marked)
    except ValueError as error:
        return f"it can't be read: {error}"
    report = review(replace(answer, question_type=_type_of(rule)))
    found = next((finding for finding in report.findings if finding.id == rule.id), None)
    fault = _fault_of_report(report, found is not None, fires=fires, is_silent=is_silent)
    if fault is None and fires and found is not None and words is not None and not _touches(found, words):
        return "it fires on other words than the marked ones"
    return fault


def _fault_of_report(report: Report, raised: bool, *, fires: bool, is_silent: bool) -> str | None:
    if report.abstention is not None:
        return "the answer is not judged"
    if raised and not fires:
        return "it fires, and should not"
    return "it does not fire" if fires and not raised and not is_silent else None


def _touches(finding: Finding, words: tuple[int, int]) -> bool:
    return (
        finding.start is not None
        and finding.end is not None
        and finding.start < words[1]
        and words[0] < finding.end
    )


def _type_of(rule: Rule) -> QuestionType:
    """Return the type of question that a rule's examples answer."""
    return QuestionType.BEHAVIOURAL if QuestionType.BEHAVIOURAL in rule.types else min(rule.types)


def _fault(rule: Rule, marked: str, catalogue: Catalogue, language: Language, *, fires: bool) -> str | None:
    try:
        example = parse_example(marked)
    except ValueError as error:
        return f"it can't be read: {error}"
    found = hits(rule, example, catalogue, language)
    if not fires:
        return "it fires, and should not" if found else None
    if len(found) != 1:
        return "it does not fire" if not found else f"it fires {len(found)} times"
    where = None if found[0].start is None else (found[0].start, found[0].end)
    if where == example.words:
        return None
    if example.words is None:
        return "it fires on words that the example does not mark with [[ ]]"
    return "it fires without words" if where is None else "it fires on other words than the marked ones"


def hits(rule: Rule, example: Example, catalogue: Catalogue, language: Language) -> list[Hit]:
    """Return where ``rule``, which is switched on, fires in ``example``."""
    with reading_of(example, _type_of(rule), language) as reading:
        return list(KINDS[rule.kind or ""](reading, rule, catalogue.lexicons))


def parse_example(example: str) -> Example:
    """Return what an example of the catalogue says; raises ``ValueError`` where its marks are broken."""
    question, marked = _asked(example)
    marked = re.sub(r"\{(\d+) words\}", lambda match: _words(int(match.group(1))), marked)
    text, spans = split_marks(marked.replace("[[", _OPEN).replace("]]", _CLOSE))
    plain, offsets, words = _unmarked(text)
    return Example(
        Answer(plain, question=question),
        tuple(LabelledSpan(offsets[start], offsets[end], label, CONFIDENCE) for start, end, label in spans),
        words,
    )


def parse_answer(example: str) -> tuple[Answer, tuple[int, int] | None]:
    """Return the answer of an example without labels, and where the words of its finding stand, where it says so.

    Raises ``ValueError`` where [[ and ]] are not once each.
    """
    question, marked = _asked(example)
    plain, _, words = _unmarked(marked.replace("[[", _OPEN).replace("]]", _CLOSE))
    return Answer(plain, question=question), words


def _asked(example: str) -> tuple[str | None, str]:
    question, separator, marked = example.rpartition("||")
    return question.strip() if separator else None, marked.strip()


def _unmarked(text: str) -> tuple[str, list[int], tuple[int, int] | None]:
    """Return ``text`` without the marks of words, where each offset of it is there, and the words between them."""
    counts = (text.count(_OPEN), text.count(_CLOSE))
    if counts not in ((0, 0), (1, 1)) or text.find(_CLOSE) < text.find(_OPEN):
        raise ValueError("[[ and ]] must stand once each, in this order")
    offsets = list(itertools.accumulate((character not in (_OPEN, _CLOSE) for character in text), initial=0))
    words = (offsets[text.index(_OPEN)], offsets[text.index(_CLOSE)]) if _OPEN in text else None
    return text.replace(_OPEN, "").replace(_CLOSE, ""), offsets, words


def _words(count: int) -> str:
    words = " ".join(itertools.islice(itertools.cycle(_FILLING), count))
    return words[:1].upper() + words[1:] + "."


@contextmanager
def reading_of(example: Example, question_type: QuestionType, language: Language) -> Iterator[Reading]:
    """Yield the reading of an example as if the labeller had said what its marks say."""
    question = frozenset[str]()
    if example.answer.question:
        with language.reading(prepare(example.answer.question), parsed=False) as doc:
            question = content_lemmas(doc)
    text = prepare(example.answer.text)
    with language.reading(text) as doc:
        pieces = list(_pieces(doc, text, example.spans))
        features = clause_features(doc, [piece for piece, _ in pieces], question=question)
        tells = any(span.label is not Label.OTHER for span in example.spans)
        yield Reading(
            answer=example.answer,
            question_type=question_type,
            answer_kind=AnswerKind.STORY if tells else AnswerKind.OPINION,
            kind_confidence=CONFIDENCE,
            doc=doc,
            clauses=tuple(
                ReadClause(
                    Clause(
                        *text.to_given(piece.start_char, piece.end_char), len(piece.text.split()), 0, names
                    ),
                    label,
                    CONFIDENCE,
                    piece,
                )
                for (piece, label), names in zip(pieces, features, strict=True)
            ),
            spans=example.spans,
            source=text,
        )


def _pieces(doc: Doc, text: AnalysisText, spans: tuple[LabelledSpan, ...]) -> Iterator[tuple[Span, Label]]:
    """Yield the clauses of ``doc``, cut further where the marks cut them."""

    def label_at(place: int) -> Label:
        start, _ = text.to_given(place, place + 1)
        return next((span.label for span in spans if start < span.end), spans[-1].label)

    for clause in doc.spans[SPANS_KEY]:
        for label, tokens in itertools.groupby(clause, key=lambda token: label_at(token.idx)):
            places = [token.i for token in tokens]
            yield Span(doc, places[0], places[-1] + 1), label
