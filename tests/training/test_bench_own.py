"""What training on own data costs is measured on the very thing, first without and then with what is kept."""

from __future__ import annotations

from pathlib import Path

from service.settings import Settings
from training.bench_own import measure_own
from training.corpus import read_jsonl
from training.formats.importing import import_labels, write_imported
from training.formats.records import Options
from training.formats.registry import FORMATS
from training.shipped import Corpus
from training.story import EXPORT, ROOT

from ..conftest import TinyModel
from .retraining import TINY_MARGINS


def test_two_trainings_are_measured_on_answers_that_the_corpus_lacks_then(
    tiny: TinyModel, tmp_path: Path
) -> None:
    path = tmp_path / "own.jsonl"
    write_imported(import_labels(ROOT / EXPORT, FORMATS["label-studio"], Options()), path)
    own = tuple(read_jsonl(path))
    answers = tuple(item.answer for item in tiny.prepared)
    settings = Settings(models_dir=tiny.folder.parent)
    corpus = Corpus((*answers, *own), own, answers[:6])
    first, later = measure_own(settings, tiny.folder.name, corpus, 400, TINY_MARGINS.own)
    assert (first.name, later.name) == ("first run", "later runs")
    assert first.clauses == later.clauses
    assert 400 <= first.clauses < 430
    assert 20 <= first.answers == later.answers < 100
    assert first.seconds > 0
    assert first.processor > later.processor > 0
