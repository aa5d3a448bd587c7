"""What it costs to train on own data: once while the shipped corpus is read, and from then on."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from service.language.ends import SentenceEnds
from service.language.model_folder import SENTENCE_ENDS, load_model
from service.language.nlp import Language, load_nlp
from service.settings import Settings
from training.corpus import LabelledAnswer
from training.own_data import OwnLimits
from training.prepare import prepared
from training.retrain import retrain
from training.shipped import Corpus


@dataclass(frozen=True, slots=True)
class OwnRun:
    """One training: what it was given, its seconds on the clock, and those of processors."""

    name: str
    answers: int
    clauses: int
    seconds: float
    processor: float


def measure_own(
    settings: Settings, base: str, corpus: Corpus, clauses: int, limits: OwnLimits
) -> Iterator[OwnRun]:
    """Yield the first training on ``clauses`` own clauses, with nothing kept of the corpus, and the second.

    Own answers are those of the development part, taken out of ``corpus`` for the purpose, which is that much smaller;
    loading the model and the pipeline counts.
    """
    own, count = _own_part(settings, base, corpus, clauses)
    ids = {answer.id for answer in own}
    rest = replace(corpus, answers=tuple(a for a in corpus.answers if a.id not in ids))
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first run", "later runs"):
            began, spent = time.perf_counter(), time.process_time()
            nlp = load_nlp(settings.spacy_model)
            retrain(
                own,
                load_model(settings.models_dir, base, nlp),
                nlp,
                rest,
                Path(folder, "own-1"),
                limits=limits,
                files=(),
                command="python -m training.bench",
                cache=Path(folder, "cache"),
            )
            yield OwnRun(name, len(own), count, time.perf_counter() - began, time.process_time() - spent)


def _own_part(
    settings: Settings, base: str, corpus: Corpus, clauses: int
) -> tuple[list[LabelledAnswer], int]:
    """Return so many answers of the development part that they have ``clauses``, and how many they have."""
    nlp = load_nlp(settings.spacy_model)
    model = load_model(settings.models_dir, base, nlp)
    language = Language(nlp, SentenceEnds(model.heads[SENTENCE_ENDS]))
    own: list[LabelledAnswer] = []
    count = 0
    for item in prepared(corpus.development, language):
        if count >= clauses:
            break
        own.append(item.answer)
        count += len(item.features)
    return own, count
