"""Where an answer is cut: at clauses with a verb of their own, and nowhere else."""

from __future__ import annotations

import pytest
from spacy.language import Language as Nlp
from spacy.tokens import Doc

from service.language.clauses import SPANS_KEY, ClauseSegmenter
from service.language.nlp import Language
from service.language.text import prepare
from training.corpus import read_jsonl
from training.splits import Split, path_of

from .documents import VOCAB, parsed

COORDINATED = """
I PRON PRP 1 nsubj
called VERB VBD 1 ROOT
them PRON PRP 1 dobj
and CCONJ CC 1 cc
they PRON PRP 5 nsubj
came VERB VBD 1 conj
. PUNCT . 1 punct
"""
SHARED_VERB = """
I PRON PRP 1 nsubj
wanted VERB VBD 1 ROOT
to PART TO 3 aux
sit VERB VB 1 xcomp
and CCONJ CC 3 cc
think VERB VB 3 conj
. PUNCT . 1 punct
"""
RESTRICTIVE = """
I PRON PRP 1 nsubj
found VERB VBD 1 ROOT
the DET DT 3 det
man NOUN NN 1 dobj
that PRON WDT 5 nsubj
called VERB VBD 3 relcl
us PRON PRP 5 dobj
. PUNCT . 1 punct
"""
LOOSE_RELATIVE = """
I PRON PRP 1 nsubj
called VERB VBD 1 ROOT
them PRON PRP 1 dobj
, PUNCT , 2 punct
which PRON WDT 5 nsubj
helped VERB VBD 2 relcl
. PUNCT . 1 punct
"""
COMPLEMENT = """
I PRON PRP 1 nsubj
said VERB VBD 1 ROOT
that SCONJ IN 4 mark
she PRON PRP 4 nsubj
left VERB VBD 1 ccomp
. PUNCT . 1 punct
"""
ADVERBIAL_FIRST = """
When SCONJ WRB 2 advmod
it PRON PRP 2 nsubj
crashed VERB VBD 5 advcl
, PUNCT , 5 punct
I PRON PRP 5 nsubj
opened VERB VBD 5 ROOT
it PRON PRP 5 dobj
. PUNCT . 5 punct
"""
ADVERBIAL_LAST = """
I PRON PRP 1 nsubj
stayed VERB VBD 1 ROOT
because SCONJ IN 4 mark
she PRON PRP 4 nsubj
asked VERB VBD 1 advcl
. PUNCT . 1 punct
"""
PURPOSE = """
I PRON PRP 1 nsubj
called VERB VBD 1 ROOT
to PART TO 3 aux
ask VERB VB 1 advcl
what PRON WP 6 dobj
they PRON PRP 6 nsubj
needed VERB VBD 3 ccomp
. PUNCT . 1 punct
"""
JUXTAPOSED = """
We PRON PRP 1 nsubj
were AUX VBD 6 ccomp
late ADJ JJ 1 acomp
, PUNCT , 6 punct
so ADV RB 6 advmod
I PRON PRP 6 nsubj
rang VERB VBD 6 ROOT
them PRON PRP 6 dobj
. PUNCT . 6 punct
"""
TWO_SENTENCES = """
Right INTJ UH 0 ROOT
. PUNCT . 0 punct

It PRON PRP 1 nsubj
rained VERB VBD 1 ROOT
. PUNCT . 1 punct
"""


def cut(doc: Doc) -> list[str]:
    return [span.text for span in ClauseSegmenter()(doc).spans[SPANS_KEY]]


@pytest.mark.parametrize(
    ("lines", "clauses"),
    [
        (COORDINATED, ["I called them", "and they came ."]),
        (SHARED_VERB, ["I wanted to sit and think ."]),
        (RESTRICTIVE, ["I found the man that called us ."]),
        (LOOSE_RELATIVE, ["I called them ,", "which helped ."]),
        (COMPLEMENT, ["I said that she left ."]),
        (ADVERBIAL_FIRST, ["When it crashed ,", "I opened it ."]),
        (ADVERBIAL_LAST, ["I stayed", "because she asked ."]),
        (PURPOSE, ["I called to ask what they needed ."]),
        (JUXTAPOSED, ["We were late ,", "so I rang them ."]),
        (TWO_SENTENCES, ["Right .", "It rained ."]),
    ],
    ids=[
        "coordinated clauses", "one subject, bare verbs", "restrictive relative", "loose relative", "complement",
        "adverbial before", "adverbial after", "purpose", "juxtaposed", "a sentence without a verb",
    ],
)  # fmt: skip
def test_where_clauses_are_cut(lines: str, clauses: list[str]) -> None:
    assert cut(parsed(lines)) == clauses


def test_nothing_to_cut() -> None:
    assert cut(Doc(VOCAB)) == []


def clauses_of(text: str, language: Language) -> list[str]:
    with language.reading(prepare(text)) as doc:
        return [span.text for span in doc.spans[SPANS_KEY]]


RULING_9 = [
    "When the till system went down,",
    "I was asked to keep the queue moving,",
    "so I opened a paper ledger,",
    "which let us serve everyone by closing.",
]


def test_the_sentence_of_ruling_nine_is_cut_in_its_four_parts(language: Language) -> None:
    assert clauses_of(" ".join(RULING_9), language) == RULING_9


def test_a_text_without_punctuation_and_capitals_is_cut(language: Language) -> None:
    text = (
        "so last year our printer broke and i had to get the menus done by noon so i called a shop in town "
        "and they printed them and nobody noticed"
    )
    assert clauses_of(text, language) == [
        "so last year our printer broke",
        "and i had to get the menus done by noon",
        "so i called a shop in town",
        "and they printed them",
        "and nobody noticed",
    ]


def test_clauses_cover_every_word_of_real_answers_in_order(language: Language) -> None:
    answers = read_jsonl(path_of(Split.DEVELOPMENT))[::12]
    assert len(answers) > 10
    for answer in answers:
        with language.reading(prepare(answer.text)) as doc:
            spans = list(doc.spans[SPANS_KEY])
            assert [token.i for span in spans for token in span] == list(range(len(doc)))
            opens = {sentence.start for sentence in doc.sents}
            assert opens <= {span.start for span in spans}, "no clause goes over a sentence's end"


def test_clauses_are_short_enough_to_have_one_label(language: Language) -> None:
    """Most gold boundaries are at a cut: a missed cut can't be mended by any labeller."""
    answers = read_jsonl(path_of(Split.DEVELOPMENT))[::3]
    hit = total = 0
    for answer in answers:
        text = prepare(answer.text)
        with language.reading(text) as doc:
            starts = {text.to_given(span.start_char, span.end_char)[0] for span in doc.spans[SPANS_KEY]}
        boundaries = [span.start for span in answer.spans[1:]]
        hit += sum(start in starts for start in boundaries)
        total += len(boundaries)
    assert total > 100
    assert hit > 0.85 * total


def test_the_segmenter_is_the_last_of_the_components_in_use(nlp: Nlp) -> None:
    assert nlp.pipe_names == [
        "tok2vec", "tagger", "line_breaks", "parser", "attribute_ruler", "lemmatizer", "star_clauses",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["- rang the owner, then left", "… so I waited.", "-- I rang. -- She came."])
def test_a_mark_at_the_start_belongs_to_the_first_clause(language: Language, text: str) -> None:
    with language.reading(prepare(text)) as doc:
        spans = list(doc.spans[SPANS_KEY])
        assert [token.i for span in spans for token in span] == list(range(len(doc)))


def test_how_long_a_step_lasted_stays_with_it(language: Language) -> None:
    with language.reading(prepare("I put a note on the shelf until it came.")) as doc:
        assert len(doc.spans[SPANS_KEY]) == 1
