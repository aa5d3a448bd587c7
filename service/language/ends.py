"""Where sentences end in text without punctuation, such as what a speech recogniser gives.

The parser takes a hundred words without a stop for one sentence and loses its way; told where sentences end, it
reads them almost as well as punctuated ones. A linear classifier over the words and tags around each gap between
words finds the ends; it is trained on the corpus with its own stops taken away.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from spacy.tokens import Doc

from service.language.heads import LinearHead, softmax, summed_rows

#: The classes of the head, in order.
INSIDE, END = ENDS = ("inside", "end")
#: A run of more words without a stop is taken for unpunctuated.
LONGEST_SENTENCE = 40
#: From this probability on a sentence ends. A cut too many costs little, because the labeller joins clauses.
LEAST = 0.2
_STOPS = frozenset(".?!;:")
_QUOTES = frozenset("\"')]”’")
_KEPT = frozenset("'%$£€")


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the classifier sees it: lower-cased without punctuation, and the tag of its first token."""

    text: str
    tag: str
    token: int


@dataclass(frozen=True, slots=True)
class SentenceEnds:
    """Marks sentence starts in a tagged ``Doc``, before the parser reads it."""

    head: LinearHead

    def mark(self, doc: Doc) -> None:
        """Set ``is_sent_start`` behind every end that is found in the unpunctuated runs of ``doc``."""
        for words in unpunctuated(doc):
            rows = [
                np.array(
                    [row for name in features if (row := self.head.vocabulary.get(name)) is not None],
                    dtype=np.intp,
                )
                for features in gap_features(words)
            ]
            scores = summed_rows(self.head.weights, rows) + self.head.intercept
            for word, probability in zip(words[1:], softmax(scores)[:, ENDS.index(END)], strict=True):
                if probability >= LEAST:
                    doc[word.token].is_sent_start = True


def unpunctuated(doc: Doc) -> Iterator[list[Word]]:
    """Yield the runs of words of ``doc`` that are too long to be one sentence, or are all there is."""
    texts = [token.text for token in doc]
    stops = [place for place, text in enumerate(texts) if text[-1] in _STOPS]
    gaps = itertools.pairwise([-1, *stops, len(texts)])
    if stops and all(after - before <= LONGEST_SENTENCE for before, after in gaps):
        return  # a word is at least one token, so no run is too long
    run: list[Word] = []
    has_stop = False
    for first, after in _spaced(doc):
        if run and doc[first].is_sent_start:  # a line began here
            has_stop = True
            if len(run) > LONGEST_SENTENCE:
                yield run
            run = []
        word = "".join(texts[first:after])
        if core := bare_word(word):
            run.append(Word(core, doc[first].tag_, first))
        if ends_sentence(word):
            has_stop = True
            if len(run) > LONGEST_SENTENCE:
                yield run
            run = []
    if len(run) > LONGEST_SENTENCE or (len(run) > 1 and not has_stop):
        yield run


def _spaced(doc: Doc) -> Iterator[tuple[int, int]]:
    """Yield where each run of non-space characters begins and ends, in tokens."""
    first = 0
    for after, token in enumerate(doc, start=1):
        if token.whitespace_ or after == len(doc):
            yield first, after
            first = after


def bare_word(word: str) -> str:
    """Return ``word`` in lower case and without its punctuation."""
    return "".join(c for c in word.lower().replace("’", "'") if c.isalnum() or c in _KEPT)


def ends_sentence(word: str) -> bool:
    """Say whether a stop ends ``word``, perhaps inside closing quotes or brackets."""
    while word and word[-1] in _QUOTES:
        word = word[:-1]
    return word[-1:] in _STOPS and word != ""


def gap_features(words: Sequence[Word]) -> Iterator[list[str]]:
    """Yield the features of the gap behind every word but the last."""
    texts = ["<num>" if word.text[0].isdigit() else word.text for word in words]
    texts = ["^", "^", *texts, "^", "^", "^"]
    tags = ["^", "^", *(word.tag for word in words), "^", "^", "^"]
    for number in range(len(words) - 1):
        a, b, c, d, e, f = texts[number : number + 6]
        t = tags[number : number + 6]
        yield [
            f"z={a}", f"a={b}", f"b={c}", f"c={d}", f"d={e}", f"e={f}",
            f"zab={a} {b} {c}", f"ab={b} {c}", f"bc={c} {d}", f"cd={d} {e}", f"cde={d} {e} {f}", f"bd={c}|{e}",
            f"sb={c[-3:]}", f"sc={d[-3:]}", f"sbc={c[-2:]}|{d}", f"sbcd={c[-2:]}|{d}|{e}",
            *(f"t{place}={tag}" for place, tag in enumerate(t)),
            f"t12={t[1]}_{t[2]}", f"t23={t[2]}_{t[3]}", f"t34={t[3]}_{t[4]}", f"t123={t[1]}_{t[2]}_{t[3]}",
            f"t234={t[2]}_{t[3]}_{t[4]}", f"t345={t[3]}_{t[4]}_{t[5]}", f"t2345={'_'.join(t[2:])}",
            f"bt={c}|{t[3]}", f"ct={d}|{t[2]}", f"cet={d}|{t[4]}",
        ]  # fmt: skip
