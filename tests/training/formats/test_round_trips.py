"""What is exported comes back as it was, in every format, whatever characters it is made of."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training.corpus import LabelledAnswer
from training.formats.registry import EXPORTS
from training.splits import Split, read_split

from ..answers import marked
from .strategies import labelled_answers, there_and_back

TWO = st.tuples(labelled_answers(answer_id="one"), labelled_answers())
SPREADSHEET = "[S] =1+1 it was.\r\n\r\nVery late; [T] 'tis so, [A] - I ran.  And ran! [R] '=Fine."


@pytest.mark.parametrize("name", EXPORTS)
@given(pair=TWO)
@example(
    pair=(marked(SPREADSHEET, id="=x"), marked("[O] '@SUM(1) 😀 no\u2028more.", id="'-2", question="=1"))
)
def test_a_round_trip_loses_nothing(name: str, pair: tuple[LabelledAnswer, LabelledAnswer]) -> None:
    first, second = pair
    answers = [first] if second.id == first.id else [first, second]
    with tempfile.TemporaryDirectory() as folder:
        back = there_and_back(name, answers, Path(folder))
    assert list(back.answers) == answers
    assert back.messages == ()
    assert back.refused == ()


@pytest.mark.parametrize("name", EXPORTS)
def test_the_corpus_makes_the_round_trip(name: str, tmp_path: Path) -> None:
    answers = read_split(Split.DEVELOPMENT)
    back = there_and_back(name, answers, tmp_path, spans_key="star")
    assert list(back.answers) == answers
    assert back.messages == ()


@pytest.mark.parametrize("name", EXPORTS)
def test_the_same_answers_give_the_same_file(name: str, tmp_path: Path) -> None:
    answers = read_split(Split.DEVELOPMENT)[:20]
    contents = []
    for _ in range(2):
        there_and_back(name, answers, tmp_path)
        contents.append((tmp_path / "file.data").read_bytes())
    assert contents[0] == contents[1]
