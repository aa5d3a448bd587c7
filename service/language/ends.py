"""Where sentences end in text without punctuation, such as what a speech recogniser gives.

The parser takes a hundred words without a stop for one sentence and loses its way; told where sentences end, it
reads them almost as well as punctuated ones. A linear classifier over the words and tags around each gap between
words finds the ends; it is trained on the corpus with its own stops taken away.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc

from service.language.heads import LinearHead, RowIndex, by_row, hashes_of, softmax

#: The classes of the head, in order.
INSIDE, END = ENDS = ("inside", "end")
#: A run of more words without a stop is taken for unpunctuated.
LONGEST_SENTENCE = 40
#: From this probability on a sentence ends. A cut too many costs little, because the labeller joins clauses.
LEAST = 0.2
_STOPS = frozenset(".?!;:")
_QUOTES = frozenset("\"')]”’")
_KEPT = frozenset("'%$£€")
#: What is seen of a gap: the name of the feature, the sort of its content, and where in the window around the gap that
#: stands. The window is six words, of which the third and the fourth are beside the gap.
_SEEN = (
    ("z", "word", 0), ("a", "word", 1), ("b", "word", 2), ("c", "word", 3), ("d", "word", 4), ("e", "word", 5),
    ("zab", "words3", 0), ("ab", "words2", 1), ("bc", "words2", 2), ("cd", "words2", 3), ("cde", "words3", 3),
    ("bd", "around", 2), ("sb", "suffix3", 2), ("sc", "suffix3", 3), ("sbc", "suffix2+1", 2),
    ("sbcd", "suffix2+2", 2), ("t0", "tag", 0), ("t1", "tag", 1), ("t2", "tag", 2), ("t3", "tag", 3),
    ("t4", "tag", 4), ("t5", "tag", 5), ("t12", "tags2", 1), ("t23", "tags2", 2), ("t34", "tags2", 3),
    ("t123", "tags3", 1), ("t234", "tags3", 2), ("t345", "tags3", 3), ("t2345", "tags4", 2),
    ("bt", "word+tag", 2), ("ct", "tag+word", 2), ("cet", "word+tag", 3),
)  # fmt: skip


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
    index: RowIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the vocabulary by the name and the content of its features."""
        parts = (name.partition("=") for name in by_row(self.head.vocabulary))
        hashes = [_salt(name) ^ hash(content) for name, _, content in parts]
        object.__setattr__(self, "index", RowIndex(np.array(hashes, dtype=np.int64)))

    def mark(self, doc: Doc) -> None:
        """Set ``is_sent_start`` behind every end that is found in the unpunctuated runs of ``doc``."""
        for words in unpunctuated(doc):
            found = softmax(self.scores(words))[:, ENDS.index(END)]
            for word, probability in zip(words[1:], found.tolist(), strict=True):
                if probability >= LEAST:
                    doc[word.token].is_sent_start = True

    def scores(self, words: Sequence[Word]) -> NDArray[np.float64]:
        """Return the scores of the gap behind every word but the last, shape ``(gaps, 2)``.

        They are the sums of the weights of :func:`gap_features`; but what several features are made of is put
        together and hashed once.
        """
        gaps = len(words) - 1
        hashes = {sort: hashes_of(contents) for sort, contents in _contents(words).items()}
        wanted = [hashes[sort][place : place + gaps] ^ _salt(name) for name, sort, place in _SEEN]
        rows = self.index.find(np.stack(wanted, axis=1))
        weights = self.head.weights[rows].astype(np.float64)
        weights[rows < 0] = 0
        return np.asarray(weights.sum(axis=1) + self.head.intercept)


@lru_cache(maxsize=2 * len(_SEEN))
def _salt(name: str) -> int:
    # With "=", which no content has: else "a=b" and "b=a" would have one hash.
    return hash(f"{name}=")


def unpunctuated(doc: Doc) -> Iterator[list[Word]]:
    """Yield the runs of words of ``doc`` that are too long to be one sentence, or are all there is."""
    texts = [token.text for token in doc]
    stops = [place for place, text in enumerate(texts) if text[-1] in _STOPS]
    gaps = itertools.pairwise([-1, *stops, len(texts)])
    if stops and all(after - before <= LONGEST_SENTENCE for before, after in gaps):
        return  # a word is at least one token, so no run is too long
    opens = (doc.to_array(["SENT_START"]) == 1).tolist()
    run: list[Word] = []
    has_stop = False
    for first, after in _spaced(doc):
        if run and opens[first]:  # a line began here
            has_stop = True
            if len(run) > LONGEST_SENTENCE:
                yield run
            run = []
        word = texts[first] if after == first + 1 else "".join(texts[first:after])
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
    ends = np.flatnonzero(doc.to_array(["SPACY"])) + 1
    yield from itertools.pairwise(dict.fromkeys([0, *ends.tolist(), len(doc)]))


def bare_word(word: str) -> str:
    """Return ``word`` in lower case and without its punctuation."""
    if word.isascii() and word.isalnum():  # most words, in a fraction of the time
        return word.lower()
    return "".join(c for c in word.lower().replace("’", "'") if c.isalnum() or c in _KEPT)


def ends_sentence(word: str) -> bool:
    """Say whether a stop ends ``word``, perhaps inside closing quotes or brackets."""
    while word and word[-1] in _QUOTES:
        word = word[:-1]
    return word[-1:] in _STOPS and word != ""


def gap_features(words: Sequence[Word]) -> Iterator[list[str]]:
    """Yield the features of the gap behind every word but the last."""
    contents = _contents(words)
    for gap in range(len(words) - 1):
        yield [f"{name}={contents[sort][gap + place]}" for name, sort, place in _SEEN]


def _contents(words: Sequence[Word]) -> dict[str, list[str]]:
    """Return the contents of each sort by their place; two places before the words and three behind are empty."""
    texts = ["<num>" if word.text[0].isdigit() else word.text for word in words]
    texts = ["^", "^", *texts, "^", "^", "^"]
    tags = ["^", "^", *(word.tag for word in words), "^", "^", "^"]
    suffixes = [text[-2:] for text in texts]
    pairs = [f"{a} {b}" for a, b in itertools.pairwise(texts)]
    tag_pairs = [f"{s}_{t}" for s, t in itertools.pairwise(tags)]
    return {
        "word": texts,
        "words2": pairs,
        "words3": [f"{pair} {c}" for pair, c in zip(pairs, texts[2:], strict=False)],
        "around": [f"{a}|{c}" for a, c in zip(texts, texts[2:], strict=False)],
        "suffix3": [text[-3:] for text in texts],
        "suffix2+1": [f"{a}|{b}" for a, b in zip(suffixes, texts[1:], strict=False)],
        "suffix2+2": [f"{a}|{b}|{c}" for a, b, c in zip(suffixes, texts[1:], texts[2:], strict=False)],
        "tag": tags,
        "tags2": tag_pairs,
        "tags3": [f"{s}_{t}" for s, t in zip(tag_pairs, tags[2:], strict=False)],
        "tags4": [f"{s}_{t}" for s, t in zip(tag_pairs, tag_pairs[2:], strict=False)],
        "word+tag": [f"{text}|{tag}" for text, tag in zip(texts, tags[1:], strict=False)],
        "tag+word": [f"{text}|{tag}" for text, tag in zip(texts[1:], tags, strict=False)],
    }
