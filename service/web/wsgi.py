"""The application that every worker process builds for itself, after the fork."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from flask import Flask

from service.batch.evaluation import Reviews
from service.errors import ModelRefused, StarFeedbackError
from service.jobs.database import StoreFailed
from service.jobs.store import forget_all
from service.language.model_index import IndexWatch, current_model_name, former_model_name
from service.records import Answer
from service.reviewer import Reviewer
from service.settings import Settings
from service.web import logs
from service.web.app import create_app
from service.web.runtime import RuntimeDirectory
from service.web.serving import ANOTHER_SERVES, ModelWatch, Serving

_TRIAL = Answer(
    "Last spring our booking system failed. I had to keep the desk open, so I wrote every booking on paper. "
    "Nobody waited over ten minutes.",
    question="Tell me about a time when you solved a problem.",
)


def build(settings: Settings, runtime: RuntimeDirectory) -> Flask:
    """Return the application with the reviewer that ``settings`` name, or that the index names from time to time.

    Where the model or the rules are refused the application runs without: ``/readyz`` says why.
    """
    logs.configure()
    if settings.jobs_dir and not settings.keeps_jobs:
        _forget_jobs(settings)
    # Before the model is read: what is promoted while it loads is noticed too.
    index = IndexWatch(settings.models_dir)
    serving = _first(settings)
    if not settings.model:
        ModelWatch(serving, index, partial(_current, settings)).start()
    return create_app(settings, serving, rates=runtime.rates)


def _forget_jobs(settings: Settings) -> None:
    try:
        forget_all(settings)
    except StoreFailed as failure:
        logs.log_event("jobs_not_forgotten", level=logging.ERROR, reason=str(failure))


def _first(settings: Settings) -> Serving:
    """Return what serves at the start: the current model, or where that is refused the one before it."""
    try:
        reviewer = Reviewer.from_settings(settings)
    except StarFeedbackError as refusal:
        logs.log_event("not_ready", level=logging.ERROR, reason=str(refusal))
        former = None if settings.model else former_model_name(settings.models_dir)
        if former is None or not isinstance(refusal, ModelRefused):
            return Serving(refusal)
        return _former(replace(settings, model=former), refusal)
    logs.log_event("model", model=reviewer.versions.model)
    return Serving(reviewer)


def _former(settings: Settings, refusal: ModelRefused) -> Serving:
    """Return what serves where the current model is refused."""
    try:
        reviewer = Reviewer.from_settings(settings)
    except StarFeedbackError:
        return Serving(refusal)
    logs.log_event("model_refused", level=logging.ERROR, reason=str(refusal), serves=reviewer.versions.model)
    return Serving(reviewer, warning=f"{ANOTHER_SERVES}: {refusal}")


def _current(settings: Settings, before: Reviews | None) -> Reviewer:
    """Load the model that the index names now, and try it out before anybody depends on it."""
    if isinstance(before, Reviewer):
        reviewer = before.with_model(current_model_name(settings.models_dir))
    else:
        reviewer = Reviewer.from_settings(settings)
    reviewer.review(_TRIAL)
    return reviewer
