"""A place to retrain in: the tiny model as base, the corpus that it learnt, and the commands finding both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.errors import StarFeedbackError
from service.settings import Settings
from training import cli, retrain, shipped
from training.cli import main
from training.gate import Margins, read_margins
from training.shipped import Corpus

from ..conftest import TinyModel

#: Sixty answers of two sorts teach so little that labels of real answers are mostly guessed.
TINY_MARGINS = replace(
    read_margins(),
    pairs=20,
    own=replace(read_margins().own, least_agreement=0.1, most_below_corpus=0.7),
    most_loss=0.2,
    most_rise=1.0,
)


def run(*arguments: str | Path) -> Result:
    """Run a command; errors of the project stay exceptions."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def told(*arguments: str | Path) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed, errors of the project among it."""
    try:
        out = run(*arguments)
    except StarFeedbackError as error:
        return 1, f"error: {error}\n"
    return out.exit_code, out.output


def tiny_corpus(tiny: TinyModel) -> Corpus:
    """Return the corpus of the tiny model; half of what trains it is what it is measured on."""
    answers = tuple(item.answer for item in tiny.prepared)
    return Corpus(answers, answers[:6], answers[:30])


@contextmanager
def commands_find(
    models: Path, corpus: Corpus, cache: Path, margins: Margins = TINY_MARGINS
) -> Iterator[pytest.MonkeyPatch]:
    """Make the commands work on ``models`` and ``corpus``."""
    kept = shipped.shipped
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settings, "from_environment", lambda *_: Settings(models_dir=models))
        patch.setattr(cli, "read_corpus", lambda: corpus)
        patch.setattr(cli, "read_margins", lambda: margins)
        patch.setattr(retrain, "shipped", lambda *given, **named: kept(*given, **{**named, "cache": cache}))
        yield patch
