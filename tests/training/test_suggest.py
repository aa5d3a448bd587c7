"""What to label next: the doubtful first, nothing twice, nothing that can't be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from service.language.labeller import LABELS, Labeller
from service.language.nlp import Language
from training.corpus import LabelledAnswer, word_labels
from training.prepare import PreparedAnswer, clauses_of, prepared
from training.suggest import known_words, probabilities, suggest, tasks, unfit

from ..conftest import TinyModel
from .answers import marked
from .tiny import answers as tiny_answers

#: Two answers of things and words that the tiny corpus has nothing of, and the first one again.
STRANGE = (
    "Customs officers boarded around midnight although visibility remained poor. Whoever signs pays.",
    "Violins wait for nobody, said grandfather, whose varnish peeled each humid August.",
    "Customs officers boarded around midnight although visibility remained poor. Whoever signs pays.",
)


def plain(answers: Sequence[LabelledAnswer]) -> list[LabelledAnswer]:
    return [replace(answer, spans=()) for answer in answers]


@pytest.fixture(scope="module")
def items(language: Language) -> list[PreparedAnswer]:
    """Give twelve answers that the tiny model knows by heart, and three that are strange to it."""
    strange = [marked(text=text, spans=(), id=f"strange-{n}", meta={}) for n, text in enumerate(STRANGE)]
    return list(prepared([*plain(tiny_answers()[:12]), *strange], language))


@pytest.fixture(scope="module")
def labeller(tiny: TinyModel) -> Labeller:
    """Give the labeller that was fitted on the tiny corpus."""
    return tiny.fitted.labeller


def test_what_the_model_does_not_know_comes_first_and_a_double_of_it_last(
    items: list[PreparedAnswer], labeller: Labeller
) -> None:
    ranking = suggest(items, labeller, 15)
    ids = [suggestion.item.answer.id for suggestion in ranking]
    assert sorted(ids) == sorted(item.answer.id for item in items)
    assert {ids[0], ids[1]} <= {"strange-0", "strange-1", "strange-2"}
    doubles = [
        suggestion for suggestion in ranking if suggestion.item.answer.id in ("strange-0", "strange-2")
    ]
    assert doubles[1].distance == pytest.approx(0, abs=1e-9)
    assert doubles[1].nearest == doubles[0].item.answer.id
    assert doubles[0] in ranking[:2]
    assert doubles[1] not in ranking[:10]


def test_the_order_of_the_answers_changes_nothing(items: list[PreparedAnswer], labeller: Labeller) -> None:
    forward = [suggestion.reason() for suggestion in suggest(items, labeller, 8)]
    backward = [suggestion.reason() for suggestion in suggest(items[::-1], labeller, 8)]
    assert forward == backward
    assert [s.item.answer.id for s in suggest(items, labeller, 3)] == [
        s.item.answer.id for s in suggest(items[::-1], labeller, 8)[:3]
    ]


def test_uncertainty_is_the_entropy_of_the_labels_by_word(
    items: list[PreparedAnswer], labeller: Labeller
) -> None:
    (suggestion,) = suggest(items[:1], labeller, 5)
    trust = probabilities(labeller, items[0])
    assert trust.sum(axis=1) == pytest.approx(1)
    entropy = -(trust * np.log(trust)).sum(axis=1) / np.log(len(LABELS))
    assert suggestion.uncertainty == pytest.approx(np.average(entropy, weights=items[0].words))
    assert suggestion.nearest is None
    assert suggestion.distance == 1


def test_a_reason_is_told_without_words_of_the_answer(
    items: list[PreparedAnswer], labeller: Labeller
) -> None:
    for suggestion in suggest(items, labeller, 15):
        reason = suggestion.reason()
        assert reason.startswith("uncertainty 0.")
        words = {word.strip(".,").lower() for word in suggestion.item.answer.text.split() if len(word) > 6}
        assert not words & set(reason.lower().split())


def test_the_probabilities_are_those_of_the_service(items: list[PreparedAnswer], labeller: Labeller) -> None:
    for item in items:
        told = [confidence for _, confidence in labeller.label(clauses_of(item))]
        trust = probabilities(labeller, item)
        assert all(np.isclose(row, sure).any() for row, sure in zip(trust, told, strict=True))


def test_tasks_are_labelled_word_by_word_and_say_whose_guess_they_are(
    items: list[PreparedAnswer], labeller: Labeller
) -> None:
    for task in tasks(suggest(items, labeller, 15), labeller, model="tiny+1"):
        assert task.suggested_by == task.answer.meta["suggested_by"] == "tiny+1"
        assert all(label is not None for _, _, label in word_labels(task.answer.text, task.answer.spans))
        assert len(task.confidences) == len(task.answer.spans)
        assert all(0 < confidence <= 1 for confidence in task.confidences)


def test_an_edge_within_a_run_of_characters_moves_to_the_word(language: Language, labeller: Labeller) -> None:
    text = "Last year our bakery was short of staff\u2014so I rang every customer\u2014nobody had to wait."
    (item,) = prepared([marked(text=text, spans=(), id="dash")], language)
    assert any(text[end - 1].isspace() is False and end < len(text) for _, end in item.offsets)
    (task,) = tasks(suggest([item], labeller, 1), labeller, model="m")
    for span in task.answer.spans:
        assert span.start == 0 or text[span.start - 1].isspace()
        assert span.end == len(text) or text[span.end].isspace()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("asdf qwer zxcv uiop hjkl vbnm tyui", "gibberish"),
        ("Hm.", "empty"),
        ("Last year our bakery was short of staff.", None),
    ],
)
def test_what_cannot_be_judged_teaches_nothing(text: str, code: str | None, labeller: Labeller) -> None:
    assert unfit(marked(text=text, spans=()), known_words(labeller)) == code


def test_no_answers_make_no_ranking(labeller: Labeller) -> None:
    assert suggest([], labeller, 5) == []
