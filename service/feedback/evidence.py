"""The words that an opinion rests on: the smallest constituent that holds what weighs most, within one clause."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Token

from service.feedback.reading import ReadClause
from service.language.features import lemma_of, masked
from service.language.tokens import TokenLists

#: Weight of a signal for the finding that is explained.
Weigh = Callable[[str], float]
Words = tuple[int, int]

_WORD = re.compile(r"\S+")
#: Fewer words say too little by themselves; more are no evidence but the answer again.
LEAST_WORDS, MOST_WORDS = 3, 25
#: A word counts towards the evidence where it weighs more than this share of the heaviest one.
_LEAST_SHARE = 0.3
#: What another finding of the same sort rests on weighs so much less.
_TAKEN = 0.3
#: No run of words ends in these, nor before what they take.
_OPEN_ENDED = frozenset({"ADP", "AUX", "PART", "DET", "SCONJ", "CCONJ"})
_COMPLEMENTS = frozenset({"dobj", "pobj", "attr", "acomp", "xcomp", "ccomp", "oprd", "prt", "dative"})
#: A subject of so many words is taken along.
_SUBJECT_WORDS = 2


def evidence(
    clause: ReadClause, text: str, weigh: Weigh, cues: Iterable[tuple[str, int, int]], taken: Sequence[Words]
) -> Words:
    """Return the words of ``clause`` that give most, in code points of the given ``text``.

    ``cues`` are the named phrases found in the text; ``taken`` are words that other findings rest on already.
    Where the words of the clause can't be told apart one by one, they are returned as a whole.
    """
    start, end = clause.clause.start, clause.clause.end
    given = [(start + word.start(), start + word.end()) for word in _WORD.finditer(text[start:end])]
    tokens = [list(tokens) for tokens in _by_word(clause)]
    if len(given) != len(tokens) or len(given) <= LEAST_WORDS:
        return _without_marks(text, start, end)
    weights = _weights(clause, tokens, weigh)
    for name, first, last in cues:
        inside = [k for k, word in enumerate(given) if word[0] < last and first < word[1]]
        for k in inside:
            weights[k] += (weigh(f"cue={name}") + weigh(f"cue={name}@{clause.agent}")) / len(inside)
    for k, word in enumerate(given):
        if any(word[0] < last and first < word[1] for first, last in taken):
            weights[k] *= _TAKEN
    core = _heaviest(weights)
    first, last = _smallest_around(core, tokens)
    return _without_marks(text, given[first][0], given[last - 1][1])


def _by_word(clause: ReadClause) -> Iterator[Iterator[Token]]:
    """Yield the tokens of each word of the clause: runs without a blank between them."""
    edges = [0, *itertools.accumulate(bool(token.whitespace_) for token in clause.span)]
    for _, pairs in itertools.groupby(zip(edges, clause.span, strict=False), key=lambda pair: pair[0]):
        tokens = [token for _, token in pairs if not token.is_space]
        if tokens:
            yield iter(tokens)


def _weights(clause: ReadClause, words: Sequence[Sequence[Token]], weigh: Weigh) -> NDArray[np.float64]:
    letter = clause.label.value[0]
    number = {token.i: k for k, tokens in enumerate(words) for token in tokens}
    weights = [0.0] * len(words)

    def weigh_both(name: str) -> float:
        return weigh(name) + weigh(f"{letter}|{name}")

    tokens = [(token, masked(token)) for tokens in words for token in tokens]
    for token, word in tokens:
        weights[number[token.i]] += weigh_both("w=" + word)
        lemma = lemma_of(token)
        if lemma != word:
            weights[number[token.i]] += weigh_both("l=" + lemma)
        if token.like_num:
            weights[number[token.i]] += weigh_both("number")
    for (one, word), (other, next_word) in itertools.pairwise(tokens):
        half = 0.5 * weigh_both(f"b={word} {next_word}")
        weights[number[one.i]] += half
        weights[number[other.i]] += half
    if clause.verb is not None and clause.verb.i in number:
        weights[number[clause.verb.i]] += weigh_both(f"root={clause.verb.lemma_.lower()}")
    return np.array(weights)


def _heaviest(weights: NDArray[np.float64]) -> tuple[int, int]:
    """Return the run of words that weighs most when each has to outweigh a share of the heaviest."""
    least = max(_LEAST_SHARE * float(weights.max()), 1e-9)
    best, best_run, total, begin = -np.inf, (0, 1), 0.0, 0
    for k, weight in enumerate((weights - least).tolist()):
        if total <= 0:
            total, begin = 0.0, k
        total += weight
        if total > best:
            best, best_run = total, (begin, k + 1)
    return best_run


def _smallest_around(core: tuple[int, int], words: Sequence[Sequence[Token]]) -> tuple[int, int]:
    """Return the smallest constituent of the clause that holds the words ``core``, of a sensible size.

    A statement, from its subject on, may be longer by the subject than what is said of it.
    """
    number = {token.i: k for k, tokens in enumerate(words) for token in tokens}
    lists = TokenLists.of(words[0][0].doc)
    high = words[-1][-1].i
    #: What a run is shorter by when it is chosen.
    runs = {(0, len(words)): 0}
    for token in itertools.chain.from_iterable(words):
        at, left = number[token.i], number.get(token.left_edge.i, 0)
        right = number.get(token.right_edge.i, len(words) - 1) + 1
        for run in ((left, right), (left, at + 1), (at, right)):
            runs.setdefault(run, 0)
        subject = _subject(lists, token.i)
        if subject is not None and subject < token.i:
            opens = token.doc[subject].left_edge.i
            if opens in number:
                for end in (at + 1, right):
                    runs[number[opens], end] = _SUBJECT_WORDS
    fitting = [
        run
        for run in runs
        if run[0] <= core[0] and core[1] <= run[1] and LEAST_WORDS <= run[1] - run[0] <= MOST_WORDS
    ]
    fitting = [run for run in fitting if _is_complete(lists, words[run[1] - 1][-1].i, high)] or fitting
    if fitting:
        return min(fitting, key=lambda run: (run[1] - run[0] - runs[run], run))
    first = max(0, min(core[0], len(words) - LEAST_WORDS))
    return first, min(len(words), max(first + LEAST_WORDS, min(core[1], first + MOST_WORDS)))


def _is_complete(lists: TokenLists, last: int, high: int) -> bool:
    """Say whether nothing that ``last`` calls for is cut off behind it, up to the token ``high`` of the clause."""
    if lists.pos[last] in _OPEN_ENDED and last < high:
        return False
    return all(child > high or lists.dep[child] not in _COMPLEMENTS for child in lists.rights[last])


def _subject(lists: TokenLists, token: int) -> int | None:
    """Return the subject of ``token``, or of the verb that it completes."""
    for verb in (token, lists.head[token]):
        for child in lists.lefts[verb]:
            if lists.dep[child] in ("nsubj", "nsubjpass", "expl"):
                return child
    return None


def _without_marks(text: str, start: int, end: int) -> Words:
    """Return a range without the marks at its edges, or as it is where it holds nothing else."""
    first, last = start, end
    while first < last and not (text[first].isalnum() or text[first] in "$£€₹¥#"):
        first += 1
    while last > first and not (text[last - 1].isalnum() or text[last - 1] in "%$£€₹¥"):
        last -= 1
    return (first, last) if first < last else (start, end)
