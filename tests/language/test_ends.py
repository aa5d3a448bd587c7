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


def test_a_gap_is_scored_by_its_features() -> None:
    words = [Word(text, tag, 0) for text, tag in zip(
        ["we", "rang", "40", "people", "then", "we", "rang"], ["PRP", "VBD", "CD", "NNS", "RB", "PRP", "VBD"],
        strict=True,
    )]  # fmt: skip
    gaps = list(gap_features(words))
    names = sorted({name for gap in gaps for name in gap})[::2]
    table = np.random.default_rng(5).normal(size=(len(names), 2)).astype(np.float32)
    intercept = np.array([0.5, -0.5], dtype=np.float32)
    rows = {name: row for row, name in enumerate(names)}
    expected = [
        sum(table[rows[name]].astype(float) for name in gap if name in rows) + intercept for gap in gaps
    ]
    found = SentenceEnds(LinearHead(ENDS, rows, table, intercept)).scores(words)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_name_and_its_content_turned_round_are_two_features() -> None:
    words = [Word("a", "NN", 0), Word("b", "NN", 1)]
    table = np.array([[0, 1], [0, 10]], dtype=np.float32)
    ends = SentenceEnds(LinearHead(ENDS, {"a=b": 0, "b=a": 1}, table, np.zeros(2, dtype=np.float32)))
    assert ends.scores(words).tolist() == [[0, 10]]
