"""The clause segmenter: a spaCy component that cuts a ``Doc`` into clauses.

A clause is the smallest run of words that can play one part in the story: it has a verb of its own, or
is all there is between two stops. The cuts lie where the parser sees a coordinate, adverbial, relative
or juxtaposed clause with a verb of its own; restrictive relatives, complements and purposes stay with
their verb (rulings 3, 9 and 16 of the labelling guide). Cutting too often is harmless, because the labeller
joins neighbours of one label; a missed cut is not.
"""

from __future__ import annotations

import itertools

from spacy.language import Language
from spacy.tokens import Doc, Span

from service.language.tokens import TokenLists

#: Where the clauses stand: ``doc.spans[SPANS_KEY]``.
SPANS_KEY = "clauses"

_VERBAL = frozenset({"VERB", "AUX"})
_FINITE = frozenset({"VBD", "VBP", "VBZ", "MD"})
_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "csubjpass", "expl"})
#: What a clause hangs by, if it is cut from its surroundings.
_CUT = frozenset({"conj", "advcl", "relcl", "ccomp", "parataxis", "csubj", "dep", "appos"})
_RELATIVES = frozenset({"which", "who", "where", "whereby"})
#: Behind its verb, what these open only says how long the verb lasted.
_BOUND = frozenset({"until", "till", "til"})
#: Words that open a clause though the parser hangs them on the clause before.
_OPENERS = frozenset(
    {"and", "but", "or", "so", "then", "because", "cause", "cos", "when", "while", "until", "although",
     "though", "which", "since", "after", "before", "if", "as", "once", "plus", "anyway", "however"}
)  # fmt: skip
_FILLERS = frozenset({"um", "uh", "er", "erm", "like", "well", "basically", "actually", "yeah", "right"})


@Language.factory(
    "star_clauses",
    assigns=["doc.spans"],
    requires=["token.dep", "token.head", "token.tag", "token.pos"],
)
def make_star_clauses(nlp: Language, name: str) -> ClauseSegmenter:
    """Make the component that spaCy's config knows as ``star_clauses``."""
    return ClauseSegmenter()


class ClauseSegmenter:
    """Write ``doc.spans["clauses"]``: ordered, disjoint spans that together cover every token."""

    def __call__(self, doc: Doc) -> Doc:
        """Cut ``doc`` and return it."""
        edges = [*sorted(self._starts(doc)), len(doc)]
        doc.spans[SPANS_KEY] = [Span(doc, start, end) for start, end in itertools.pairwise(edges)]
        return doc

    def _starts(self, doc: Doc) -> set[int]:
        starts: set[int] = set()
        lists = TokenLists.of(doc)
        for sentence in doc.sents:
            cuts: set[int] = set()
            for token in range(sentence.start, sentence.end):
                if lists.pos[token] in _VERBAL or _has_subject(lists, token):
                    cuts.update(_cuts(doc, lists, token))
            inner = {_to_opener(doc, lists, cut, sentence.start) for cut in cuts if cut > sentence.start}
            starts |= _without_scraps(lists, sorted({sentence.start, *inner}), sentence.end)
        return starts


def _has_subject(lists: TokenLists, token: int) -> bool:
    return any(lists.dep[child] in _SUBJECTS for child in lists.lefts[token])


def _is_finite(lists: TokenLists, token: int) -> bool:
    return lists.tag[token] in _FINITE or any(
        lists.tag[child] in _FINITE for child in lists.lefts[token] if lists.dep[child] in ("aux", "auxpass")
    )


def _cuts(doc: Doc, lists: TokenLists, token: int) -> list[int]:
    """Return the token indices at which the clause of this verb is cut from its surroundings."""
    dep, head = lists.dep[token], lists.head[token]
    if dep not in _CUT:
        return []
    left, right = doc[token].left_edge.i, doc[token].right_edge.i + 1
    is_finite, has_subject = _is_finite(lists, token), _has_subject(lists, token)
    if dep == "conj":
        verbal_head = lists.pos[head] in _VERBAL or _has_subject(lists, head)
        return [left] if verbal_head and (is_finite or has_subject) else []
    if dep == "advcl":
        opened = any(lists.dep[child] == "mark" or lists.tag[child] == "WRB" for child in lists.lefts[token])
        if not (is_finite or (opened and has_subject)):
            return []
        if left > head:  # "I stood there until it came" is one clause
            return [] if lists.lower[left] in _BOUND else [left]
        return [left, right]
    if dep == "relcl":
        return [left] if lists.lower[left] in _RELATIVES and is_finite and head < left else []
    if token < head and is_finite and left < doc[head].left_edge.i + 1:
        return [left, right]
    juxtaposed = dep != "ccomp" and is_finite and has_subject
    return [left] if juxtaposed else []


def _to_opener(doc: Doc, lists: TokenLists, cut: int, floor: int) -> int:
    """Move a cut to the left over the connective that opens the clause, and over fillers behind it."""
    position = cut
    lower = lists.lower
    while position > floor:
        if lower[position - 1] in _OPENERS or lists.dep[position - 1] == "cc":
            position -= 1
        elif lower[position - 1] in _FILLERS and position - 1 > floor and lower[position - 2] in _OPENERS:
            position -= 2
        else:
            break
    while position < len(doc) - 1 and (doc[position].is_punct or doc[position].is_space):
        if doc[position].is_quote or doc[position].is_left_punct:
            break
        position += 1
    return position


def _without_scraps(lists: TokenLists, cuts: list[int], end: int) -> set[int]:
    """Drop cuts that would leave a piece without a verb: it belongs to the clause that follows it."""
    kept: list[int] = [cuts[0]]
    for cut in cuts[1:]:
        if not _VERBAL.isdisjoint(lists.pos[kept[-1] : cut]):
            kept.append(cut)
    if len(kept) > 1 and _VERBAL.isdisjoint(lists.pos[kept[-1] : end]):
        kept.pop()
    return set(kept)
