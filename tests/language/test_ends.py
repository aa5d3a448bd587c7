"""Sentence ends in text without punctuation."""

from __future__ import annotations

import numpy as np
import pytest

from service.language.ends import (
    ENDS,
    SentenceEnds,
    Word,
    bare_word,
    ends_sentence,
    gap_features,
    unpunctuated,
)
from service.language.heads import LinearHead
from service.language.nlp import Language
from service.language.text import prepare

LONG = "we had a lot to do that week and nobody knew where the keys were "


def head(**weights: float) -> LinearHead:
    names = list(weights)
    table = np.array([[0.0, weights[name]] for name in names], dtype=np.float32)
    vocabulary = {name.replace("__", "="): row for row, name in enumerate(names)}
    return LinearHead(ENDS, vocabulary, table, np.array([0.0, -5.0], dtype=np.float32))


def sentences(language: Language, text: str) -> list[str]:
    with language.reading(prepare(text)) as doc:
        return [sent.text for sent in doc.sents]


def test_an_end_opens_a_sentence_that_the_parser_keeps_to(language: Language) -> None:
    ends = SentenceEnds(head(c__then=10.0))
    marking = Language(language.nlp, ends)
    text = LONG * 3 + "then i rang the owner then we went home"
    starts = [sentence.split()[0] for sentence in sentences(marking, text)]
    assert starts.count("then") == 2


def test_punctuated_text_is_left_to_the_parser(language: Language) -> None:
    marking = Language(language.nlp, SentenceEnds(head(c__then=10.0)))
    text = "We waited, then we rang. She came, then we left."
    assert sentences(marking, text) == sentences(language, text)


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("We rang. She came.", []),
        ("we rang she came", [4]),
        (LONG * 4, [60]),
        ("Yes. " + LONG * 4, [60]),
        (LONG * 2 + ". " + LONG * 2, []),
        ("word", []),
        ("we rang\nshe came", []),
    ],
)
def test_only_long_runs_or_whole_texts_without_a_stop_are_unpunctuated(
    language: Language, text: str, runs: list[int]
) -> None:
    with language.reading(prepare(text), parsed=False) as doc:
        for token in doc:
            if text[: token.idx].endswith("\n"):
                token.is_sent_start = True
        assert [len(run) for run in unpunctuated(doc)] == runs


def test_a_word_is_seen_without_its_punctuation() -> None:
    assert bare_word("“Don’t,") == "don't"
    assert bare_word("--") == ""


@pytest.mark.parametrize(
    ("word", "ends"),
    [("done.", True), ('done."', True), ("done?)", True), ("done,", False), ("'", False), ("3.5", False)],
)
def test_a_stop_ends_a_sentence_inside_quotes_too(word: str, ends: bool) -> None:
    assert ends_sentence(word) is ends


def test_every_gap_but_the_last_has_features() -> None:
    words = [Word("i", "PRP", 0), Word("rang", "VBD", 1), Word("40", "CD", 2)]
    gaps = list(gap_features(words))
    assert len(gaps) == 2
    assert "bc=i rang" in gaps[0]
    assert "c=<num>" in gaps[1]
    assert "d=^" in gaps[1]
