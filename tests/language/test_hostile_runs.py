"""Texts made to be slow: none costs much more than prose of its length (section 0.1 of spaCy's open faults).

Times are compared within one run, so that a slow machine moves both sides.
"""

from __future__ import annotations

import time

import pytest

from service.errors import InvalidRequest
from service.language.nlp import Language
from service.language.text import prepare
from service.records import Answer
from service.reviewer import Reviewer
from service.schemas import MAX_CHARACTERS
from training.splits import Split, read_split

#: Real answers one after the other: what is said twice would not be read twice.
PROSE = " ".join(answer.text for answer in read_split(Split.DEVELOPMENT))
UNITS = [
    "'",
    "(",
    ":)",
    "😀",
    "'s",
    "_",
    "a-",
    "👩\u200d🚀",
    "!",
    "...",
    "-",
    "http://a.",
    "\u0301",
    "I'd've",
    "a.b",
    "😀\ufe0f",
]
#: Generous, for a machine that is shared; quadratic behaviour is a hundredfold.
MOST = 6


def filled(unit: str, length: int = MAX_CHARACTERS) -> str:
    return (unit * (length // len(unit) + 1))[:length]


@pytest.fixture(scope="module")
def prose_seconds(reviewer: Reviewer) -> float:
    """Time a review of prose of the longest length allowed, with the tokens that it has."""
    answer = Answer(PROSE[:MAX_CHARACTERS])
    started = time.perf_counter()
    report = reviewer.review(answer)
    assert report.stats.words > 3_000
    return time.perf_counter() - started


def refusal(reviewer: Reviewer, answer: Answer) -> InvalidRequest | None:
    """Review the answer; return the refusal where there is one."""
    try:
        reviewer.review(answer)
    except InvalidRequest as refused:
        return refused
    return None


@pytest.mark.parametrize("unit", UNITS)
def test_a_run_costs_no_more_than_prose(unit: str, reviewer: Reviewer, prose_seconds: float) -> None:
    answer = Answer(PROSE[: MAX_CHARACTERS // 4] + " " + filled(unit, MAX_CHARACTERS * 3 // 4 - 1))
    started = time.perf_counter()
    refused = refusal(reviewer, answer)
    assert refused is None or refused.status == 413
    assert refused is None or refused.problems[0].code in ("too_many_tokens", "too_many_sentences")
    assert time.perf_counter() - started < MOST * prose_seconds


@pytest.mark.parametrize("unit", UNITS)
def test_making_tokens_of_a_run_costs_no_more_than_reading_prose(
    unit: str, language: Language, prose_seconds: float
) -> None:
    text = prepare(filled(unit))
    started = time.perf_counter()
    with pytest.raises(InvalidRequest), language.reading(text, most_tokens=0):
        pytest.fail("it was read")
    assert time.perf_counter() - started < MOST * prose_seconds


@pytest.mark.parametrize("unit", ["a-", "👩\u200d🚀"])
def test_runs_that_make_a_token_of_each_character_are_refused(unit: str, language: Language) -> None:
    with pytest.raises(InvalidRequest) as caught, language.reading(prepare(filled(unit))):
        pytest.fail("it was read")
    assert caught.value.status == 413
