"""The command line with the obedient reviewer: ``python -m tests.batch.fake_cli``."""

from __future__ import annotations

from service.batch import evaluation
from service.cli import main

from .fakes import load_obedient

if __name__ == "__main__":
    setattr(evaluation, "load_reviewer", load_obedient)  # noqa: B010 - the type checker takes it for a constant
    main()
