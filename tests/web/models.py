"""A models folder with two models that judge the same answer differently, and its index."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from service.labels import Label
from service.language.labeller import LABELS
from service.language.model_index import INDEX
from service.language.nlp import Language
from service.language.perceptron import Layer, Perceptron
from service.records import Answer
from service.reviewer import Reviewer
from service.schemas import feedback_reply, to_json
from service.settings import Settings
from training.folder import set_current

from ..conftest import TinyModel, write_tiny

NAMES = ("tiny-1", "tiny-2")
STORY = (
    "Last year our bakery was short of staff. I had to keep the shop open. I rang every customer and I wrote a list, "
    "so I asked two friends to help. In the end we sold twice as much."
)


@dataclass(frozen=True)
class Models:
    """The folder, and for each model its version and the bytes of its reply on ``STORY``."""

    folder: Path
    versions: dict[str, str]
    replies: dict[str, bytes]

    def promote(self, name: str) -> None:
        """Make a model current, as ``promote`` and ``rollback`` do."""
        set_current(self.folder, name)

    def copy(self, folder: Path) -> Models:
        """Copy the folder."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)

    def damage(self, name: str) -> None:
        """Flip the last bit of a model's largest array."""
        path = self.folder / name / "embedding.npy"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    def mend(self, name: str, whole: Models) -> None:
        """Put a whole model in the place of a damaged one."""
        shutil.rmtree(self.folder / name)
        shutil.copytree(whole.folder / name, self.folder / name)

    def put_index(self, content: bytes) -> None:
        """Put ``content`` in the place of the index, in one step."""
        part = self.folder / "index.new"
        part.write_bytes(content)
        part.rename(self.folder / INDEX)


def write_models(folder: Path, tiny: TinyModel, language: Language) -> Models:
    """Write the tiny model, and one that takes everything for OTHER; the first is current."""
    shutil.copytree(tiny.folder, folder / NAMES[0])
    labeller = tiny.fitted.labeller
    other = np.array([50 * (label is Label.OTHER) for label in LABELS], dtype=np.float32)
    perceptrons = tuple(
        Perceptron((*one.layers[:-1], Layer(one.layers[-1].weights, one.layers[-1].intercept + other)))
        for one in labeller.perceptrons
    )
    changed = replace(labeller, perceptrons=perceptrons)
    write_tiny(folder / NAMES[1], replace(tiny.fitted, labeller=changed), tiny.prepared, language)
    set_current(folder, NAMES[0])
    reviewers = {name: Reviewer.from_settings(Settings(models_dir=folder, model=name)) for name in NAMES}
    return Models(
        folder,
        {name: reviewer.versions.model for name, reviewer in reviewers.items()},
        {name: reply_of(reviewer) for name, reviewer in reviewers.items()},
    )


def reply_of(reviewer: Reviewer) -> bytes:
    """Return the reply on ``STORY``."""
    return to_json(feedback_reply(reviewer.review(Answer(STORY))))
