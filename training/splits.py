"""Which answers train, which tune, and which are never looked at until the end.

A whole writing batch stands on one side, chosen by the hash of its name, so that nothing near-identical
stands on two sides and no answer ever changes sides when the corpus grows.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path

from training.corpus import LabelledAnswer, read_jsonl

DATA = Path(__file__).parent / "data"
MARKED = DATA / "marked"


class Split(StrEnum):
    """The three parts of the corpus."""

    TRAIN = "train"
    DEVELOPMENT = "development"
    TEST = "test"


def split_of(batch: str) -> Split:
    """Return the part that a writing batch belongs to: a fifth each for test and development."""
    digit = int(hashlib.sha256(batch.encode()).hexdigest(), 16) % 10
    return Split.TEST if digit < 2 else Split.DEVELOPMENT if digit < 4 else Split.TRAIN


def path_of(split: Split) -> Path:
    """Return the JSON Lines file of one part."""
    return DATA / f"{split.value}.jsonl"


def read_split(split: Split) -> list[LabelledAnswer]:
    """Read one part of the corpus."""
    return read_jsonl(path_of(split))
