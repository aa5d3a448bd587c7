"""From labelled answers to labelled clauses, through the very code that the service runs."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from service.labels import Label
from service.language.clauses import SPANS_KEY
from service.language.ends import ends_sentence
from service.language.features import clause_features, content_lemmas
from service.language.nlp import Language
from service.language.text import prepare
from service.records import Clause
from training.corpus import GoldSpan, LabelledAnswer, word_labels

#: A longer labelled answer than the service takes is of no use, in tokens.
_MOST_TOKENS = 20_000
#: What a shortened copy is made of: answers of so many clauses, of each span such a share of its sentences, in
#: all at most so much of the text.
_LEAST_CLAUSES = 6
_SHARES = (0.15, 0.5)
_MOST_KEPT = 0.8


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


def copies(items: Sequence[PreparedAnswer], language: Language) -> list[PreparedAnswer]:
    """Return what a labeller is trained on beside the answers: each without punctuation, shortened, and both."""
    short = [answer for item in items if (answer := shortened(item)) is not None]
    changed = itertools.chain(
        (without_punctuation(item.answer) for item in items), short, map(without_punctuation, short)
    )
    return list(prepared(changed, language))


def shortened(item: PreparedAnswer) -> LabelledAnswer | None:
    """Return the answer told in fewer sentences: of every span some that follow on one another.

    Most answers of the corpus are long, and most of those that tell no story are not; without such copies a
    labeller learns that a short answer is no story. ``None`` where there is too little to leave out. The same
    answer gives the same copy.
    """
    text = item.answer.text
    if len(item.gold) < _LEAST_CLAUSES:
        return None
    chance = random.Random(hashlib.sha256(item.answer.id.encode()).digest())  # noqa: S311  (no secret)
    share = chance.uniform(*_SHARES)
    pieces: list[str] = []
    spans: list[GoldSpan] = []
    position = kept = 0
    for label, run in itertools.groupby(range(len(item.gold)), key=lambda k: item.gold[k]):
        units = _units(item, list(run))
        count = max(1, round(share * len(units)))
        first = chance.randrange(len(units) - count + 1)
        start, end = units[first][0], units[first + count - 1][1]
        pieces.append(text[start:end])
        spans.append(GoldSpan(position, position + end - start, label))
        position += end - start + 1
        kept += end - start
    if kept > _MOST_KEPT * len(text):
        return None
    return replace(item.answer, text=" ".join(pieces), spans=tuple(spans))


def _units(item: PreparedAnswer, run: Sequence[int]) -> list[tuple[int, int]]:
    """Return what of a span is kept or left out as one: its sentences, or the clauses of a lone sentence."""
    text = item.answer.text
    units: list[list[int]] = [[]]
    for k in run:
        units[-1].append(k)
        if ends_sentence(text[item.offsets[k][0] : item.offsets[k][1]].rstrip()[-3:]):
            units.append([])
    units = [unit for unit in units if unit]
    if len(units) == 1:
        units = [[k] for k in run]
    return [(item.offsets[unit[0]][0], item.offsets[unit[-1]][1]) for unit in units]
