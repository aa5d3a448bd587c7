"""What a number counts decides whether it can measure an outcome."""

from __future__ import annotations

import pytest

from service.feedback.numbers import MEASURES, NumberKind, number_kinds
from service.language.nlp import Language
from service.language.text import prepare


def kinds(said: str, language: Language) -> list[NumberKind]:
    with language.reading(prepare(said)) as doc:
        return list(number_kinds(doc[:]))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("We sold 40 tickets.", NumberKind.COUNT),
        ("Complaints fell by 30%.", NumberKind.COUNT),
        ("It saved two hours.", NumberKind.PERIOD),
        ("He changed it for one month.", NumberKind.LASTING),
        ("It came after three weeks.", NumberKind.LASTING),
        ("We opened at nine.", NumberKind.CLOCK),
        ("They left at 10:30.", NumberKind.CLOCK),
        ("That was in 2019.", NumberKind.DATE),
        ("He brought the new one.", NumberKind.PRONOUN),
    ],
)
def test_a_number_is_told_by_its_surroundings(said: str, kind: NumberKind, language: Language) -> None:
    assert kinds(said, language) == [kind]


def test_only_amounts_are_measures() -> None:
    assert {NumberKind.COUNT, NumberKind.PERIOD} == MEASURES


def test_words_without_a_number_have_no_kind(language: Language) -> None:
    assert kinds("It all went well.", language) == []
