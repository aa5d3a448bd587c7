"""Drift is told by stated limits, and chance is not taken for drift."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path

import pytest

from service.labels import Label
from service.language.nlp import Language
from training.drift import (
    FOREIGN_FROM,
    SHIFTED_FROM,
    Measure,
    Seen,
    Verdict,
    draw,
    look_at,
    measures,
    verdict_of,
)

from ..conftest import TinyModel
from .answers import marked
from .tiny import answers as tiny_answers


def seen(
    words: int = 100,
    unknown: float = 0.05,
    trust: float = 0.9,
    abstains: str | None = None,
    action: float = 0.5,
) -> Seen:
    labels = Counter({Label.ACTION: int(words * action), Label.SITUATION: words - int(words * action)})
    return Seen(words, unknown, abstains, 0.0 if abstains else trust, Counter() if abstains else labels)


def population(
    count: int, seed: int, *, longer: float = 1.0, unsure: float = 0.0, action: float = 0.5
) -> list[Seen]:
    chance = random.Random(seed)
    return [
        seen(
            words=int(longer * chance.gauss(100, 20)),
            unknown=max(0.0, chance.gauss(0.05, 0.02)),
            trust=chance.gauss(0.85, 0.05) - unsure,
            abstains="gibberish" if chance.random() < 0.02 else None,
            action=action,
        )
        for _ in range(count)
    ]


def by_name(found: list[Measure]) -> dict[str, Measure]:
    return {measure.name: measure for measure in found}


@pytest.mark.parametrize("count", [5, 30, 400, 2000])
@pytest.mark.parametrize("seed", range(5))
def test_samples_of_one_population_are_the_same(count: int, seed: int) -> None:
    found = measures(population(1000, seed + 100), population(count, seed))
    assert verdict_of(found) is Verdict.SAME, [
        (measure.name, measure.psi, measure.chance) for measure in found
    ]


@pytest.mark.parametrize(
    ("changed", "name", "verdict"),
    [
        ({"longer": 1.08}, "words of an answer", Verdict.SHIFTED),
        ({"longer": 1.5}, "words of an answer", Verdict.FOREIGN),
        ({"unsure": 0.02}, "confidence", Verdict.SHIFTED),
        ({"unsure": 0.1}, "confidence", Verdict.FOREIGN),
        ({"action": 0.68}, "label mix", Verdict.SHIFTED),
        ({"action": 0.9}, "label mix", Verdict.FOREIGN),
    ],
)
def test_each_measure_tells_its_own_drift(changed: dict[str, float], name: str, verdict: Verdict) -> None:
    found = measures(population(1000, 1), population(1000, 2, **changed))
    verdicts = {measure.name: measure.verdict for measure in found}
    assert verdicts.pop(name) is verdict
    assert set(verdicts.values()) == {Verdict.SAME}
    assert verdict_of(found) is verdict


def test_abstentions_are_counted_by_their_reason() -> None:
    now = [seen(abstains="not_english")] * 30 + [seen()] * 70
    measure = by_name(measures([seen()] * 300, now))["abstentions"]
    assert measure.verdict is Verdict.FOREIGN
    assert measure.told == "0.0% before, 30.0% now, not_english 30"


def test_where_all_abstain_the_rest_is_not_judged() -> None:
    found = by_name(measures([seen()] * 100, [seen(abstains="empty")] * 100))
    assert set(found) == {"words of an answer", "unknown words", "abstentions"}


def test_psi_is_what_the_literature_says() -> None:
    old, new = [100 + 0.5, 300 + 0.5], [200 + 0.5, 200 + 0.5]
    p, q = [n / sum(old) for n in old], [n / sum(new) for n in new]
    expected = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    before = [seen(abstains="empty")] * 300 + [seen()] * 100
    measure = by_name(measures(before, [seen(abstains="empty")] * 200 + [seen()] * 200))["abstentions"]
    assert measure.psi == pytest.approx(expected)
    assert measure.before == pytest.approx(p)


@pytest.mark.parametrize(
    ("psi", "chance", "says"),
    [
        (SHIFTED_FROM - 0.01, 0.0, "same"),
        (SHIFTED_FROM, 0.0, "shifted"),
        (FOREIGN_FROM - 0.01, 0.0, "shifted"),
        (FOREIGN_FROM, 0.0, "foreign"),
        (0.2, 0.3, "same, too few answers to tell"),
        (0.4, 0.3, "foreign"),
    ],
)
def test_the_limits_are_those_stated(psi: float, chance: float, says: str) -> None:
    assert Measure("m", (), (), (), psi, chance, "").says == says


def test_a_quantity_with_one_value_can_be_compared() -> None:
    for words in (50, 150):
        found = by_name(measures([seen()] * 100, [seen(words=words)] * 100))
        assert found["words of an answer"].verdict is Verdict.FOREIGN
    assert verdict_of(measures([seen()] * 100, [seen()] * 100)) is Verdict.SAME


def test_the_model_is_surer_of_what_it_knows(tiny: TinyModel, language: Language) -> None:
    steps: list[None] = []
    strange = marked(
        text="Violins wait for nobody, said grandfather, whose varnish peeled each humid August.", spans=()
    )
    gibberish = marked(text="asdf qwer zxcv uiop hjkl vbnm tyui", spans=())
    known, new, none = look_at(
        [tiny_answers()[0], strange, gibberish],
        tiny.fitted.labeller,
        language,
        progress=lambda: steps.append(None),
    )
    assert known.unknown < 0.1 < new.unknown
    assert known.trust > new.trust
    assert known.labels.total() == known.words == len(tiny_answers()[0].text.split())
    assert (none.abstains, none.trust, none.labels.total()) == ("gibberish", 0.0, 0)
    assert len(steps) == 3


def test_the_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    found = measures(population(200, 1), population(100, 2, longer=1.5))
    draw(found, tmp_path / "a.svg")
    draw(found, tmp_path / "b.svg")
    picture = (tmp_path / "a.svg").read_bytes()
    assert picture == (tmp_path / "b.svg").read_bytes()
    assert picture.startswith(b"<?xml")
    assert b"date" not in picture.lower()
