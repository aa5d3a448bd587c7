"""What became of the rows of a batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from service.batch.evaluation import Status


@dataclass(frozen=True, slots=True)
class Summary:
    """``rows`` is always ``scored`` + ``abstained`` + ``errors``; ``seconds`` is how long this run took."""

    rows: int
    scored: int
    abstained: int
    errors: int
    seconds: float

    @classmethod
    def of(cls, counts: Counter[Status], seconds: float) -> Summary:
        """Sum up how many rows ended with each status."""
        return cls(counts.total(), counts["scored"], counts["abstained"], counts["error"], round(seconds, 3))

    def as_data(self) -> dict[str, object]:
        """Return it as the last line of a batch's reply has it."""
        return {
            "summary": {
                "rows": self.rows,
                "scored": self.scored,
                "abstained": self.abstained,
                "errors": self.errors,
                "seconds": self.seconds,
            }
        }
