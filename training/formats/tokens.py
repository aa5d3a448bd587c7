"""Answers in spaCy's tokens, which Prodigy and ``DocBin`` count in."""

from __future__ import annotations

import functools

import spacy
from spacy.language import Language as Nlp
from spacy.tokens import Doc, Span

from training.formats.records import CannotWrite, Task


@functools.cache
def _tokenizer() -> Nlp:
    return spacy.blank("en")


def tokenized(text: str) -> Doc:
    """Return ``text`` cut into spaCy's tokens, and no more."""
    return _tokenizer().make_doc(text)


def token_spans(doc: Doc, task: Task) -> list[Span]:
    """Return the spans of a task as spans of tokens; raises ``CannotWrite`` where one cuts a token."""
    spans = []
    for gold in task.answer.spans:
        span = doc.char_span(gold.start, gold.end, label=gold.name)
        if span is None:
            where = f"span {gold.start}-{gold.end} of {task.answer.id}"
            raise CannotWrite(f"{where} cuts a token; move it to the word's edge ('check' names all)")
        spans.append(span)
    return spans
