"""The same answer in standard English and in another English: how far apart their scores are, with the interval.

The pairs are data, ``data/dialects.toml``: written for the project, not reviewed by speakers of the varieties.
"""

from __future__ import annotations

import math
import random
import statistics
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.records import Answer
from training.fairness import Review, score_of
from training.splits import DATA

DIALECTS = DATA / "dialects.toml"
#: Samples of the bootstrap, and the share of them that the interval holds.
_SAMPLES, _INSIDE = 2_000, 0.95


@dataclass(frozen=True, slots=True)
class DialectPair:
    """One answer in two Englishes."""

    id: str
    variety: str
    question: str
    standard: str
    other: str


@dataclass(frozen=True, slots=True)
class Shift:
    """The scores of a pair; ``None`` where the service abstained."""

    pair: DialectPair
    standard: int | None
    other: int | None

    @property
    def change(self) -> int:
        """How many points the other English has more; all of them where it alone was not judged."""
        return (self.other or 0) - (self.standard or 0)


def read_dialects(path: Path = DIALECTS) -> tuple[DialectPair, ...]:
    """Read the data file."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        DialectPair(f"d-{number}", pair["variety"], data["question"], pair["standard"], pair["other"])
        for number, pair in enumerate(data["pair"], start=1)
    )


def compare_dialects(pairs: Sequence[DialectPair], review: Review) -> list[Shift]:
    """Judge both texts of every pair."""
    return [
        Shift(
            pair,
            score_of(review(Answer(pair.standard, pair.question))),
            score_of(review(Answer(pair.other, pair.question))),
        )
        for pair in pairs
    ]


def interval(changes: Sequence[int]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean; the same changes give the same interval."""
    chance = random.Random(len(changes))  # noqa: S311  (no secret)
    means = sorted(statistics.fmean(chance.choices(changes, k=len(changes))) for _ in range(_SAMPLES))
    outside = math.floor(_SAMPLES * (1 - _INSIDE) / 2)
    return means[outside], means[-1 - outside]


def dialect_rows(shifts: Sequence[Shift]) -> Mapping[str, Mapping[str, object]]:
    """Return a row for all pairs and one for each variety: the mean change of the score and its interval."""
    parts: dict[str, list[int]] = defaultdict(list)
    for shift in shifts:
        parts[shift.pair.variety].append(shift.change)
    return {"all": _row([shift.change for shift in shifts])} | {
        name: _row(parts[name]) for name in sorted(parts)
    }


def _row(changes: Sequence[int]) -> dict[str, object]:
    low, high = interval(changes)
    return {
        "pairs": len(changes),
        "mean_change": round(statistics.fmean(changes), 2),
        "low": round(low, 2),
        "high": round(high, 2),
        "largest": max(map(abs, changes)),
        "moved_over_5": sum(abs(change) > 5 for change in changes),
    }
