"""Fixtures of the whole suite: the pipeline and the shipped model, loaded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import hypothesis
import pytest
from spacy.language import Language as Nlp

from service.feedback.catalogue import Catalogue, load_catalogue
from service.language.model_folder import SENTENCE_ENDS
from service.language.nlp import Language, load_nlp
from service.reviewer import Reviewer
from service.settings import Settings
from training.ends import fit_sentence_ends
from training.fit import FitSettings, Fitted, fit
from training.folder import write_model
from training.opinions import with_opinions
from training.prepare import PreparedAnswer, prepared

from .training.tiny import answers as tiny_answers

#: The same examples in every run; how long one takes depends on who else uses the machine.
hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the folder of the project."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def nlp() -> Nlp:
    """Give the spaCy pipeline; read its documents through ``language`` only."""
    return load_nlp(Settings().spacy_model)


@pytest.fixture(scope="session")
def language(nlp: Nlp) -> Language:
    """Give the pipeline with its lock and memory zone."""
    return Language(nlp)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """Give the shipped catalogue."""
    return load_catalogue()


@pytest.fixture(scope="session")
def reviewer() -> Reviewer:
    """Give the reviewer with the shipped model and rules."""
    return Reviewer.from_settings(Settings())


@dataclass(frozen=True)
class TinyModel:
    """A model of sixty answers, what it was fitted on, and its folder, which is not to be changed."""

    folder: Path
    fitted: Fitted
    prepared: Sequence[PreparedAnswer]


def write_tiny(folder: Path, fitted: Fitted, items: Sequence[PreparedAnswer], language: Language) -> None:
    """Write the folder of a tiny model."""
    write_model(
        folder,
        fitted,
        nlp=language.nlp,
        answers=[item.answer for item in items],
        settings=FitSettings(),
        figures={},
        card="# A model for tests\n",
    )


@pytest.fixture(scope="session")
def tiny(language: Language, catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """Give a model that is fitted, with its opinions, on a tiny corpus."""
    items = list(prepared(tiny_answers(), language))
    fitted, _ = with_opinions(fit(items), items, language, catalogue)
    ends = fit_sentence_ends([item.answer for item in items], language)
    fitted = replace(fitted, heads={**fitted.heads, SENTENCE_ENDS: ends})
    folder = tmp_path_factory.mktemp("models") / "tiny-1"
    write_tiny(folder, fitted, items, language)
    return TinyModel(folder, fitted, items)
