"""Advice speaks in the answer's own words, in phrases that end where the grammar ends them, and never with a gap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from service.feedback.catalogue import load_catalogue
from service.feedback.examples import parse_example, reading_of
from service.feedback.findings import find
from service.feedback.wording import cut
from service.labels import QuestionType
from service.language.nlp import Language
from service.records import Answer
from service.reviewer import Reviewer


def advice(finding_id: str, example: str, language: Language, own_file: str = "") -> str:
    with reading_of(parse_example(example), QuestionType.BEHAVIOURAL, language) as reading:
        found = find(reading, load_catalogue(own_file))
    (finding,) = (finding for finding in found if finding.id == finding_id)
    return finding.advice


LEDGER = (
    "[S] Our accounts were still on paper in spring, and the clerks lost a day each month looking for them. "
    "[A] I asked each clerk what they needed, and then I moved the ledger to the new system and checked it twice."
)
CASES = {
    "a step, and for whom": (
        "result.missing",
        LEDGER,
        "After “moved the ledger to the new system”, say how it ended: what changed for the clerks, and how anyone "
        "could see it.",
    ),
    "a step, and what was done to": (
        "result.missing",
        "[A] I took the old till apart because nobody else would, and I cleaned the drawer with alcohol.",
        "After “cleaned the drawer with alcohol”, say how it ended: what happened with the drawer, for whom that "
        "mattered, and how anyone could see it.",
    ),
    "a step alone": (
        "result.missing",
        "[S] The till crashed. [A] I rang them twice and I wrote every sale down.",
        "After “wrote every sale down”, say how it ended: what changed, for whom, and how anyone could see it.",
    ),
    "no step that can be quoted": (
        "result.missing",
        "[S] The till crashed. [A] Everything was sorted out by somebody.",
        "After “Everything was sorted out by somebody”, say what came of it: what changed, for whom, and how anyone "
        "could see it.",
    ),
    "an answer without punctuation": (
        "result.missing",
        "[S] so it was in the clinic last winter and the patients were waiting for two hours [A] so i looked at the "
        "list and i called the ones who come from far and gave them a later time",
        "After “gave them a later time”, say how it ended: what changed for the patients, and how anyone could see it.",
    ),
    "a learner's": (
        "result.missing",
        "[S] In my work the passengers was angry because train is late. [A] I explained to passengers the new plan "
        "and I bringed water.",
        "After “bringed water”, say how it ended: what changed for the passengers, and how anyone could see it.",
    ),
    "an outcome for people": (
        "result.not_measured",
        "[S] A couple had lost their luggage before the wedding. [A] I rang the airline and I lent them an iron. "
        "[R] The guests were very pleased and the day went smoothly.",
        "After “The guests were very pleased”, say how you know: what the guests said or did then, and how it had "
        "been before.",
    ),
    "an outcome of a thing": (
        "result.not_measured",
        "[S] We had long waits at the desk. [A] I opened a second desk and I put up a sign. [R] The queue got better.",
        "After “The queue got better”, say what one could count or see of the queue, before and after, or who said so.",
    ),
    "an outcome of nothing": (
        "result.not_measured",
        "[S] In May our choir lost its hall. [A] I wrote letters and I found another. [R] It was great.",
        "After “It was great”, add how you know: how many, how much sooner, compared with what, or who said so.",
    ),
    "a long outcome": (
        "result.not_measured",
        "[S] It broke. [A] I handled it. [R] and they were pleased with the new colours of the paper that we had "
        "chosen together.",
        "After “they were pleased with the new colours”, add how you know: how many, how much sooner, "
        "compared with what, or who said so.",
    ),
    "a thin action on a thing": (
        "action.too_thin",
        "[S] A guest was shouting at the desk. [A] I dealt with the complaint. [R] He left with a smile.",
        "Open up “I dealt with the complaint”: what was your first step with the complaint, what came next, and why "
        "that?",
    ),
    "a thin action for people": (
        "action.too_thin",
        "[S] Two of the porters had stopped talking to each other. [A] I tried to help them. [R] They talk again.",
        "Open up “I tried to help them”: what did you do first for the porters, what next, and why that?",
    ),
    "a thin action alone": (
        "action.too_thin",
        "[S] The freezer had failed on a Sunday. [A] So I handled it, and [R] we lost nothing.",
        "Open up “I handled it”: what did you do first, what next, and why that?",
    ),
    "what nothing was done about": (
        "action.missing",
        "[S] The till crashed on a Saturday in May. [R] We lost nothing in the end.",
        "After “The till crashed on a Saturday in May”, tell step by step what you did about the till, each with "
        "“I” and a verb, and why you chose it.",
    ),
    "a gap behind a long clause": (
        "action.missing",
        "[S] In my old job as a carer, a resident had stopped eating because his wife had died and he did not want "
        "to see anybody in the dining room. [R] By the summer he was eating with the others again.",
        "After “… to see anybody in the dining room”, tell step by step what you did, each with “I” and a verb, and "
        "why you chose it.",
    ),
    "an opening": (
        "situation.missing",
        "[A] I called my boss and I asked for another van. [R] It came at four.",
        "Open with one sentence: where you worked, when this was, and what made you call your boss.",
    ),
    "an opening without a verb that is known": (
        "situation.missing",
        "[A] All of it was written by hand. [R] They liked it.",
        "Open with one sentence: where you worked, when, and what was going on before “All of it was written by hand”.",
    ),
    "a task": (
        "task.missing",
        "[S] Our van broke down in Leeds. [A] I rang the depot for another one. [R] It came at four.",
        "Before “rang the depot for another one”, add one sentence that begins “I had to …” or “My part was …”, with "
        "the deadline or target.",
    ),
    "a lesson": (
        "result.no_lesson",
        "Tell me about a time you failed. || [S] I ran our first book fair in June. [A] I booked a room for two "
        "hundred and I put up posters. [R] Eleven people came.",
        "Look back at “put up posters”: after “Eleven people came”, say what you would do differently, or have "
        "changed since, and where you used it.",
    ),
    "we": (
        "action.we_not_i",
        "[S] last year our stall was next to the speakers [A] we moved the tables and then we hung up blankets "
        "[R] and people could talk again",
        "Keep “we” for the team, and say whose step “moved the tables” was: if yours, begin “I moved …”; if not, say "
        "what you did meanwhile.",
    ),
    "we, now": (
        "action.we_not_i",
        "[S] Our stall was next to the speakers. [A] We're moving the tables and we're hanging up blankets. "
        "[R] People talk again.",
        "Keep “we” for the team, and say of at least one step, such as “We're moving the tables”, what you yourself "
        "did.",
    ),
}  # fmt: skip


@pytest.fixture
def with_task(tmp_path: Path) -> str:
    own = tmp_path / "own.toml"
    own.write_text('[finding."task.missing"]\non = true\n')
    return str(own)


@pytest.mark.parametrize(("finding_id", "example", "said"), CASES.values(), ids=CASES)
def test_advice_speaks_in_the_words_of_the_answer(
    finding_id: str, example: str, said: str, language: Language, with_task: str
) -> None:
    assert advice(finding_id, example, language, with_task) == said


def test_a_quote_is_given_as_it_was_written(language: Language) -> None:
    """Whatever a name or a spelling is read as, and however it is laid out."""
    example = (
        "[S] It broke in May. [A] I  organised the   Fatima's colour charts. I colour-coded\nthe Apapa lists."
    )
    with reading_of(parse_example(example), QuestionType.BEHAVIOURAL, language) as reading:
        assert reading.source is not None
        (finding,) = (f for f in find(reading, load_catalogue()) if f.id == "result.missing")
    assert "Apapa" in finding.advice or "Fatima" in finding.advice


def test_the_reviewer_quotes_names_as_they_were_given(reviewer: Reviewer) -> None:
    text = (
        "Our unit had two days in March to learn the new screens, and nobody had time to teach us. I made a list of "
        "the screens. I asked a friend in the Apapa office for his old slides and I copied the slides from Apapa."
    )
    report = reviewer.review(Answer(text, question="Tell me about something you had to learn fast."))
    said = " ".join(finding.advice for finding in report.findings)
    assert "Apapa" in said
    assert "Maria" not in said


def test_without_the_way_back_the_words_of_the_document_are_quoted(language: Language) -> None:
    with reading_of(parse_example(LEDGER), QuestionType.BEHAVIOURAL, language) as reading:
        found = find(replace(reading, source=None), load_catalogue())
    (finding,) = (finding for finding in found if finding.id == "result.missing")
    assert "“moved the ledger to the new system”" in finding.advice


@pytest.mark.parametrize(
    ("words", "quote"),
    [
        ("and so we left,", "we left"),
        ("We left and", "We left"),
        ("and", "and"),
        ("one two three four five six seven eight of the ten", "one two three four five six seven eight …"),
        (
            "one two three four five six seven eight nine ten",
            "one two three four five six seven eight nine …",
        ),
    ],
)
def test_a_cut_quote_does_not_end_in_a_word_that_opens_something(words: str, quote: str) -> None:
    assert cut(words) == quote


@pytest.mark.parametrize("finding_id", ["result.missing", "action.too_thin", "result.not_measured"])
def test_every_shipped_advice_stands_without_places_that_may_be_empty(finding_id: str) -> None:
    rule = next(rule for rule in load_catalogue().rules if rule.id == finding_id)
    assert rule.nearer_advice
    assert rule.advice.format(anchor="a", words="b")
