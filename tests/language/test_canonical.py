"""Words that only say who somebody is, and spellings, are read as one; every place leads back to what was given."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import service.language.canonical as canonical
from service.language.text import lay_out, prepare
from training.fairness import make_pairs, read_counterfactuals
from training.robustness import changes, respelt
from training.splits import Split, read_split

FOLDER = Path(canonical.__file__).parent
ANSWERS = read_split(Split.DEVELOPMENT)
DATA = read_counterfactuals()


def read(text: str) -> str:
    return prepare(text).text


@pytest.mark.parametrize(
    ("given_text", "analysed"),
    [
        ("My name is Ngozi.", "My name is Maria."),
        ("I rang Emily Carter's office.", "I rang Maria's office."),
        ("We moved from Cape Town to São Paulo.", "We moved from Maria to Maria."),
        ("Zybrelle came. I told Mrs O'Brien.", "Maria came. I told Mr Maria."),
        ("my name is grace and i am from new delhi", "my name is Maria and i am from Maria"),
        ("He took his hat; it was his, he'd said.", "She took her hat; it was her, she'd said."),
        ("I am Polish.", "I am British."),
        ("I polish floors.", "I polish floors."),
        ("i was 22 and i have no children", "i was 40 and i have three children"),
        ("I was twenty-one. I am single.", "I was forty-three. I am married."),
        ("I sent a single order to 22 shops.", "I sent a single order to 22 shops."),
        ("I'm autistic and go to the mosque.", "I'm deaf and go to the church."),
        ("We organized the color center.", "We organised the colour centre."),
        ("Didn't the Customer Service Team call on Monday?", "Didn't the Customer Service Team call on Monday?"),
        ("Aftre the meeting the IT lead left. Frustratingly late.", "Aftre the meeting the IT lead left. Frustratingly late."),
        ("I DID IT ALONE IN LEEDS", "I DID IT ALONE IN Maria"),
    ],
)  # fmt: skip
def test_what_is_read(given_text: str, analysed: str) -> None:
    assert read(given_text) == analysed


def test_ten_thousand_pairs_are_one_text_each() -> None:
    pairs = make_pairs(ANSWERS, DATA, 10_000)
    assert len(pairs) == 10_000
    texts: dict[str, str] = {}
    different = []
    for _, group in itertools.groupby(pairs, key=lambda pair: pair.answer.id):
        texts.clear()
        for pair in group:
            for text in (pair.first, pair.second):
                if text not in texts:
                    texts[text] = read(text)
            if texts[pair.first] != texts[pair.second]:
                different.append(pair.id)
    assert different == []


def test_american_spelling_is_the_same_text() -> None:
    american = [(answer.text, respelt(answer.text, DATA.spelling)) for answer in ANSWERS]
    pairs = [(first, second) for first, second in american if second is not None]
    assert len(pairs) > 100
    assert [first[:40] for first, second in pairs if read(first) != read(second)] == []


def test_layout_is_the_same_text() -> None:
    lay = changes(DATA)["layout"]
    for answer in ANSWERS:
        other = lay(answer)
        assert other is not None
        first, second = prepare(answer.text), prepare(other)
        assert (first.text, first.breaks) == (second.text, second.breaks), answer.id


@given(
    st.lists(
        st.sampled_from(["he", "Ngozi", "New", "Delhi", "color", "I", "was", "22", "\n", "—", "His", "ok."])
    )
)
def test_every_place_leads_back_and_nothing_is_lost(words: list[str]) -> None:
    given_text = " ".join(words)
    plain, text = lay_out(given_text), prepare(given_text)
    assert len(text.text) == len(text.origin) == len(text.ends)
    assert len(text.breaks) == len(plain.breaks)
    assert set(plain.origin) >= set(text.origin)
    assert set(plain.ends) >= set(text.ends)
    for (start, end), (after, behind) in itertools.pairwise(zip(text.origin, text.ends, strict=True)):
        assert start <= after
        assert end <= behind
    for place in text.masked:
        assert text.text[place - 1 : place] in ("", " ")


def test_a_break_stays_before_its_line() -> None:
    text = prepare("Ngozi and Emily Carter came.\n\nHe left.")
    assert [text.text[place:] for place in sorted(text.breaks)] == ["She left."]


def test_no_word_is_read_in_two_ways() -> None:
    spelling = dict(line.split(" ") for line in canonical._lines("spelling.txt"))
    assert not set(spelling) & set(spelling.values())
    data = tomllib.loads((FOLDER / "who.toml").read_text(encoding="utf-8"))
    said = [
        word.lower()
        for name, table in data.items()
        if name != "of_the_speaker"
        for words in table["classes"]
        for word in words
    ]
    assert len(said) == len(set(said))
