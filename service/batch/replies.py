"""What the lines of a batch's reply hold besides replies to single answers, for the published document."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from service.schemas import ProblemReply


class RowErrorReply(BaseModel):
    """A row that could not be judged; the others were."""

    model_config = ConfigDict(extra="forbid")

    row: int = Field(description="From 1, in the input's order.")
    id: str | None
    error: ProblemReply


class Counts(BaseModel):
    """``rows`` is always ``scored`` + ``abstained`` + ``errors``."""

    model_config = ConfigDict(extra="forbid")

    rows: int
    scored: int
    abstained: int
    errors: int
    seconds: float


class SummaryReply(BaseModel):
    """The last line of a whole reply."""

    model_config = ConfigDict(extra="forbid")

    summary: Counts
