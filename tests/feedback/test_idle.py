"""Lists of nouns and talk that nothing ties to the story are left out; honest words are not."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from service.feedback.idle import idle_words
from service.labels import COMPONENTS
from service.language.nlp import Language
from service.language.text import prepare
from service.records import Answer
from service.reviewer import Reviewer
from training.corpus import word_labels
from training.fairness import score_of
from training.second import sample
from training.splits import DATA, Split, read_split

STORY = (
    "Last spring the till at our bakery crashed on a Saturday morning with the queue out of the door. I had to keep us "
    "selling. I opened a paper ledger, I asked Tom to pack while I took the money, and I rang the support line twice. "
    "By noon we had served 140 people."
)
LIST = "Leadership, teamwork, communication, stakeholder management, ownership, innovation, synergy, growth mindset."
TALK = (
    "The river has a small island with a tower, and in summer there are swans on it. My uncle keeps bees, and they make "
    "more honey than one would think."
)
#: One honest answer in a hundred may lose words that readers find in its story.
MOST_HONEST = 0.01


def left_out(language: Language, text: str) -> str:
    prepared = prepare(text)
    with language.reading(prepared) as doc:
        return " ".join(text[start:end] for start, end in idle_words(doc, prepared, text, frozenset()))


@pytest.mark.parametrize("added", [LIST, TALK])
def test_what_tells_nothing_is_left_out(added: str, language: Language) -> None:
    assert left_out(language, f"{STORY} {added}") == added


@pytest.mark.parametrize(
    "told",
    [
        "The list still hangs in the shop.",
        "The bakery uses the same ledger whenever the power fails, and customers ask for it by name every week.",
        "My manager has since bought a second till, and the shop next door has copied the whole plan from our notes.",
        "Served everybody, closed at six, counted the cash with Tom, found two pounds too much, and locked the door.",
        "Within one month the waiting time has come down from forty minutes to ten, and the boss has thanked everybody.",
        "I like working with people and I think that honesty matters more than speed in a small shop like theirs.",
    ],
)
def test_what_is_told_is_kept(told: str, language: Language) -> None:
    assert left_out(language, f"{STORY} {told}") == ""


def test_opinions_without_a_story_are_kept(language: Language) -> None:
    assert (
        left_out(language, "A good manager gives room. Rules help new people, and praise costs little money.")
        == ""
    )


def test_honest_answers_lose_next_to_nothing(language: Language) -> None:
    answers = sample(read_split(Split.DEVELOPMENT), 150)
    touched = []
    for answer in answers:
        prepared = prepare(answer.text)
        with language.reading(prepared) as doc:
            idle = {start for start, _ in idle_words(doc, prepared, answer.text, frozenset())}
        told = {start for start, _, label in word_labels(answer.text, answer.spans) if label in COMPONENTS}
        if idle & told:
            touched.append(answer.id)
    assert len(touched) <= MOST_HONEST * len(answers), touched


@pytest.mark.parametrize("added", [LIST, TALK])
def test_padding_is_judged_as_if_it_were_not_there(added: str, reviewer: Reviewer) -> None:
    plain, padded = (reviewer.review(Answer(text)) for text in (STORY, f"{STORY} {added}"))
    assert padded.score == plain.score
    assert padded.components == plain.components
    last = padded.spans[-1]
    assert padded.answer.text[last.start : last.end].endswith(added)
    assert replace(padded.stats, words=0, spoken_seconds=0) == replace(plain.stats, words=0, spoken_seconds=0)


KINDS: dict[str, list[str]] = tomllib.loads((DATA / "out_of_domain.toml").read_text(encoding="utf-8"))[
    "kinds"
]
QUESTION = "Tell me about a time when you solved a problem at work."
#: Kinds that are no English sentences and are refused; the others may be told that they are no story.
REFUSED = {"keys struck at random", "numbers", "code", "other languages", "words without sentences"}
#: Texts that pass for somebody's notes of what they did: the labeller takes orders without a subject for actions.
MISTAKEN = ("Preheat the oven",)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_answer_is_refused_or_found_to_tell_nothing(kind: str, reviewer: Reviewer) -> None:
    assert sum(map(len, KINDS.values())) >= 60
    for text in KINDS[kind]:
        report = reviewer.review(Answer(text, QUESTION))
        if kind in REFUSED:
            assert report.abstention is not None, text
        elif text.startswith(MISTAKEN):
            assert "story.absent" not in {finding.id for finding in report.findings}, "mended: take it out"
        elif report.abstention is None:
            assert "story.absent" in {finding.id for finding in report.findings}, text
            assert (score_of(report) or 0) < 20, text
