"""The one path, from an answer to its report."""

from __future__ import annotations

import itertools
import random
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from service.errors import DeadlineExceeded, InvalidRequest, ModelRefused, SettingsRefused
from service.labels import COMPONENTS, STORY_TYPES, Label, QuestionType
from service.records import Answer, Report
from service.reviewer import Reviewer
from service.schemas import feedback_reply, to_json
from service.settings import Settings
from training.corpus import LabelledAnswer
from training.splits import Split, read_split

STORY = (
    "Last spring the till at our bakery crashed on a Saturday morning with the queue out of the door. I was the shift "
    "lead, so I had to keep us selling. I opened a paper ledger, I asked Tom to pack while I took the money, and I rang "
    "the support line twice. By noon we had served 140 people and at the end of the day the book was two pounds out."
)
NO_RESULT = (
    "In May our van broke down on the way to a wedding with all the flowers in it. I had to get them to the church by "
    "two. I rang three taxi firms and found one with a big boot, and I loaded the arrangements with the driver."
)
HABITS = (
    "I always stay calm with customers. I usually listen first and then I try to find a solution that works for "
    "everybody. I think respect is the most important thing, and I would never shout at anyone."
)
QUESTION = "Tell me about a time you solved a problem."
PROSE = " ".join(answer.text for answer in read_split(Split.DEVELOPMENT))


def reply(report: Report) -> bytes:
    return to_json(feedback_reply(report))


def test_a_good_story_has_all_its_parts(reviewer: Reviewer) -> None:
    report = reviewer.review(Answer(STORY, question=QUESTION))
    assert report.question_type.label == "behavioural"
    assert report.question_type.source == "detected"
    assert report.answer_kind is not None
    assert report.answer_kind.label == "story"
    assert {label for label, part in report.components.items() if part.present} >= {
        Label.SITUATION, Label.ACTION, Label.RESULT,
    }  # fmt: skip
    ids = {finding.id for finding in report.findings}
    assert "action.ownership" in ids
    assert not ids & {"story.absent", "situation.missing", "action.missing", "result.missing"}


def test_a_story_without_an_end_lacks_its_result(reviewer: Reviewer) -> None:
    report = reviewer.review(Answer(NO_RESULT, question=QUESTION))
    (finding,) = [finding for finding in report.findings if finding.id == "result.missing"]
    assert finding.insert_at is not None
    assert finding.insert_at > len(NO_RESULT) // 2
    assert "result.missing" in report.focus


def test_habits_are_no_story(reviewer: Reviewer) -> None:
    report = reviewer.review(Answer(HABITS, question=QUESTION))
    ids = {finding.id for finding in report.findings}
    assert "story.absent" in ids
    assert not [name for name in ids if name.endswith(".missing")]
    story = reviewer.review(Answer(STORY, question=QUESTION))
    assert report.score is not None
    assert story.score is not None
    assert report.score.value < story.score.value


def test_stats_are_counted_on_the_given_text(reviewer: Reviewer) -> None:
    report = reviewer.review(Answer(STORY, question=QUESTION))
    words = len(STORY.split())
    assert report.stats.words == words
    assert report.stats.spoken_seconds == round(60 * words / 140)
    assert report.stats.sentences == 4
    assert sum(part.words for part in report.components.values()) <= words


@pytest.mark.parametrize("question_type", QuestionType)
def test_a_type_that_is_given_is_taken(question_type: QuestionType, reviewer: Reviewer) -> None:
    report = reviewer.review(Answer(STORY, question=QUESTION, question_type=question_type))
    assert (report.question_type.label, report.question_type.source) == (question_type.value, "given")
    assert (report.answer_kind is None) is (question_type not in STORY_TYPES)
    assert set(report.components) == (set(COMPONENTS) if question_type in STORY_TYPES else set())


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ("Tell me about a time you disagreed with your manager.", "behavioural"),
        ("Where do you see yourself in five years?", "career_goals"),
        ("What are your salary expectations?", "salary"),
        ("How do you like to be managed?", "management_style"),
    ],
)
def test_the_type_is_told_from_the_question(question: str, label: str, reviewer: Reviewer) -> None:
    assert reviewer.review(Answer(STORY, question=question)).question_type.label == label


def test_who_asks_and_what_it_is_called_moves_nothing(reviewer: Reviewer) -> None:
    plain = reviewer.review(Answer(STORY, question=QUESTION))
    named = reviewer.review(Answer(STORY, question=QUESTION, id="7", client="Acme"))
    assert replace(named, answer=plain.answer) == plain


def test_reviewing_twice_gives_the_same_bytes_whatever_came_between(reviewer: Reviewer) -> None:
    first = reply(reviewer.review(Answer(STORY, question=QUESTION)))
    for text in (HABITS, NO_RESULT, "asdf", "I rang Zxqvbnm and Wqrtplk."):
        reviewer.review(Answer(text))
    assert reply(reviewer.review(Answer(STORY, question=QUESTION))) == first


def real_answers() -> list[LabelledAnswer]:
    return read_split(Split.DEVELOPMENT)


def test_threads_give_the_bytes_of_one_thread(reviewer: Reviewer) -> None:
    answers = [Answer(item.text[:400], question=item.question) for item in real_answers()]
    answers = list(itertools.islice(itertools.cycle(answers), 100))
    alone = [reply(reviewer.review(answer)) for answer in answers]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda answer: reply(reviewer.review(answer)), answers))
    assert together == alone


def double_blanks(text: str) -> str:
    return text.replace(" ", "  ")


LAYOUTS: dict[str, Callable[[str], str]] = {
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "no-break blanks": lambda text: text.replace(" ", "\u00a0"),
    "typographic quotes": lambda text: text.replace("'", "’").replace('"', "“"),
    "double blanks": double_blanks,
    "blanks around": lambda text: f" \n{text} \n\n",
    "decomposed letters": lambda text: unicodedata.normalize("NFD", text),
    "byte order mark": lambda text: "\ufeff" + text,
    "zero-width blanks": lambda text: text.replace(" ", " \u200b"),
    "long dashes": lambda text: text.replace(" - ", " – "),
}


def told(report: Report) -> object:
    """Return what a report says, told by words and not by places."""
    text = unicodedata.normalize("NFC", report.answer.text)
    labels = [span.label for span in report.spans for _ in report.answer.text[span.start : span.end].split()]
    return (
        labels,
        report.score,
        [finding.id for finding in report.findings],
        report.focus,
        report.answer_kind,
        report.question_type,
        report.stats,
        len(text.split()),
    )


LAID_OUT = [
    item for item in real_answers()[::8] if not {"\u200b", "’", "“"} & set(item.text)
][:14]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_moves_no_label_and_no_point(layout: Callable[[str], str], reviewer: Reviewer) -> None:
    accented = LabelledAnswer(
        "accented",
        QUESTION,
        "In our café Zoë's till crashed. I didn't panic - I rang André and he came. It worked.",
        (),
    )
    for item in [*LAID_OUT, accented]:
        plain = reviewer.review(Answer(item.text, question=item.question))
        other = reviewer.review(Answer(layout(item.text), question=item.question))
        assert told(other) == told(plain), item.id


@run(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            ["I rang them.", "It was late", "so", "😀", "👩🏽\u200d🚀", "café\u0301", "\r\n", "\n\n", "e\u0301", "40%", "…", "𝒳 won",
             "which helped", "\u00a0", "“no”", "and we left.", "x" * 80]
        ),
        min_size=4,
        max_size=14,
    ).map(" ".join)
)  # fmt: skip
def test_spans_cover_every_word_in_order_whatever_the_text(reviewer: Reviewer, text: str) -> None:
    report = reviewer.review(Answer(text, question=QUESTION))
    if report.abstention is not None:
        return
    covered = {offset for span in report.spans for offset in range(span.start, span.end)}
    invisible = ("Cc", "Cf", "Mn")
    assert not [
        text[offset]
        for offset in range(len(text))
        if offset not in covered
        and not text[offset].isspace()
        and unicodedata.category(text[offset]) not in invisible
    ]
    ends = [0, *(span.end for span in report.spans)]
    for end, span in zip(ends, report.spans, strict=False):
        assert end <= span.start < span.end <= len(text)
        assert text[span.start : span.end].strip() == text[span.start : span.end]
    for one, other in itertools.pairwise(report.spans):
        assert one.label is not other.label
    for finding in report.findings:
        if finding.start is not None and finding.end is not None:
            assert 0 <= finding.start < finding.end <= len(text)
        if finding.insert_at is not None:
            assert 0 <= finding.insert_at <= len(text)


def scrambled(count: int, form: str) -> str:
    """Return so many short words in no order, which neither repeat nor are gibberish."""
    words = "i a so it he we to me my as do go us in on at by or if be is am no up an of".split()
    generator = random.Random(5)
    return " ".join(form.format(*generator.choices(words, k=3)) for _ in range(count))


@pytest.mark.parametrize(
    ("text", "code"),
    [(scrambled(2_400, "{}-{}"), "too_many_tokens"), (scrambled(1_200, "{} {} {}."), "too_many_sentences")],
)
def test_too_many_tokens_and_sentences_are_refused(text: str, code: str, reviewer: Reviewer) -> None:
    with pytest.raises(InvalidRequest) as caught:
        reviewer.review(Answer(text))
    assert caught.value.status == 413
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [("/answer", code)]


def test_the_question_may_not_be_endless(reviewer: Reviewer) -> None:
    with pytest.raises(InvalidRequest) as caught:
        reviewer.review(Answer(STORY, question="a-" * 20_000))
    assert caught.value.status == 413


def test_nothing_comes_after_the_deadline(reviewer: Reviewer) -> None:
    with pytest.raises(DeadlineExceeded):
        reviewer.review(Answer(STORY, question=QUESTION), deadline=time.monotonic() - 1)
    with pytest.raises(DeadlineExceeded):
        reviewer.review(Answer(PROSE[:20_000]), deadline=time.monotonic() + 0.02)
    in_time = reviewer.review(Answer(STORY, question=QUESTION), deadline=time.monotonic() + 60)
    assert reply(in_time) == reply(reviewer.review(Answer(STORY, question=QUESTION)))


def test_warnings_say_what_was_odd_about_the_text(reviewer: Reviewer) -> None:
    def codes(text: str) -> list[str]:
        return [warning.code for warning in reviewer.review(Answer(text)).input_warnings]

    bare = STORY.lower().replace(",", "").replace(".", "")
    assert codes(STORY) == []
    assert codes(bare) == ["looks_like_transcript"]
    assert codes(STORY + " " + "x" * 80) == ["unbroken_run"]


def test_the_versions_name_what_made_the_report(reviewer: Reviewer) -> None:
    versions = reviewer.review(Answer(STORY)).versions
    assert versions == reviewer.versions
    assert versions.model.startswith("star-")
    assert versions.rules.startswith("1+")
    assert versions.schema == "1"


def test_what_is_not_there_stops_the_start() -> None:
    with pytest.raises(ModelRefused):
        Reviewer.from_settings(Settings(model="star-0"))
    with pytest.raises(SettingsRefused):
        Reviewer.from_settings(Settings(spacy_model="en_core_web_none"))
