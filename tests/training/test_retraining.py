"""Own answers beside the corpus: what is trained, weighed, promoted or refused, rolled back.

Own answers are those of ``examples/trade``; the model is the tiny one and the corpus the one that it learnt. The story
with a server beside it is told in ``test_story.py``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.corrections import corrected, keep
from service.errors import ModelRefused
from service.feedback.catalogue import Catalogue
from service.language.model_folder import load_model
from service.language.nlp import Language
from service.schemas import CorrectionRequest
from training import cli, retrain, shipped
from training.corpus import LabelledAnswer, read_jsonl, write_jsonl
from training.fit import FitSettings
from training.folder import CannotWriteModel
from training.shipped import Corpus, read_corpus
from training.story import EXPORT as EXPORT_PATH
from training.story import ROOT

from ..conftest import TinyModel
from .retraining import TINY_MARGINS, commands_find, run, tiny_corpus

EXPORT = ROOT / EXPORT_PATH
NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
#: Answers where any will do.
SOME = 70


@dataclass(frozen=True)
class Place:
    """Where something is retrained: its models folder, the base that is current there, and the imported own data."""

    models: Path
    base: str
    data: Path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for what is kept of the corpus."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tiny: TinyModel, cache: Path, tmp_path: Path) -> Iterator[Place]:
    """Give a models folder with one model, which the commands find, and the export imported."""
    models = tmp_path / "models"
    base = tiny.folder.name
    shutil.copytree(tiny.folder, models / base)
    (models / "index.json").write_text(json.dumps({"current": base, "history": []}), encoding="utf-8")
    data = tmp_path / "farriers.jsonl"
    with commands_find(models, tiny_corpus(tiny), cache):
        assert run("import", EXPORT, "--format", "label-studio", "--out", data).exit_code == 0
        yield Place(models, base, data)


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


def test_labels_that_mean_something_else_are_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("--label", "ACTION=SITUATION", "--label", "SITUATION=ACTION", "--label", "RESULT=OTHER", "--label", "OTHER=RESULT")  # fmt: skip
    assert run("import", EXPORT, "--format", "label-studio", "--out", place.data, *names).exit_code == 0
    own = replace(TINY_MARGINS.own, least_agreement=0.6)
    monkeypatch.setattr(cli, "read_margins", lambda: replace(TINY_MARGINS, own=own))
    with pytest.raises(retrain.DataRefused, match="check that the labels mean what training"):
        run("train", place.data, "--out", place.models / "turned-1", "--base", place.base)


def test_three_rows_are_refused_before_anything_is_read(place: Place) -> None:
    write_jsonl(place.data, read_jsonl(place.data)[:3])
    with pytest.raises(retrain.DataRefused, match="3 answers are too few to learn from"):
        run("train", place.data, "--out", place.models / "few-1", "--base", place.base)


def test_a_model_is_not_weighed_on_other_data_than_it_was_made_of(place: Place) -> None:
    write_jsonl(place.data, read_jsonl(place.data)[:SOME])
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
    base = load_model(tiny.folder.parent, tiny.folder.name, language.nlp)
    answers = tuple(item.answer for item in tiny.prepared)
    corpus = Corpus(answers, answers[:3], answers[:5])
    told: list[str] = []

    def read() -> shipped.Shipped:
        return shipped.shipped(
            corpus, base, language, FitSettings(), cache=tmp_path / "kept", progress=told.append
        )

    first = read()
    steps = len(told)
    assert steps > 1
    again = read()
    assert len(told) == steps
    assert (again.items, again.copies, again.frozen) == (first.items, first.copies, first.frozen)
    assert (again.first == first.first).all()
    (path,) = (tmp_path / "kept").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert (read().first == first.first).all()
    assert len(told) == 2 * steps


def test_corrections_from_the_page_train_as_they_are_and_imported(
    place: Place, catalogue: Catalogue, tmp_path: Path
) -> None:
    """A file as the service writes it: story questions, no rating, and one answer corrected twice."""
    file, once = tmp_path / "corrections.jsonl", tmp_path / "once.jsonl"
    answers = read_jsonl(place.data)[:SOME]
    for number, answer in enumerate(answers):
        asked = correction_of(answer, f"coach-{number % 3}")
        keep(file, corrected(asked, catalogue, at=NOW + timedelta(minutes=number)).line())
    out = run("check", file)
    assert out.exit_code == 0, out.output
    assert run("train", file, "--base", place.base, "--out", place.models / "page-1").exit_code == 0
    manifest = json.loads((place.models / "page-1" / "manifest.json").read_bytes())
    assert manifest["own"]["answers"] == len(answers)
    card = (place.models / "page-1" / "README.md").read_text(encoding="utf-8")
    assert "Who labelled them: 3 by the name of `corrected_by`." in card

    keep(file, corrected(correction_of(answers[0], "coach-9"), catalogue, at=NOW - timedelta(days=1)).line())
    with pytest.raises(retrain.DataRefused, match="'import --format corrections' takes the newest"):
        run("train", file, "--base", place.base, "--out", place.models / "page-2")
    out = run("import", file, "--format", "corrections", "--out", once)
    assert out.exit_code == 0, out.output
    assert f"{len(answers)} answers, 0 refused, 1 left out" in out.output
    assert [(a.id, a.spans, a.meta["corrected_by"]) for a in read_jsonl(once)] == [
        (a.id, a.spans, a.meta["corrected_by"]) for a in read_jsonl(file)[:-1]
    ]
    out = run("check", once)
    assert out.exit_code == 0, out.output


def correction_of(answer: LabelledAnswer, who: str) -> CorrectionRequest:
    return CorrectionRequest.model_validate(
        {
            "answer": answer.text,
            "question": answer.question,
            "question_type": "behavioural",
            "spans": [{"start": s.start, "end": s.end, "label": s.name} for s in answer.spans],
            "findings": ["action.we_not_i"],
            "corrected_by": who,
        }
    )


def test_a_private_word_of_two_own_answers_is_in_no_file(place: Place) -> None:
    answers = read_jsonl(place.data)
    spoilt = [
        with_word(answer, "Zuckmayerine") if number in (3, 4) else answer
        for number, answer in enumerate(answers[:SOME])
    ]
    write_jsonl(place.data, spoilt)
    out = place.models / "trade-1"
    assert run("train", place.data, "--base", place.base, "--out", out).exit_code == 0
    assert sum("Zuckmayerine" in answer.text for answer in spoilt) == 2
    assert not [path for path in out.rglob("*.*") if b"zuckmayerine" in path.read_bytes().lower()]


def with_word(answer: LabelledAnswer, word: str) -> LabelledAnswer:
    last = answer.spans[-1]
    text = f"{answer.text} {word} agreed with {word}."
    return replace(answer, text=text, spans=(*answer.spans[:-1], replace(last, end=len(text))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "DATA", "--base", "nosuch-1", "--out", "MODELS/own-1"), "'--base': no model 'nosuch-1' is in"),
        (("train", "DATA", "--base", "../tiny", "--out", "MODELS/own-1"), "'--base': no model 'tiny' is in"),
        (("train", "nosuch.jsonl", "--base", "tiny-1", "--out", "MODELS/own-1"), "'DATA...': Path 'nosuch.jsonl' does not exist"),
        (("train", "DATA", "--out", "DATA"), "'--out': Directory"),
        (("promote", "nosuch-1"), "'MODEL': no model 'nosuch-1' is in"),
        (("promote", "MODELS/nosuch-1"), "(there are tiny-1)"),
        (("evaluate", "nosuch-1", "DATA"), "'MODEL': no model 'nosuch-1' is in"),
        (("suggest", "nosuch-1", "DATA", "--format", "csv", "--out", "x"), "'--format': 'csv' is not one of"),
        (("drift", "nosuch-1", "DATA"), "'MODEL': no model 'nosuch-1' is in"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_wrong_use_and_named(
    place: Place, arguments: Sequence[str], message: str
) -> None:
    given = [part.replace("DATA", str(place.data)).replace("MODELS", str(place.models)) for part in arguments]
    out = run(*given)
    assert out.exit_code == 2
    error = out.output.rpartition("Error: ")[2]
    assert message in error.replace("\n", " ")
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["Own 1", "..", "-x", "a" * 65, "é"])
def test_a_name_that_no_model_can_have_is_refused_before_anything_is_read(place: Place, name: str) -> None:
    with pytest.raises(CannotWriteModel, match=r"--out: .* is no name for a model"):
        run("train", place.data, "--base", place.base, "--out", f"{place.models}/{name}")
    with pytest.raises(ModelRefused, match="a model's name is made of"):
        load_model(place.models, name, nlp=None)  # type: ignore[arg-type]


def test_a_folder_that_is_no_model_or_is_in_use_is_not_replaced(place: Place, tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "letter.txt").write_text("Dear Sir", encoding="utf-8")
    with pytest.raises(CannotWriteModel, match="papers is there and is no model folder"):
        run("train", place.data, "--base", place.base, "--out", tmp_path / "papers")
    with pytest.raises(CannotWriteModel, match=f"{place.base} is in use; choose another name"):
        run("train", place.data, "--base", place.base, "--out", place.models / place.base)
    assert (tmp_path / "papers" / "letter.txt").exists()
    assert (place.models / place.base / "manifest.json").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "DATA holds no answers"),
        (b"\xff\xfe{}", ":1: not a labelled answer: it is not JSON in UTF-8"),
        (b"[" * 100_000, ":1: not a labelled answer: it is not JSON in UTF-8"),
        (b"[{}]", ":1: not a labelled answer: it (model_type)"),
        (b'{"id": "x", "text": 5, "spans": []}', ":1: not a labelled answer: text (string_type)"),
        (b'{"id": "x", "text": "I ran", "spans": [{"start": "0", "end": 5, "label": "ACTION"}]}', "spans.0.start (int_type)"),
        (b'{"id": "x", "text": "I ran", "spans": [{"start": 0, "end": 5, "label": "ran"}]}', "spans.0.label (literal_error)"),
        (b'{"id": "x", "text": "I \\ud800", "spans": []}', "half of a surrogate pair"),
        (b"{}\n" * 30, "and 20 more"),
    ],
    ids=["empty", "not UTF-8", "too deep", "a list", "text", "offset", "label", "surrogate", "many"],
)  # fmt: skip
def test_data_that_cannot_be_read_is_refused_by_line_and_field(
    place: Place, content: bytes, message: str
) -> None:
    place.data.write_bytes(content)
    out = run("train", place.data, "--base", place.base, "--out", place.models / "own-1")
    assert out.exit_code == 1
    assert message in out.output
    assert "I ran" not in out.output


def test_own_data_that_has_moved_is_asked_for(place: Place) -> None:
    write_jsonl(place.data, read_jsonl(place.data)[:SOME])
    assert run("train", place.data, "--base", place.base, "--out", place.models / "trade-1").exit_code == 0
    moved = place.data.rename(place.data.with_name("moved.jsonl"))
    out = run("promote", "trade-1")
    assert out.exit_code == 2
    assert "gone since; say where it is with --data" in out.output
    out = run("promote", "trade-1", "--data", moved)
    assert "trade-1 is " in out.output


def test_progress_names_what_is_done(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    write_jsonl(place.data, read_jsonl(place.data)[:SOME])
    steps: list[str] = []
    kept = retrain.retrain

    def watched(*given: Any, progress: Callable[[str], None], **named: Any) -> retrain.Retrained:
        def both(step: str) -> None:
            steps.append(step)
            progress(step)

        return kept(*given, progress=both, **named)

    monkeypatch.setattr(cli, "retrain", watched)
    monkeypatch.setattr(
        retrain,
        "shipped",
        lambda *given, **named: shipped.shipped(*given, **{**named, "cache": place.models.parent / "cold"}),
    )
    assert run("train", place.data, "--base", place.base, "--out", place.models / "trade-1").exit_code == 0
    assert [step for step in steps if step in retrain.STEPS] == list(retrain.STEPS)
    assert "reading the corpus, once: 50 of 60 answers" in steps
