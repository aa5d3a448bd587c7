"""From labelled answers to labelled clauses, through the very code that the service runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from service.labels import Label
from service.language.clauses import SPANS_KEY
from service.language.features import clause_features, content_lemmas
from service.language.nlp import Language
from service.language.text import prepare
from service.records import Clause
from training.corpus import GoldSpan, LabelledAnswer, word_labels

#: A longer labelled answer than the service takes is of no use, in tokens.
_MOST_TOKENS = 20_000


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """An answer with its clauses: features, offsets, words, and the gold label of most of their words."""

    answer: LabelledAnswer
    features: tuple[tuple[str, ...], ...]
    offsets: tuple[tuple[int, int], ...]
    words: tuple[int, ...]
    gold: tuple[Label, ...]


def prepared(answers: Iterable[LabelledAnswer], language: Language) -> Iterator[PreparedAnswer]:
    """Yield each answer with its clauses."""
    for answer in answers:
        question = frozenset[str]()
        if answer.question:
            with language.reading(prepare(answer.question), most_tokens=_MOST_TOKENS, parsed=False) as doc:
                question = content_lemmas(doc)
        text = prepare(answer.text)
        with language.reading(text, most_tokens=_MOST_TOKENS) as doc:
            spans = doc.spans[SPANS_KEY]
            features = clause_features(doc, spans, question=question)
            offsets = [text.to_given(span.start_char, span.end_char) for span in spans]
        words, gold = _gold(answer, offsets)
        yield PreparedAnswer(answer, tuple(features), tuple(offsets), words, gold)


def clauses_of(prepared: PreparedAnswer) -> tuple[Clause, ...]:
    """Return the clause records of a prepared answer."""
    return tuple(
        Clause(start, end, words, 0, features)
        for (start, end), words, features in zip(
            prepared.offsets, prepared.words, prepared.features, strict=True
        )
    )


def _gold(
    answer: LabelledAnswer, offsets: list[tuple[int, int]]
) -> tuple[tuple[int, ...], tuple[Label, ...]]:
    counts: list[Counter[Label]] = [Counter() for _ in offsets]
    clause = 0
    for start, _, label in word_labels(answer.text, answer.spans):
        while clause + 1 < len(offsets) and offsets[clause + 1][0] <= start:
            clause += 1
        counts[clause][label or Label.OTHER] += 1
    words = tuple(count.total() for count in counts)
    return words, tuple(count.most_common(1)[0][0] if count else Label.OTHER for count in counts)


def without_punctuation(answer: LabelledAnswer) -> LabelledAnswer:
    """Return ``answer`` as a speech recogniser would give it: lower-cased, all punctuation gone."""
    characters: list[str] = []
    position_of: list[int] = []
    for character in answer.text:
        position_of.append(len(characters))
        if character.isalnum() or character in "'’%$£€":
            characters.append(character.lower()[:1])
        elif characters and characters[-1] != " " and (character.isspace() or character in "-—–/"):
            characters.append(" ")
    position_of.append(len(characters))
    text = "".join(characters)
    spans = []
    for span in answer.spans:
        start, end = position_of[span.start], position_of[span.end]
        while start < end and text[start] == " ":
            start += 1
        while end > start and text[end - 1] == " ":
            end -= 1
        if start < end:
            spans.append(GoldSpan(start, end, span.label, span.or_label))
    return replace(answer, text=text.rstrip(), spans=tuple(spans))
