"""Reviewers for processes of Ray, beside those of the batch tests."""

from __future__ import annotations

import os
from dataclasses import replace

from service.batch.evaluation import Reviews
from tests.batch.fakes import ObedientReviewer
from tests.web.fakes import VERSIONS


def load_varied() -> Reviews:
    """Give every process its own versions."""
    return ObedientReviewer(replace(VERSIONS, model=f"star-{os.getpid()}"))


def load_broken() -> Reviews:
    raise ValueError("Canary")
