"""What an answer says again, or takes from its question, is found word for word and nothing else is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.labels import Label
from service.language.repeats import RUN, find_repeats, with_repeats
from service.language.text import prepare
from service.records import LabelledSpan
from training.splits import Split, read_split

QUESTION = "Tell me about a time you failed."
STORY = "In May our van broke down. I rang the depot, and they sent another one by four. It worked."


def kept(text: str, question: str | None = None) -> str:
    return prepare(text, frozenset(repeat.start for repeat in find_repeats(text, question))).text


@pytest.mark.parametrize(
    "text",
    [
        f"{STORY} {STORY}",
        f"{STORY}\n\n{STORY}",
        f"{STORY} {STORY} {STORY}",
        f"{STORY}\r\n- {STORY.upper()}",
        f"{STORY} IN MAY, our van broke down! “I rang the depot and they sent another one by four.”",
        f"{STORY} It worked. It worked.",
        f"{STORY} {QUESTION}",
        f"{STORY} {QUESTION.upper()} {QUESTION}",
    ],
)
def test_what_is_said_again_is_left_out(text: str) -> None:
    assert kept(text, QUESTION).strip("- ") == STORY


def test_a_question_before_the_answer_is_left_out() -> None:
    assert kept(f"Tell me about a time you failed? {STORY}", QUESTION) == STORY
    assert kept(f"{QUESTION} {QUESTION} {QUESTION}", QUESTION) == ""


def test_a_transcript_said_twice_is_found_without_any_stop() -> None:
    text = "so our van broke down and i rang the depot and they sent another one by four"
    assert kept(f"{text} {text}") == text
    assert kept(f"{text} and {text} again") == f"{text} and again"


@pytest.mark.parametrize(
    "text",
    [
        STORY,
        "I rang and rang and rang. I rang the depot. They rang me.",
        "I had to find a van and I had to find a driver and I had to find a map.",
        "A time I failed was in May. It was about a time table.",
        "",
        "   ",
        "One.",
    ],
)
def test_new_words_are_kept(text: str) -> None:
    assert find_repeats(text, QUESTION) == ()


def test_a_short_question_is_anybodys_words() -> None:
    assert find_repeats("I asked: why us? And they said why us?", "Why us?") == ()


def test_real_answers_hardly_ever_repeat() -> None:
    answers = read_split(Split.DEVELOPMENT)
    left_out = sum(len(find_repeats(answer.text, answer.question)) for answer in answers)
    assert left_out < 0.01 * sum(len(answer.text.split()) for answer in answers)


@given(st.lists(st.sampled_from(["a", "b", "b.", "c!", "\n", "d", "d?"]), max_size=60).map(" ".join))
def test_every_repeated_word_stands_before_in_the_same_letters(text: str) -> None:
    before = 0
    for repeat in find_repeats(text, None):
        assert repeat.source is not None
        assert before <= repeat.start < repeat.end <= len(text)
        assert repeat.source < repeat.start
        first = text[repeat.source :].split()[0]
        assert first.strip(".!?") == text[repeat.start : repeat.end].strip(".!?")
        before = repeat.end


def test_a_repeated_word_has_the_label_of_the_first() -> None:
    text = f"{STORY} {STORY} {QUESTION}"
    cut = text.index("I rang")
    spans = (
        LabelledSpan(0, cut - 1, Label.SITUATION, 0.5),
        LabelledSpan(cut, len(STORY), Label.ACTION, 0.9),
    )
    shown = with_repeats(spans, find_repeats(text, QUESTION), text)
    assert [(text[span.start : span.end], span.label) for span in shown] == [
        (STORY[: cut - 1], Label.SITUATION),
        (STORY[cut:], Label.ACTION),
        (STORY[: cut - 1], Label.SITUATION),
        (STORY[cut:], Label.ACTION),
        (QUESTION, Label.OTHER),
    ]
    assert [span.confidence for span in shown] == pytest.approx([0.5, 0.9, 0.5, 0.9, 1])


def test_a_repeat_beside_its_own_label_is_joined_to_it() -> None:
    text = "I rang them. I rang them. They came."
    spans = (LabelledSpan(0, 12, Label.ACTION, 0.8), LabelledSpan(26, 36, Label.RESULT, 0.6))
    shown = with_repeats(spans, find_repeats(text, None), text)
    assert [(span.start, span.end, span.label) for span in shown] == [
        (0, 25, Label.ACTION), (26, 36, Label.RESULT),
    ]  # fmt: skip


def test_without_repeats_the_spans_stay() -> None:
    spans = (LabelledSpan(0, 4, Label.ACTION, 0.8),)
    assert with_repeats(spans, (), "word") == spans


@pytest.mark.parametrize(
    "unit", ["a ", "a b ", "I rang the depot and they sent a van. ", "a. ", "x" * 9 + "\n"]
)
def test_the_time_grows_with_the_length_only(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        best = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            repeats = find_repeats(text, "a b c d")
            with_repeats((LabelledSpan(0, RUN, Label.ACTION, 1.0),), repeats, text)
            best = min(best, time.perf_counter() - started)
        return best

    assert seconds(20_000) < 12 * seconds(5_000) + 0.02
