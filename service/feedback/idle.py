"""Words of an answer that tell nothing of its story: lists of nouns, and talk behind the end that nothing ties to it.

They are left out of what is analysed, as repeated words are, so that key words and padding earn no point and move
no label. The conditions are narrow, because an honest word that is left out is lost to its writer: a list has no
article and no verb that governs anything, and idle talk is in the present tense, speaks of nobody who was in the
story, and takes up none of its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from spacy.tokens import Doc, Span, Token

from service.language.text import AnalysisText
from service.language.tokens import TokenLists

#: So many words of a list are no part of a sentence.
_LEAST_LISTED = 9
#: Without a mark or capital so many words at the beginning of a list may belong to what is before it.
_MAY_BELONG = 2
#: Idle talk has so many words or more.
_LEAST_TALK = 12
#: So many verbs in the past make a story.
_LEAST_PAST = 2
_WORD = re.compile(r"\S+")
_CONTENT = frozenset({"NOUN", "PROPN", "VERB", "ADJ"})
#: What a list of nouns may have between two of them.
_LINKS = frozenset({"of", "to", "and", "in", "for"})
_NOT_LISTED = frozenset({"PRON", "DET", "AUX", "ADP", "SCONJ", "INTJ", "NUM"})
_GOVERNED = frozenset({"nsubj", "nsubjpass", "dobj", "ccomp", "prep", "advmod", "npadvmod"})
#: What a participle may have in a list: "results driven", "decision making".
_OF_PARTICIPLE = frozenset({"nsubj", "npadvmod"})
_NOT_OF_PARTICIPLE = _GOVERNED - _OF_PARTICIPLE
_FIRST_PERSON = frozenset({"i", "we", "me", "us", "our", "ours", "mine", "myself", "ourselves"})
#: Words that take up what stood before, if nothing does in their own sentence.
_ANAPHORS = frozenset({"it", "she", "her", "they", "them", "their", "its", "he", "his", "him"})
#: Words that tie a sentence in the present tense to what was told: "the list still hangs there".
_TIES = frozenset(
    "now still since today anymore longer nowadays afterwards result so then again "
    "also too same after because such both here yet already always never ever everybody everyone nobody nothing all "
    "you your yourself if should must less fewer better worse faster cheaper earlier down up".split()
)
_POINTERS = frozenset({"this", "that", "these", "those"})
#: Words that sentences about anything share.
_COMMON = frozenset(
    "be have do go take say get make come see know think want use need keep give look year month week day hour minute "
    "time morning evening night half people thing way lot good new small big old much many other first last "
    "place town city village street road".split()
)


def idle_words(
    doc: Doc, text: AnalysisText, given: str, question: frozenset[str]
) -> tuple[tuple[int, int], ...]:
    """Return where words stand in ``given`` that tell nothing of the story, in order.

    ``doc`` is the parsed ``text`` of ``given``; ``question`` holds the question's content lemmas.
    """
    found: set[tuple[int, int]] = set()
    for run in [*_lists(doc), *_talk(doc, question)]:
        start, end = text.to_given(run[0].idx, run[-1].idx + len(run[-1]))
        found |= {match.span() for match in _WORD.finditer(given, start, end)}
    return tuple(sorted(found))


def _lists(doc: Doc) -> Iterator[Sequence[Token]]:
    """Yield the runs of nouns that no verb and no article makes a sentence of."""
    lists = TokenLists.of(doc)
    first, is_listed = 0, [_is_listed(doc, lists, token) for token in range(len(doc))]
    for number, listed in enumerate([*is_listed, False]):
        if listed:
            continue
        if first < number < len(doc) and (doc[number].is_punct or _is_link(lists, number)):
            continue
        # Nearly all runs are too short, and are not looked at.
        if sum(is_listed[first:number]) >= _LEAST_LISTED:
            run = doc[first:number]
            rest = run[next((k for k, token in enumerate(run) if _begins(token)), _MAY_BELONG) :]
            if sum(is_listed[rest.start : rest.end]) >= _LEAST_LISTED:
                yield [*rest]
        first = number + 1


def _is_link(lists: TokenLists, token: int) -> bool:
    return lists.lower[token] in _LINKS and lists.lower[token - 1] not in _LINKS


def _is_listed(doc: Doc, lists: TokenLists, token: int) -> bool:
    if lists.pos[token] in _NOT_LISTED or lists.lower[token] in _LINKS or not doc[token].is_alpha:
        return False
    governed = _NOT_OF_PARTICIPLE if lists.tag[token] in ("VBN", "VBG") else _GOVERNED
    return lists.pos[token] != "VERB" or governed.isdisjoint(
        lists.dep[child] for child in lists.children(token)
    )


def _begins(token: Token) -> bool:
    """Say whether a list may begin with ``token``: behind a mark, or with a capital in a text without marks."""
    return token.is_alpha and (
        token.i == 0 or token.nbor(-1).is_punct or bool(token.is_sent_start) or token.text[0].isupper()
    )


def _talk(doc: Doc, question: frozenset[str]) -> Iterator[Sequence[Token]]:
    """Yield the last sentences, if nothing ties them to what was told before."""
    if TokenLists.of(doc).tag.count("VBD") < _LEAST_PAST:
        return  # no story that talk could stand behind
    sentences = list(doc.sents)
    first = len(sentences)
    while first > 0 and _is_loose(sentences[first - 1]):
        first -= 1
    # What is tied to the story ties those before it: the talk begins behind the last sentence that is.
    for number in range(first, len(sentences)):
        told = question.union(*(_content(sentence) for sentence in sentences[:first]))
        if _content(sentences[number]) & told:
            first = number + 1
    words = [token for sentence in sentences[first:] for token in sentence]
    if first and sum(token.is_alpha for token in words) >= _LEAST_TALK:
        yield words


def _content(sentence: Span) -> set[str]:
    return {token.lemma_.lower() for token in sentence if token.pos_ in _CONTENT} - _COMMON


def _is_loose(sentence: Span) -> bool:
    """Say whether a sentence could stand anywhere: in the present, of nobody in the story, pointing to nothing."""
    lowers = {token.lower_ for token in sentence}
    if '"' in lowers or not lowers.isdisjoint(_TIES | _FIRST_PERSON):
        return False
    if any(
        token.is_digit or (token.lower_ in _POINTERS and token.pos_ in ("PRON", "DET")) for token in sentence
    ):
        return False
    finite = [token for token in sentence if token.tag_ in ("VBD", "VBP", "VBZ", "MD")]
    main = [token for token in finite if token.dep_ in ("ROOT", "conj", "aux", "ccomp", "parataxis")]
    if not main or any(token.tag_ == "VBD" for token in main if token.lower_ != "used"):
        return False
    if any(
        token.tag_ == "VBN" and any(child.lemma_ == "have" for child in token.lefts) for token in sentence
    ):
        return False  # what has come about
    return not any(token.lower_ in _ANAPHORS and not _has_antecedent(token, sentence) for token in sentence)


def _has_antecedent(pronoun: Token, sentence: Span) -> bool:
    return any(token.pos_ in ("NOUN", "PROPN") for token in sentence if token.i < pronoun.i)
