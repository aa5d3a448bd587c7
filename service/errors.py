"""What can go wrong, as exceptions that say what was expected, what came, and what to do.

No message ever holds words of an answer.
"""

from __future__ import annotations

from dataclasses import dataclass


class StarFeedbackError(Exception):
    """The base of all errors that the project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request: a JSON pointer to the field, a stable code, a message."""

    pointer: str
    code: str
    message: str


class InvalidRequest(StarFeedbackError):
    """A request that is malformed (400), too long (413) or understood but invalid (422)."""

    def __init__(self, status: int, detail: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.problems = problems


class Overloaded(StarFeedbackError):
    """The waiting line is full; the same request may pass in ``retry_after`` seconds."""

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class DeadlineExceeded(StarFeedbackError):
    """The answer was not ready in time; nothing partial is ever returned."""

    detail = "the answer was not ready before the deadline"
    retry_after = 2


class ModelRefused(StarFeedbackError):
    """A model folder that is damaged, foreign or made by other versions."""


class RulesRefused(StarFeedbackError):
    """A rules file that cannot be read as rules; says where and why."""


class SettingsRefused(StarFeedbackError):
    """A setting that is missing, malformed or unsafe."""
