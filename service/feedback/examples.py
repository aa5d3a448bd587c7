"""The examples of the catalogue: turned into readings that a rule can judge, and run.

An example is an answer with inline marks; ``[[ ]]`` holds the exact words of the finding. A question may stand
before it, cut off by ``||``; ``{80 words}`` stands for so many words.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from spacy.tokens import Doc, Span

from service.feedback.catalogue import Catalogue
from service.feedback.marks import split_marks
from service.feedback.reading import ReadClause, Reading
from service.feedback.rules import KINDS, Hit, Rule
from service.labels import AnswerKind, Label, QuestionType
from service.language.clauses import SPANS_KEY
from service.language.features import clause_features, content_lemmas
from service.language.nlp import Language
from service.language.text import AnalysisText, prepare
from service.records import Answer, Clause, LabelledSpan

#: Rules of this kind ask a trained opinion, which figures show right or wrong and no example can.
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

    ``number`` counts from 1 among the examples of its ``side``.
    """

    rule_id: str
    side: Literal["fire", "pass"]
    number: int
    fault: str | None


def run_examples(catalogue: Catalogue, language: Language) -> Iterator[ExampleResult]:
    """Run every example of the rules that are switched on; those of trained opinions can't be run."""
    for rule in catalogue.active():
        if rule.kind == TRAINED:
            continue
        for number, example in enumerate(rule.fire, start=1):
            fault = _fault(rule, example, catalogue, language, fires=True)
            yield ExampleResult(rule.id, "fire", number, fault)
        for number, example in enumerate(rule.passing, start=1):
            fault = _fault(rule, example, catalogue, language, fires=False)
            yield ExampleResult(rule.id, "pass", number, fault)


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
    is_behavioural = QuestionType.BEHAVIOURAL in rule.types
    question_type = QuestionType.BEHAVIOURAL if is_behavioural else min(rule.types)
    with reading_of(example, question_type, language) as reading:
        return list(KINDS[rule.kind or ""](reading, rule, catalogue.lexicons))


def parse_example(example: str) -> Example:
    """Return what an example of the catalogue says; raises ``ValueError`` where its marks are broken."""
    question, separator, marked = example.rpartition("||")
    marked = re.sub(r"\{(\d+) words\}", lambda match: _words(int(match.group(1))), marked.strip())
    text, spans = split_marks(marked.replace("[[", _OPEN).replace("]]", _CLOSE))
    if (text.count(_OPEN), text.count(_CLOSE)) not in ((0, 0), (1, 1)) or text.find(_CLOSE) < text.find(
        _OPEN
    ):
        raise ValueError("[[ and ]] must stand once each, in this order")
    offsets = list(itertools.accumulate((character not in (_OPEN, _CLOSE) for character in text), initial=0))
    return Example(
        Answer(
            text.replace(_OPEN, "").replace(_CLOSE, ""),
            question=question.strip() if separator else None,
        ),
        tuple(LabelledSpan(offsets[start], offsets[end], label, CONFIDENCE) for start, end, label in spans),
        (offsets[text.index(_OPEN)], offsets[text.index(_CLOSE)]) if _OPEN in text else None,
    )


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
