"""What the labeller sees of a clause, and what it must not see."""

from __future__ import annotations

import pytest
from spacy.tokens import Doc

from service.language.clauses import SPANS_KEY, ClauseSegmenter
from service.language.features import (
    clause_features,
    content_lemmas,
    main_verb,
    masked,
    person_of,
    subject_of,
    tense_of,
)
from service.language.nlp import Language
from service.language.text import prepare

from .documents import VOCAB, parsed


def verb_of(lines: str) -> tuple[str, str]:
    """Return tense and person of the first sentence of ``lines``."""
    doc = parsed(lines)
    verb = main_verb(next(iter(doc.sents)))
    assert verb is not None
    return tense_of(verb), person_of(subject_of(verb))


@pytest.mark.parametrize(
    ("lines", "tense", "person"),
    [
        ("I PRON PRP 1 nsubj\nrang VERB VBD 1 ROOT ring", "past", "i"),
        ("We PRON PRP 1 nsubj\nring VERB VBP 1 ROOT ring", "present", "we"),
        ("They PRON PRP 2 nsubj\nhad AUX VBD 2 aux have\nleft VERB VBN 2 ROOT leave", "pluperfect", "they"),
        ("I PRON PRP 2 nsubj\nhave AUX VBP 2 aux have\nleft VERB VBN 2 ROOT leave", "perfect", "i"),
        ("It PRON PRP 2 nsubj\nwas AUX VBD 2 aux be\nraining VERB VBG 2 ROOT rain", "past_continuous", "it"),
        ("I PRON PRP 2 nsubj\n'd AUX MD 2 aux would\nring VERB VB 2 ROOT ring", "modal:would", "i"),
        ("I PRON PRP 2 nsubjpass\nwas AUX VBD 2 auxpass be\nasked VERB VBN 2 ROOT ask", "past_passive", "i"),
        ("I PRON PRP 2 nsubj\ndid AUX VBD 2 aux do\nring VERB VB 2 ROOT ring", "past", "i"),
        ("my PRON PRP$ 1 poss\nboss NOUN NN 2 nsubj\nrang VERB VBD 2 ROOT ring", "past", "my_noun"),
        ("Sam PROPN NNP 1 nsubj\nrang VERB VBD 1 ROOT ring", "past", "name"),
        ("Ring VERB VB 0 ROOT ring\nthem PRON PRP 0 dobj", "bare", "none"),
    ],
)
def test_tense_and_person(lines: str, tense: str, person: str) -> None:
    assert verb_of(lines) == (tense, person)


def test_a_coordinated_verb_has_the_subject_of_the_first() -> None:
    doc = parsed(
        "I PRON PRP 1 nsubj\ncame VERB VBD 1 ROOT\nand CCONJ CC 1 cc\nsaw VERB VBD 1 conj\n. PUNCT . 1 punct"
    )
    assert person_of(subject_of(doc[3])) == "i"


def test_me_and_another_are_we() -> None:
    doc = parsed("Sam PROPN NNP 3 nsubj\nand CCONJ CC 0 cc\nI PRON PRP 0 conj\nrang VERB VBD 3 ROOT")
    assert person_of(subject_of(doc[3])) == "we"


def test_names_numbers_and_gender_are_masked() -> None:
    doc = parsed(
        "Priya PROPN NNP 1 nsubj\npaid VERB VBD 1 ROOT\nher PRON PRP 1 dobj\n4,000 NUM CD 4 nummod\n"
        "euros NOUN NNS 1 dobj\nin ADP IN 1 prep\nMay PROPN NNP 5 pobj"
    )
    assert [masked(token) for token in doc] == ["<name>", "paid", "them", "<num>", "euros", "in", "may"]


def features_of(
    text: str, language: Language, question: frozenset[str] = frozenset()
) -> list[tuple[str, ...]]:
    with language.reading(prepare(text)) as doc:
        return clause_features(doc, doc.spans[SPANS_KEY], question=question)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("She told me that he had left her.", "He told me that she had left him."),
        ("My sister left and a man rang.", "My brother left and a woman rang."),
        ("Priya rang Oluwaseun in Lagos.", "Karen rang Brian in Accra."),
        ("I sold 12 of them.", "I sold 907 of them."),
    ],
)
def test_who_and_how_many_move_no_feature(one: str, other: str, language: Language) -> None:
    assert features_of(one, language) == features_of(other, language)


def test_no_feature_is_told_twice_and_none_is_lost_between_runs(language: Language) -> None:
    text = "I rang them and I rang them again, so they came. We won 12 of 14."
    first = features_of(text, language)
    assert all(len(set(clause)) == len(clause) for clause in first)
    assert features_of(text, language) == first


def test_words_of_the_question_are_echoed(language: Language) -> None:
    with language.reading(prepare("Tell me about a conflict with a colleague.")) as doc:
        question = content_lemmas(doc)
    assert {"conflict", "colleague"} <= question
    assert "echo=2" in features_of("I had a conflict with two colleagues.", language, question)[0]
    assert not any(name.startswith("echo") for name in features_of("It rained.", language, question)[0])


def test_a_clause_knows_its_place(language: Language) -> None:
    first, middle, last = features_of("It rained. I ran home. We stayed dry.", language)
    assert {"first_sentence", "from_start=0", "from_end=2", "opens_sentence"} <= set(first)
    assert not {"first_sentence", "last_sentence"} & set(middle)
    assert {"last_sentence", "from_end=0"} <= set(last)


def test_numbers_and_money_are_seen(language: Language) -> None:
    (clause,) = features_of("We saved £ 300 in two weeks.", language)
    assert {"number", "money", "unit=weeks"} <= set(clause)


def test_an_empty_document_has_no_features() -> None:
    doc = ClauseSegmenter()(Doc(VOCAB))
    assert clause_features(doc, doc.spans[SPANS_KEY], question=frozenset()) == []
