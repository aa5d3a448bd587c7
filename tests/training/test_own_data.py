"""Own data: what is held out, what is refused and with which reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from training.corpus import LabelledAnswer
from training.gate import read_margins
from training.own_data import OwnLimits, disagreements, near_duplicates, refusals, split_own, writers_of

from .answers import marked

LIMITS = read_margins().own
TOOLS = "anvil rasp nippers hammer pincers buffer pritchel clench drawknife tongs".split()
BEASTS = "cob mule pony donkey hunter stallion mare gelding foal hack".split()


def story(number: int, **fields: object) -> LabelledAnswer:
    """Return one of a hundred answers that share no five words in a row."""
    tool, beast = TOOLS[number % 10], BEASTS[number // 10 % 10]
    marks = (
        f"[S] One {beast}{number} was lame. [T] Rule{number} was noon sharp. "
        f"[A] I{number} took the {tool}{number} out. [R] Done{number} and sound."
    )
    meta = {"annotator": f"coach-{number % 4}"}
    return replace(marked(marks, id=f"own-{number}", question_type=None, meta=meta), **fields)  # type: ignore[arg-type]


def stories(count: int = 60) -> list[LabelledAnswer]:
    return [story(number) for number in range(count)]


def reasons(
    answers: Sequence[LabelledAnswer], limits: OwnLimits = LIMITS, **corpus: Sequence[LabelledAnswer]
) -> str:
    given: dict[str, object] = {"known_findings": frozenset[str](), "frozen": (), **corpus}
    return "\n".join(refusals(split_own(answers), limits, **given))  # type: ignore[arg-type]


def test_about_a_fifth_is_held_out_and_no_answer_changes_sides_when_the_set_grows() -> None:
    small, large = split_own(stories(60)), split_own(stories(100))
    assert 5 <= len(small.held_out) <= 20
    assert {answer.id for answer in small.answers} == {f"own-{number}" for number in range(60)}
    assert {answer.id for answer in small.held_out} <= {answer.id for answer in large.held_out}
    assert {answer.id for answer in small.fit} <= {answer.id for answer in large.fit}
    assert split_own(stories(60)[::-1]).held_out == small.held_out[::-1]


def test_near_duplicates_stand_on_one_side() -> None:
    told = "I took the anvil from the van and I set it on the wet grass beside the gate of the yard."
    answers = [
        *stories(40),
        *(marked(f"[A] {told} [R] We won {number} cups.", id=f"same-{number}") for number in range(12)),
    ]
    data = split_own(answers)
    sides = [sum(answer.id.startswith("same") for answer in side) for side in (data.fit, data.held_out)]
    assert sorted(sides) == [0, 12]
    assert {name for own, name in data.group.items() if own.startswith("same")} == {"same-0"}
    assert data.group["own-7"] == "own-7"


def test_the_same_words_are_near_duplicates_however_few() -> None:
    one, other = marked("[A] I ran home.", id="a"), marked("[A] I ran off.", id="b")
    assert list(near_duplicates([one], [replace(one, id="c"), other])) == [(0, 0)]


def test_a_sound_set_is_not_refused() -> None:
    assert reasons(stories()) == ""


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (stories(3), "3 answers are too few to learn from; label 20 at least"),
        ([replace(s, meta={"annotator": "one"}) for s in stories()], "100% of the answers are of one annotator (one)"),
        ([replace(s, meta={"batch": "b" if n else "c"}) for n, s in enumerate(stories())], "98% of the answers are of one batch (b)"),
        ([story(n, spans=marked(f"[A] {story(n).text}").spans) for n in range(60)], "100% of the words are ACTION"),
        ([*stories(), story(0)], "own-0: the id stands 2 times"),
        ([*stories(), story(70, spans=story(70).spans[1:])], "own-70: 4 words have no label, the first at 0"),
        ([*stories(), story(70, findings=("no.such",))], "own-70: finding 'no.such' is not in the catalogue"),
    ],
    ids=["three rows", "one annotator", "one batch", "one label", "an id twice", "bare words", "unknown finding"],
)  # fmt: skip
def test_what_cannot_be_learnt_from_is_refused_with_the_reason(
    answers: Sequence[LabelledAnswer], reason: str
) -> None:
    assert reason in reasons(answers)


@pytest.mark.parametrize(("part", "name"), [("frozen", "frozen test part"), ("corpus", "shipped corpus")])
def test_answers_that_stand_in_the_corpus_are_refused_by_their_ids(part: str, name: str) -> None:
    others = [replace(story(number), id=f"theirs-{number}") for number in (7, 8)]
    assert f"2 answers stand in the {name} too (own-7, own-8)" in reasons(stories(), LIMITS, **{part: others})


def test_refusals_hold_no_words_of_an_answer() -> None:
    told = reasons([story(n, spans=story(n).spans[1:], meta={}) for n in range(9)], frozen=stories())
    assert told
    assert not {word for word in (*TOOLS, *BEASTS, "noon", "sound") if word in told}


def test_who_labelled_is_told_by_the_first_name_that_there_is() -> None:
    by_writer = [replace(s, meta={"batch": "x", "writer": f"w{n % 2}"}) for n, s in enumerate(stories(4))]
    assert writers_of(by_writer) == ("writer", {"w0": 2, "w1": 2})
    assert writers_of([replace(story(1), meta={})]) == ("", {})


@pytest.mark.parametrize(
    ("base", "cross_fitted", "reason"),
    [
        (0.86, 0.86, None),
        (0.86, 0.75, None),
        (0.40, 0.86, "the present model gives only 40% of the words"),
        (0.70, 0.69, "the labels contradict one another"),
        (0.57, 0.54, "the labels contradict one another"),
    ],
)
def test_labels_that_nothing_agrees_with_are_refused(
    base: float, cross_fitted: float, reason: str | None
) -> None:
    found = disagreements({"base": base, "cross_fitted": cross_fitted, "corpus": 0.835}, LIMITS)
    assert (reason is None) == (found == [])
    assert reason is None or reason in "\n".join(found)
