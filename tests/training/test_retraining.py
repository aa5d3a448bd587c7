"""From a labelling tool's export to a served model: trained, weighed, promoted or refused, rolled back.

Own answers are those of ``examples/trade``; the model is the tiny one and the corpus the one that it learnt, so that it
takes seconds. With ``FULL_STORY=1`` model and corpus are the shipped ones, and it takes minutes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.labels import Label
from service.language.model_index import current_model_name
from service.language.nlp import Language
from service.records import Answer
from service.reviewer import Reviewer
from service.settings import Settings
from training import cli, retrain, shipped
from training.cli import main
from training.corpus import LabelledAnswer, read_jsonl, write_jsonl
from training.gate import Margins, read_margins
from training.shipped import Corpus, read_corpus

from ..conftest import TinyModel

FULL = os.environ.get("FULL_STORY") == "1"
ROOT = Path(__file__).resolve().parent.parent.parent
EXPORT = ROOT / "examples" / "trade" / "farriers.json"
#: Sixty answers of two sorts teach so little that labels of real answers are mostly guessed.
TINY_MARGINS = replace(
    read_margins(),
    pairs=20,
    own=replace(read_margins().own, least_agreement=0.1, most_below_corpus=0.7),
    most_loss=0.2,
    most_rise=1.0,
)


@dataclass(frozen=True)
class Place:
    """Where a story happens: its models folder, the base that is current there, and the imported own data."""

    models: Path
    base: str
    data: Path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a cache folder; the full story keeps the user's, which takes minutes to fill."""
    return shipped.CACHE if FULL else tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tiny: TinyModel, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Give a models folder with one model, which the commands find, and the export imported."""
    models = tmp_path / "models"
    if FULL:
        base = current_model_name(Settings().models_dir)
        shutil.copytree(Settings().models_dir / base, models / base)
        corpus, margins = read_corpus(), read_margins()
    else:
        base = tiny.folder.name
        shutil.copytree(tiny.folder, models / base)
        answers = tuple(item.answer for item in tiny.prepared)
        corpus, margins = Corpus(answers, answers[:6], answers[:30]), TINY_MARGINS
    (models / "index.json").write_text(json.dumps({"current": base, "history": []}), encoding="utf-8")
    prepare_commands(monkeypatch, models, corpus, margins, cache)
    data = tmp_path / "farriers.jsonl"
    assert run("import", EXPORT, "--format", "label-studio", "--out", data).exit_code == 0
    return Place(models, base, data)


def prepare_commands(
    monkeypatch: pytest.MonkeyPatch, models: Path, corpus: Corpus, margins: Margins, cache: Path
) -> None:
    monkeypatch.setattr(Settings, "from_environment", lambda *_: Settings(models_dir=models))
    monkeypatch.setattr(cli, "read_corpus", lambda: corpus)
    monkeypatch.setattr(cli, "read_margins", lambda: margins)
    kept = shipped.shipped
    monkeypatch.setattr(retrain, "shipped", lambda *given, **_: kept(*given, cache=cache))


def test_the_export_holds_a_trade_that_the_corpus_lacks(tmp_path: Path) -> None:
    data = tmp_path / "farriers.jsonl"
    out = run("import", EXPORT, "--format", "label-studio", "--out", data)
    assert out.output == f"{data}: 150 answers, 0 refused, 0 left out\n"
    answers = read_jsonl(data)
    assert len({answer.meta["annotator"] for answer in answers}) > 1
    assert {answer.meta["mode"] for answer in answers} == {"typed", "transcript", "learner", "notes"}
    corpus = read_corpus()
    for answer in (*corpus.answers, *corpus.frozen):
        assert "farrier" not in f"{answer.text} {answer.meta.get('occupation', '')}".lower(), answer.id


def test_the_story_from_export_to_live_and_back(place: Place, language: Language) -> None:
    out = run("train", place.data, "--out", place.models / "trade-1", "--base", place.base)
    assert out.exit_code == 0, out.output
    manifest = json.loads((place.models / "trade-1" / "manifest.json").read_bytes())
    rows = manifest["figures"]
    gain = rows["trade-1, own held-out"]["macro_f1"] - rows[f"{place.base}, own held-out"]["macro_f1"]
    assert gain > 0
    assert manifest["own"]["answers"] == 150
    assert 20 <= manifest["own"]["held_out"] <= 40
    assert manifest["own"]["base"].startswith(f"{place.base}+")
    pictures = {path.name for path in (place.models / "trade-1" / "figures").iterdir()}
    assert pictures == {"confusion.svg", "reliability.svg", "by-group.svg", "learning-curve.svg"}
    card = (place.models / "trade-1" / "README.md").read_text(encoding="utf-8")
    assert all(f"](figures/{name})" in card for name in pictures)

    out = run("promote", "trade-1")
    table = [line for line in out.output.splitlines() if ": answers " in line]
    assert [line.partition(":")[0] for line in table] == [
        "own held-out, word macro-F1",
        "frozen test, word macro-F1",
        "counterfactual pairs that fail",
    ]
    is_promoted = all(line.endswith("verdict holds") for line in table)
    assert is_promoted or FULL, out.output
    assert out.exit_code == (0 if is_promoted else 1)
    assert out.output.endswith(f"trade-1 is {'promoted' if is_promoted else 'refused'}.\n")
    card = (place.models / "trade-1" / "README.md").read_text(encoding="utf-8")
    assert f"## Against {place.base} (" in card
    assert f"trade-1 is {'promoted' if is_promoted else 'refused'}." in card

    served = Reviewer.from_settings(Settings(models_dir=place.models))
    report = served.review(Answer("I pulled the shoe and he trotted up sound.", "Describe a problem."))
    assert report.versions.model.startswith("trade-1+" if is_promoted else f"{place.base}+")
    if is_promoted:
        assert index(place) == {"current": "trade-1", "history": [place.base]}
        out = run("rollback")
        assert (out.exit_code, out.output) == (0, f"{place.base} is current again\n")
    assert index(place) == {"current": place.base, "history": []}
    assert run("rollback").exit_code == 1


def index(place: Place) -> object:
    return json.loads((place.models / "index.json").read_bytes())


def test_the_same_data_gives_the_same_bytes(place: Place) -> None:
    for name in ("first", "second"):
        out = place.models.parent / name / "trade-1"
        assert run("train", place.data, "--out", out, "--base", place.base).exit_code == 0
    first, second = (
        {path.name: path.read_bytes() for path in sorted((place.models.parent / name).rglob("*.*"))}
        for name in ("first", "second")
    )
    assert len(first) > 20
    # The card names the folder that it was written to.
    assert first.pop("README.md").replace(b"/first/", b"/second/") == second.pop("README.md")
    assert first == second


def test_a_set_with_a_third_of_its_labels_swapped_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(5)
    poisoned = [swapped(answer, chance) for answer in read_jsonl(place.data)]
    write_jsonl(place.data, poisoned)
    if not FULL:  # the tiny model knows too little to tell them apart; only the way to the refusal is tried
        own = replace(TINY_MARGINS.own, most_below_corpus=0.11)
        monkeypatch.setattr(cli, "read_margins", lambda: replace(TINY_MARGINS, own=own))
    with pytest.raises(retrain.DataRefused, match="the labels contradict one another"):
        run("train", place.data, "--out", place.models / "poisoned-1", "--base", place.base)
    assert not (place.models / "poisoned-1").exists()
    assert index(place) == {"current": place.base, "history": []}


def swapped(answer: LabelledAnswer, chance: random.Random) -> LabelledAnswer:
    labels = list(Label)
    spans = [
        replace(span, label=chance.choice([label for label in labels if label is not span.label]))
        if chance.random() < 1 / 3
        else span
        for span in answer.spans
    ]
    joined = [span for k, span in enumerate(spans) if not k or span.label is not spans[k - 1].label]
    ends = [*(span.start for span in joined[1:]), len(answer.text) + 1]
    return replace(
        answer,
        spans=tuple(
            replace(span, end=len(answer.text[: end - 1].rstrip()))
            for span, end in zip(joined, ends, strict=True)
        ),
    )


def test_labels_that_mean_something_else_are_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("--label", "ACTION=SITUATION", "--label", "SITUATION=ACTION", "--label", "RESULT=OTHER", "--label", "OTHER=RESULT")  # fmt: skip
    assert run("import", EXPORT, "--format", "label-studio", "--out", place.data, *names).exit_code == 0
    if not FULL:
        own = replace(TINY_MARGINS.own, least_agreement=0.6)
        monkeypatch.setattr(cli, "read_margins", lambda: replace(TINY_MARGINS, own=own))
    with pytest.raises(retrain.DataRefused, match="check that the labels mean what training"):
        run("train", place.data, "--out", place.models / "turned-1", "--base", place.base)


def test_three_rows_are_refused_before_anything_is_read(place: Place) -> None:
    write_jsonl(place.data, read_jsonl(place.data)[:3])
    with pytest.raises(retrain.DataRefused, match="3 answers are too few to learn from"):
        run("train", place.data, "--out", place.models / "few-1", "--base", place.base)


def test_a_model_is_not_weighed_on_other_data_than_it_was_made_of(place: Place) -> None:
    assert run("train", place.data, "--out", place.models / "trade-1", "--base", place.base).exit_code == 0
    write_jsonl(place.data, read_jsonl(place.data)[1:])
    with pytest.raises(retrain.DataRefused, match="it is not what the model was made of"):
        run("promote", "trade-1")
    assert index(place) == {"current": place.base, "history": []}


def test_the_current_model_is_not_promoted_again(place: Place) -> None:
    out = run("promote", place.base)
    assert out.exit_code == 2
    assert "is the current model" in out.output


def test_a_copy_of_the_current_model_gains_nothing_and_is_refused(place: Place) -> None:
    shutil.copytree(place.models / place.base, place.models / "copy-1")
    out = run("promote", "copy-1")
    assert out.exit_code == 1
    assert "own held-out" not in out.output
    assert "frozen test, word macro-F1" in out.output
    assert "copy-1 is refused." in out.output
    assert index(place) == {"current": place.base, "history": []}


def test_what_is_kept_of_the_corpus_is_what_was_read_and_damage_is_seen(
    tiny: TinyModel, language: Language, tmp_path: Path
) -> None:
    from service.language.model_folder import load_model
    from training.fit import FitSettings

    base = load_model(tiny.folder.parent, tiny.folder.name, language.nlp)
    answers = tuple(item.answer for item in tiny.prepared)
    corpus = Corpus(answers, answers[:3], answers[:5])
    told: list[str] = []

    def read() -> shipped.Shipped:
        return shipped.shipped(
            corpus, base, language, FitSettings(), cache=tmp_path / "kept", progress=told.append
        )

    first = read()
    assert len(told) == 1
    again = read()
    assert len(told) == 1
    assert (again.items, again.copies, again.frozen) == (first.items, first.copies, first.frozen)
    assert (again.first == first.first).all()
    (path,) = (tmp_path / "kept").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert (read().first == first.first).all()
    assert len(told) == 2
