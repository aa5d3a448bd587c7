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
from spacy.tokens import Doc, Span, Token

#: Where the clauses stand: ``doc.spans[SPANS_KEY]``.
SPANS_KEY = "clauses"

_VERBAL = frozenset({"VERB", "AUX"})
_FINITE = frozenset({"VBD", "VBP", "VBZ", "MD"})
_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj", "csubjpass", "expl"})
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
        for sentence in doc.sents:
            cuts: set[int] = set()
            for token in sentence:
                if token.pos_ in _VERBAL or _has_subject(token):
                    cuts.update(_cuts(token))
            inner = {_to_opener(doc, cut, sentence.start) for cut in cuts if cut > sentence.start}
            starts |= _without_scraps(doc, sorted({sentence.start, *inner}), sentence.end)
        return starts


def _has_subject(token: Token) -> bool:
    return any(child.dep_ in _SUBJECTS for child in token.lefts)


def _is_finite(token: Token) -> bool:
    return token.tag_ in _FINITE or any(
        child.tag_ in _FINITE for child in token.lefts if child.dep_ in ("aux", "auxpass")
    )


def _cuts(token: Token) -> list[int]:
    """Return the token indices at which the clause of this verb is cut from its surroundings."""
    left, right = token.left_edge.i, token.right_edge.i + 1
    if token.dep_ == "conj":
        verbal_head = token.head.pos_ in _VERBAL or _has_subject(token.head)
        return [left] if verbal_head and (_is_finite(token) or _has_subject(token)) else []
    if token.dep_ == "advcl":
        opened = any(child.dep_ == "mark" or child.tag_ == "WRB" for child in token.lefts)
        if not (_is_finite(token) or (opened and _has_subject(token))):
            return []
        if left > token.head.i:  # "I stood there until it came" is one clause
            return [] if token.left_edge.lower_ in _BOUND else [left]
        return [left, right]
    if token.dep_ == "relcl":
        opens_loose = token.left_edge.lower_ in _RELATIVES and _is_finite(token)
        return [left] if opens_loose and token.head.i < left else []
    if token.dep_ in ("ccomp", "parataxis", "csubj", "dep", "appos"):
        if token.i < token.head.i and _is_finite(token) and token.left_edge.i < token.head.left_edge.i + 1:
            return [left, right]
        juxtaposed = token.dep_ != "ccomp" and _is_finite(token) and _has_subject(token)
        return [left] if juxtaposed else []
    return []


def _to_opener(doc: Doc, cut: int, floor: int) -> int:
    """Move a cut to the left over the connective that opens the clause, and over fillers behind it."""
    position = cut
    while position > floor:
        word = doc[position - 1]
        if word.lower_ in _OPENERS or word.dep_ == "cc":
            position -= 1
        elif word.lower_ in _FILLERS and position - 1 > floor and doc[position - 2].lower_ in _OPENERS:
            position -= 2
        else:
            break
    while position < len(doc) - 1 and (doc[position].is_punct or doc[position].is_space):
        if doc[position].is_quote or doc[position].is_left_punct:
            break
        position += 1
    return position


def _without_scraps(doc: Doc, cuts: list[int], end: int) -> set[int]:
    """Drop cuts that would leave a piece without a verb: it belongs to the clause that follows it."""
    kept: list[int] = [cuts[0]]
    for cut in cuts[1:]:
        if any(token.pos_ in _VERBAL for token in doc[kept[-1] : cut]):
            kept.append(cut)
    if len(kept) > 1 and not any(token.pos_ in _VERBAL for token in doc[kept[-1] : end]):
        kept.pop()
    return set(kept)
