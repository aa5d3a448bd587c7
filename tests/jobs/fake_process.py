"""The process of jobs with a reviewer that needs no model: ``python -m tests.jobs.fake_process PARENT``."""

from __future__ import annotations

import sys

from service.settings import Settings
from service.web.job_process import run
from tests.batch.fakes import load_obedient

if __name__ == "__main__":
    run(Settings.from_environment(), load_obedient, parent=int(sys.argv[1]))
