"""What each part of the labeller is worth: the same learner, fitted again without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from training.candidates import chained, lone, perceptrons
from training.fit import Baseline, fit_baseline, stopping_early
from training.prepare import PreparedAnswer

BASELINES = ("position only", "words only")


def baselines(answers: Sequence[PreparedAnswer]) -> dict[str, Baseline]:
    """Return predictors, fitted on ``answers``, that see nothing but the place of a clause, or its words."""
    return {sees: fit_baseline(answers, sees) for sees in BASELINES}


def ablations(answers: Sequence[PreparedAnswer]) -> dict[str, Baseline]:
    """Return predictors fitted on ``answers``: with every part, and without position, context and decoding.

    Decoding is left out when predicting; the others are fitted again, since a model that has learnt to lean on a
    part is worse without it than one that never had it.
    """
    items = [item for item in answers if item.features]
    with stopping_early():
        whole = perceptrons(items)
        return {
            "every part": whole.spans,
            "without position": perceptrons(items, place=False).spans,
            "without context": chained(lone)(items).spans,
            "without decoding": replace(whole, chain=None).spans,
        }
