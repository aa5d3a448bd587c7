"""The lists say what spaCy's tokens say."""

from __future__ import annotations

from spacy.tokens import Doc

from service.language.nlp import Language
from service.language.text import prepare
from service.language.tokens import TokenLists
from training.splits import Split, read_split

from .documents import VOCAB


def test_the_lists_say_what_the_tokens_say(language: Language) -> None:
    for answer in read_split(Split.DEVELOPMENT)[::60]:
        with language.reading(prepare(answer.text)) as doc:
            lists = TokenLists.of(doc)
            sentences = {token.i: number for number, sent in enumerate(doc.sents) for token in sent}
            assert lists.sentence == list(sentences.values())
            for token in doc:
                said = (
                    lists.lower[token.i], lists.lemma[token.i], lists.pos[token.i], lists.tag[token.i],
                    lists.dep[token.i], lists.head[token.i], lists.is_space[token.i], lists.like_num[token.i],
                )  # fmt: skip
                assert said == (
                    token.lower_, token.lemma_.lower(), token.pos_, token.tag_,
                    token.dep_, token.head.i, token.is_space, token.like_num,
                )  # fmt: skip
                assert lists.lefts[token.i] == [child.i for child in token.lefts]
                assert lists.rights[token.i] == [child.i for child in token.rights]
                assert lists.children(token.i) == [child.i for child in token.children]


def test_they_are_made_once_for_a_document(language: Language) -> None:
    with language.reading(prepare("I rang the owner.")) as doc:
        assert TokenLists.of(doc) is TokenLists.of(doc)


def test_a_document_without_words_has_empty_lists() -> None:
    lists = TokenLists.of(Doc(VOCAB))
    assert lists.lower + lists.tag == []
    assert lists.head + lists.sentence == []
