"""The story of own data from export to live and back, with a real server.

In seconds with the tiny model and the corpus that it learnt, the commands in this process. With ``FULL_STORY=1``, as
``make test-long`` sets it, the model, the corpus and the commands are the shipped ones, and it takes some minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.language.model_index import current_model_name
from service.settings import Settings
from training.describe import fill_tables
from training.shipped import read_corpus
from training.story import IN_TIME, PAGE, Story, commands, markdown, reasons, tell

from ..conftest import TinyModel
from .retraining import TINY_MARGINS, commands_find, tiny_corpus, told

FULL = os.environ.get("FULL_STORY") == "1"
GATE = ("own unseen, word macro-F1", "frozen test, word macro-F1", "counterfactual pairs that fail")
#: The tiny model has its corpus by heart, so that honest labels of another trade are well below it, swapped ones far.
STRICT = replace(TINY_MARGINS, own=replace(TINY_MARGINS.own, most_below_corpus=0.3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that the story happens in."""
    return tmp_path_factory.mktemp("story")


@pytest.fixture(scope="module")
def story(folder: Path, tiny: TinyModel) -> Iterator[Story]:
    """Give the story, told."""
    if FULL:
        models = Settings().models_dir
        base = models / current_model_name(models)
        yield tell(folder, base, read_corpus().frozen, commands(folder))
        return
    corpus = tiny_corpus(tiny)
    with commands_find(folder / "models", corpus, folder / "cache", STRICT) as patch:
        patch.chdir(folder)
        yield tell(folder, tiny.folder, corpus.frozen, lambda arguments: told(*arguments))


def test_an_export_becomes_a_model_with_card_and_pictures(story: Story, folder: Path) -> None:
    assert [story.steps[name].code for name in ("import", "check", "train", "again")] == [0] * 4
    assert "150 answers, 0 refused, 0 left out" in story.steps["import"].output
    assert "150 answers, 9839 words, 0 problems" in story.steps["check"].output
    card = (folder / "models" / "farriers-1" / "README.md").read_text(encoding="utf-8")
    pictures = {path.name for path in (folder / "models" / "farriers-1" / "figures").iterdir()}
    assert pictures == {"confusion.svg", "reliability.svg", "by-group.svg", "learning-curve.svg"}
    assert all(f"](figures/{name})" in card for name in pictures)
    assert story.is_reproduced


def test_it_is_better_on_the_trade_and_promoted(story: Story) -> None:
    base = story.models[0].partition("+")[0]
    rows = {name: float(str(row["macro_f1"])) for name, row in story.figures.items()}
    for part in ("own held-out", "own unseen"):
        assert rows[f"farriers-1, {part}"] > rows[f"{base}, {part}"]
    promoted = story.steps["promote"]
    assert promoted.code == 0, promoted.output
    table = [line for line in promoted.output.splitlines() if ": answers " in line]
    assert [line.partition(":")[0] for line in table] == list(GATE)
    assert all(line.endswith("verdict holds") for line in table)
    assert "farriers-1 is promoted." in promoted.output
    assert story.gate.endswith("farriers-1 is promoted.")
    assert all(f"| {what} |" in story.gate for what in GATE)


def test_the_running_service_takes_it_and_goes_back_with_no_request_lost(story: Story) -> None:
    before, after = story.models
    assert before != after
    for name in ("promote", "rollback"):
        served = story.served[name]
        assert served.seconds is not None
        assert served.seconds < IN_TIME
        assert served.failed == 0
        assert set(served.replies) == {before, after}
    assert story.served["promote"].macro_f1 > story.served["before"].macro_f1
    assert story.served["rollback"].macro_f1 == story.served["before"].macro_f1


def test_what_a_service_replies_is_what_was_measured(story: Story) -> None:
    base = story.models[0].partition("+")[0]
    for name, model in (("before", base), ("promote", "farriers-1")):
        measured = float(str(story.figures[f"{model}, own held-out"]["macro_f1"]))
        assert story.served[name].macro_f1 == pytest.approx(measured, abs=0.02)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("a third of the labels swapped", "the labels contradict one another"),
        ("one label only", "100% of the words are ACTION; at most 90% may have one label"),
        ("three answers", "3 answers are too few to learn from; label 20 at least"),
        ("nine tenths by one person", "91% of the answers are of one annotator (coach-1)"),
        (
            "answers of the frozen test part among them",
            "5 answers stand in the frozen test part too (copied-0, ",
        ),
    ],
)
def test_a_poisoned_set_is_refused_with_the_reason(
    story: Story, folder: Path, what: str, reason: str
) -> None:
    refused = story.refused[what]
    assert refused.code == 1
    assert reason in "\n".join(reasons(refused))
    assert not (folder / "models" / "poisoned-1").exists()


def test_a_model_that_is_not_better_is_refused_and_rollback_ends_where_it_began(
    story: Story, folder: Path
) -> None:
    assert story.steps["early"].code == 0
    assert story.steps["early refused"].code == 1
    assert "early-1 is refused." in story.steps["early refused"].output
    assert story.second_gate.endswith("early-1 is refused.")
    assert "| own held-out, word macro-F1 |" in story.second_gate
    base = story.models[0].partition("+")[0]
    assert story.steps["rollback"].output.endswith(f"{base} is current again\n")
    assert story.steps["nothing before"].code != 0
    assert current_model_name(folder / "models") == base


def test_the_story_is_written_from_what_happened(story: Story, tmp_path: Path) -> None:
    text = markdown(story)
    *steps, last = story.steps.values()
    for step in steps:
        assert f"| `{step.command}` | {step.code} |" in text
    assert f"| `{last.command}`, again | {last.code} |" in text
    assert all(version in text for version in story.models)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- story -->\nstale text\n<!-- /story -->\nafter\n", encoding="utf-8")
    fill_tables(page, {"story": text})
    content = page.read_text(encoding="utf-8")
    assert text in content
    assert "stale text" not in content
    assert "<!-- story -->" in PAGE.read_text(encoding="utf-8")
    assert "<!-- /story -->" in PAGE.read_text(encoding="utf-8")
