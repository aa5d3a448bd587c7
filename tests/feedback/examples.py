"""The examples of the catalogue, turned into readings that a rule can judge.

An example is an answer with inline marks; ``[[ ]]`` holds the exact words of the finding. A question may stand
before it, cut off by ``||``; ``{80 words}`` stands for so many words.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from spacy.tokens import Doc, Span

from service.feedback.reading import ReadClause, Reading
from service.labels import AnswerKind, Label, QuestionType
from service.language.clauses import SPANS_KEY
from service.language.features import clause_features, content_lemmas
from service.language.nlp import Language
from service.language.text import AnalysisText, prepare
from service.records import Answer, Clause, LabelledSpan
from training.corpus import GoldSpan
from training.marks import parse_marks

CONFIDENCE = 0.9
_FILLING = "the shop was full and everybody was waiting for the doors to open again".split()
#: Stand for ``[[`` and ``]]`` while the marks are read.
_OPEN, _CLOSE = "\ue000", "\ue001"


@dataclass(frozen=True)
class Example:
    """A labelled answer, and where the words of its finding stand, where it says so."""

    answer: Answer
    spans: tuple[GoldSpan, ...]
    words: tuple[int, int] | None


def parse_example(example: str) -> Example:
    """Return what an example of the catalogue says."""
    question, separator, marked = example.rpartition("||")
    marked = re.sub(r"\{(\d+) words\}", lambda match: _words(int(match.group(1))), marked.strip())
    text, spans = parse_marks(marked.replace("[[", _OPEN).replace("]]", _CLOSE))
    offsets = list(itertools.accumulate((character not in (_OPEN, _CLOSE) for character in text), initial=0))
    return Example(
        Answer(
            text.replace(_OPEN, "").replace(_CLOSE, ""),
            question=question.strip() if separator else None,
        ),
        tuple(GoldSpan(offsets[span.start], offsets[span.end], span.label) for span in spans),
        (offsets[text.index(_OPEN)], offsets[text.index(_CLOSE)]) if _OPEN in text else None,
    )


def _words(count: int) -> str:
    words = " ".join(itertools.islice(itertools.cycle(_FILLING), count))
    return words[0].upper() + words[1:] + "."


@contextmanager
def reading_of(example: Example, question_type: QuestionType, language: Language) -> Iterator[Reading]:
    """Yield the reading of an example as if the labeller had said what its marks say."""
    question = frozenset[str]()
    if example.answer.question:
        with language.reading(prepare(example.answer.question)) as doc:
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
            spans=tuple(LabelledSpan(span.start, span.end, span.label, CONFIDENCE) for span in example.spans),
        )


def _pieces(doc: Doc, text: AnalysisText, spans: tuple[GoldSpan, ...]) -> Iterator[tuple[Span, Label]]:
    """Yield the clauses of ``doc``, cut further where the marks cut them."""
    ends = [span.end for span in spans]

    def label_at(place: int) -> Label:
        start, _ = text.to_given(place, place + 1)
        return next(
            (span.label for span, end in zip(spans, ends, strict=True) if start < end), spans[-1].label
        )

    for clause in doc.spans[SPANS_KEY]:
        for label, tokens in itertools.groupby(clause, key=lambda token: label_at(token.idx)):
            places = [token.i for token in tokens]
            yield Span(doc, places[0], places[-1] + 1), label
