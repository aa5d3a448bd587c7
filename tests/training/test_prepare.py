"""From labelled answers to labelled clauses, also without punctuation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.labels import Label
from service.language.nlp import Language
from training.corpus import word_labels
from training.prepare import clauses_of, copies, prepared, shortened, without_punctuation
from training.splits import Split, read_split

from .answers import marked


def labelled_words(text: str) -> list[tuple[str, str]]:
    """Return the words of a marked text without punctuation, each with the first letter of its label."""
    bare = without_punctuation(marked(text))
    return [
        (bare.text[a:b], label.value[0] if label else "-")
        for a, b, label in word_labels(bare.text, bare.spans)
    ]


def test_an_answer_without_punctuation_keeps_its_labels_on_its_words() -> None:
    assert labelled_words("[S] In May, our van — a Ford — broke down. [A] I rang Sam's depot; [R] “All” came!") == [
        *[(word, "S") for word in "in may our van a ford broke down".split()],
        *[(word, "A") for word in "i rang sam's depot".split()],
        ("all", "R"), ("came", "R"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[A] We cut it by 30%, i.e. £1,200.", ["we", "cut", "it", "by", "30%", "ie", "£1200"]),
        ("[A] A half-day/evening shift", ["a", "half", "day", "evening", "shift"]),
        ("[A] Wait… what?\n\n- done", ["wait", "what", "done"]),
        ("[S] İt was [A] mine", ["i", "t", "was", "mine"]),
    ],
)
def test_what_becomes_of_marks_inside_words(text: str, words: list[str]) -> None:
    if "İ" in text:
        words = ["it", "was", "mine"]
    assert [word for word, _ in labelled_words(text)] == words


def test_real_answers_keep_each_words_label() -> None:
    for answer in read_split(Split.DEVELOPMENT)[::5]:
        bare = without_punctuation(answer)
        assert bare.text == bare.text.lower().strip()
        assert not set(bare.text) & set('.,;:!?"“”()—–-/')
        kept = [label for _, _, label in word_labels(bare.text, bare.spans)]
        assert None not in kept
        expected = []
        for start, end, label in word_labels(answer.text, answer.spans):
            pieces = without_punctuation(marked("[A] " + answer.text[start:end])).text.split()
            expected += [label] * len(pieces)
        assert kept == expected, answer.id


@given(
    st.lists(
        st.sampled_from(["I", "rang.", "—", "(no)", "it’s", "7%", "...", "Ok;"]), min_size=1, max_size=12
    )
)
def test_spans_stay_in_order_and_on_words(words: list[str]) -> None:
    labels = "SA" * len(words)
    text = " ".join(f"[{label}] {word}" for label, word in zip(labels, words, strict=False))
    bare = without_punctuation(marked(text))
    position = 0
    for span in bare.spans:
        assert position <= span.start < span.end <= len(bare.text)
        assert bare.text[span.start : span.end].strip() == bare.text[span.start : span.end]
        position = span.end


def test_a_clause_has_the_label_of_most_of_its_words(language: Language) -> None:
    answer = marked("[S] It was late and I was tired. [A] I rang the depot, [R] and they sent a van.")
    (item,) = prepared([answer], language)
    cut = [answer.text[start:end] for start, end in item.offsets]
    assert cut == ["It was late", "and I was tired.", "I rang the depot,", "and they sent a van."]
    assert item.gold == (Label.SITUATION, Label.SITUATION, Label.ACTION, Label.RESULT)
    assert item.words == (3, 4, 4, 5)
    assert [clause.features for clause in clauses_of(item)] == list(item.features)


def test_the_words_of_all_clauses_are_those_of_the_answer(language: Language) -> None:
    answers = read_split(Split.DEVELOPMENT)[::25]
    for item in prepared(answers, language):
        assert sum(item.words) == len(item.answer.text.split())


LONG = (
    "[S] It was March. We were two short. The oven had gone. [A] I rang a friend. I asked for hers. We baked there "
    "for a week. [R] Every loaf was sold. They thanked us."
)


def test_a_shortened_copy_keeps_whole_sentences_of_every_span(language: Language) -> None:
    item = next(prepared([marked(LONG)], language))
    copy = shortened(item)
    assert copy is not None
    assert [span.label for span in copy.spans] == [span.label for span in item.answer.spans]
    told = [copy.text[span.start : span.end] for span in copy.spans]
    assert all(piece in item.answer.text and piece.endswith(".") for piece in told)
    assert len(copy.text) < len(item.answer.text)
    assert shortened(item) == copy


def test_a_short_answer_is_not_shortened(language: Language) -> None:
    item = next(prepared([marked("[S] It was March. [A] I rang a friend.")], language))
    assert shortened(item) is None


def test_copies_are_bare_shortened_and_both(language: Language) -> None:
    items = list(prepared([marked(LONG)], language))
    texts = [copy.answer.text for copy in copies(items, language)]
    assert len(texts) == 3
    assert [text == text.lower() and "." not in text for text in texts] == [True, False, True]
