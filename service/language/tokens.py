"""What is asked of every token of a ``Doc``, as lists.

Asking spaCy's tokens makes an object and a string at every step; the lists are made in one pass over all tokens, and
cost less than asking for two attributes of each.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from spacy.tokens import Doc

#: ``doc.user_data`` key of the lists.
_KEY = "token_lists"
_STRINGS = ("LOWER", "LEMMA", "POS", "TAG", "DEP")
_NUMBERS = ("HEAD", "SENT_START", "IS_SPACE", "LIKE_NUM")


@dataclass(frozen=True, slots=True)
class TokenLists:
    """Attributes by token index: strings, lemmas in lower case; ``head`` and children as token indices.

    ``sentence`` numbers the sentences from 0.
    """

    lower: list[str]
    lemma: list[str]
    pos: list[str]
    tag: list[str]
    dep: list[str]
    head: list[int]
    sentence: list[int]
    is_space: list[bool]
    like_num: list[bool]
    lefts: list[list[int]]
    rights: list[list[int]]

    def children(self, token: int) -> list[int]:
        """Return the dependents of ``token`` in order."""
        return self.lefts[token] + self.rights[token]

    @classmethod
    def of(cls, doc: Doc) -> TokenLists:
        """Return the lists of a parsed ``doc``, made once; they live and die with it."""
        lists = doc.user_data.get(_KEY)
        if not isinstance(lists, cls):
            lists = doc.user_data[_KEY] = cls._made(doc)
        return lists

    @classmethod
    def _made(cls, doc: Doc) -> TokenLists:
        columns = doc.to_array([*_STRINGS, *_NUMBERS]).T
        lower, lemma, pos, tag, dep = (_strings(doc, column) for column in columns[: len(_STRINGS)])
        offsets, starts, spaces, numbers = columns[len(_STRINGS) :].astype(np.int64)
        head = (np.arange(len(doc)) + offsets).tolist()
        lefts: list[list[int]] = [[] for _ in head]
        rights: list[list[int]] = [[] for _ in head]
        for token, governor in enumerate(head):
            if token < governor:
                lefts[governor].append(token)
            elif token > governor:
                rights[governor].append(token)
        return cls(
            lower=lower,
            lemma=[word.lower() for word in lemma],
            pos=pos,
            tag=tag,
            dep=dep,
            head=head,
            # The first token opens the first sentence, whether it is marked or not.
            sentence=list(itertools.accumulate((starts[1:] == 1).tolist(), initial=0))[: len(doc)],
            is_space=(spaces != 0).tolist(),
            like_num=(numbers != 0).tolist(),
            lefts=lefts,
            rights=rights,
        )


def _strings(doc: Doc, hashes: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> list[str]:
    listed = hashes.tolist()
    # Every word once: half of them are said more than once, and spaCy decodes a string whenever it is asked.
    strings = {number: doc.vocab.strings[number] for number in set(listed)}
    return [strings[number] for number in listed]
