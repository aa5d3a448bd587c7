"""Training of the sentence ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.language.ends import ENDS, SentenceEnds
from service.language.nlp import Language
from service.language.text import prepare
from training.ends import fit_sentence_ends
from training.prepare import without_punctuation

from .tiny import answers as tiny_answers


def test_ends_that_were_taken_away_are_found_again(language: Language) -> None:
    answers = tiny_answers()
    head = fit_sentence_ends(answers, language)
    assert head.classes == ENDS
    marking = Language(language.nlp, SentenceEnds(head))
    bare = without_punctuation(answers[0])
    with marking.reading(prepare(bare.text)) as doc:
        found = [sent.text for sent in doc.sents]
    assert found[0] == "last year our bakery was short of staff"
    assert found[1].startswith("i had to keep")


def test_without_any_punctuation_there_is_nothing_to_learn(language: Language) -> None:
    bare = [replace(answer, text=without_punctuation(answer).text) for answer in tiny_answers()]
    with pytest.raises(ValueError, match="sentence ends"):
        fit_sentence_ends(bare, language)
