"""The attribute rules give every token what spaCy's own ruler gives it."""

from __future__ import annotations

import pytest
import spacy
from spacy.language import Language as Nlp
from spacy.pipeline import AttributeRuler
from spacy.tokens import Doc
from spacy.vocab import Vocab

from service.language.attributes import AttributeRules
from service.language.nlp import Language
from service.language.text import prepare
from training.splits import Split, read_split

_GIVEN = ("pos_", "tag_", "lemma_", "dep_")
#: Words that rules of more than one word, with patterns or with blanks look for.
SHORT = (
    "I'm gonna go, let's c'mon. Y'all gotta come, ain't it? There's nothin' doin' 'cause it's not mine.",
    "it was  the one that\tgot us once, and there were then none here",
    "He'd had to; she'd have. Don't! Wo n't? 4 % of £ 5",
)


def given(doc: Doc) -> list[tuple[str, ...]]:
    return [(*(getattr(token, name) for name in _GIVEN), str(token.morph)) for token in doc]


@pytest.mark.parametrize("text", [*SHORT, *(answer.text for answer in read_split(Split.DEVELOPMENT)[::15])])
def test_a_text_gets_what_spacy_gives_it(text: str, nlp: Nlp) -> None:
    ruler = nlp.get_pipe("attribute_ruler")
    assert isinstance(ruler, AttributeRuler)
    with nlp.memory_zone():
        doc = nlp.make_doc(text)
        for name, pipe in nlp.pipeline:
            if name == "attribute_ruler":
                break
            doc = pipe(doc)
        other = doc.copy()
        assert given(AttributeRules(ruler)(other)) == given(ruler(doc))


def ruler_with(vocab: Vocab, *rules: tuple[list[dict[str, object]], dict[str, str], int]) -> AttributeRuler:
    ruler = AttributeRuler(vocab)
    for pattern, attributes, index in rules:
        ruler.add([pattern], attributes, index)  # type: ignore[list-item]
    return ruler


def test_of_two_rules_the_later_one_has_the_last_word() -> None:
    vocab = spacy.blank("en").vocab
    looked_up = ([{"LOWER": "well"}], {"LEMMA": "looked up"}, 0)
    matched = ([{"LOWER": {"REGEX": "^we"}}], {"LEMMA": "matched"}, 0)
    for rules in ((looked_up, matched), (matched, looked_up)):
        doc = AttributeRules(ruler_with(vocab, *rules))(Doc(vocab, words=["Well", "we"]))
        assert doc[0].lemma_ == rules[-1][1]["LEMMA"]
        assert doc[1].lemma_ == "matched"


def test_a_rule_of_two_words_gives_to_the_word_that_it_names() -> None:
    vocab = spacy.blank("en").vocab
    ruler = ruler_with(vocab, ([{"LOWER": "got"}, {"LOWER": {"IN": ["ta", "to"]}}], {"LEMMA": "to"}, 1))
    doc = AttributeRules(ruler)(Doc(vocab, words=["got", "ta", "ta"]))
    assert [token.lemma_ for token in doc] == ["", "to", ""]


@pytest.mark.parametrize(
    ("pattern", "target", "lemmas"),
    [
        ([{"LOWER": {"REGEX": "^g"}}, {"LOWER": {"NOT_IN": ["ta"]}}], 0, ["", "", "", "x", ""]),
        ([{"LOWER": "ta"}, {"LOWER": "ta"}, {"LOWER": "got"}], 0, ["", "x", "", "", ""]),
        ([{"LOWER": {"NOT_IN": ["got", "it"]}}], 0, ["", "x", "x", "", ""]),
        ([{"LOWER": "got"}, {"LOWER": "ta", "OP": "+"}], -1, ["", "x", "x", "", ""]),
        ([{}, {"LOWER": "it"}], 0, ["", "", "", "x", ""]),
        ([{"LOWER": "it"}, {}], 0, ["", "", "", "", ""]),
    ],
)
def test_a_rule_of_any_sort_is_that_of_spacy(
    pattern: list[dict[str, object]], target: int, lemmas: list[str]
) -> None:
    vocab = spacy.blank("en").vocab
    ruler = ruler_with(vocab, (pattern, {"LEMMA": "x"}, target))
    for rules in (ruler, AttributeRules(ruler)):
        doc = rules(Doc(vocab, words=["got", "ta", "ta", "got", "it"]))
        assert [token.lemma_ for token in doc] == lemmas


def test_a_text_without_words_is_read(language: Language) -> None:
    with language.reading(prepare("\u200b")) as doc:
        assert len(doc) == 0
