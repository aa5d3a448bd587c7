"""The application that every worker process builds for itself, after the fork."""

from __future__ import annotations

import logging

from flask import Flask

from service.errors import StarFeedbackError
from service.reviewer import Reviewer
from service.settings import Settings
from service.web import logs
from service.web.app import create_app
from service.web.runtime import RuntimeDirectory


def build(settings: Settings, runtime: RuntimeDirectory) -> Flask:
    """Return the application with the reviewer that ``settings`` name.

    Where the model or the rules are refused the application runs without: ``/readyz`` says why.
    """
    logs.configure()
    return create_app(settings, _reviewer(settings), rates=runtime.rates)


def _reviewer(settings: Settings) -> Reviewer | StarFeedbackError:
    try:
        return Reviewer.from_settings(settings)
    except StarFeedbackError as refusal:
        logs.log_event("not_ready", level=logging.ERROR, reason=str(refusal))
        return refusal
