"""What a finished job is handed out as: its lines, a table, the reports in one archive.

Files are made in a private folder and lose their name before they are sent, so that nothing stays behind.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import tee
from pathlib import Path
from typing import BinaryIO, Literal, get_args
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from service.batch.outcomes import Judged, judged
from service.batch.tables import write_csv, write_xlsx
from service.jobs.database import failing_plainly
from service.jobs.scratch import scratch
from service.jobs.store import JobGone, Store
from service.records import Versions
from service.reports.folder import write_reports

Format = Literal["jsonl", "csv", "xlsx"]
FORMATS: tuple[Format, ...] = get_args(Format)
#: The folder that unpacking the archive of reports makes.
REPORTS = "reports"
#: Of every file in an archive, so that equal reports are equal bytes.
_MOMENT = (1980, 1, 1, 0, 0, 0)


def lines_of(store: Store, owner: str, job_id: str) -> Iterator[bytes]:
    """Yield the lines of a job, with their ends: what ``star-feedback batch`` writes to a .jsonl file."""
    for _, line in store.outcomes(owner, job_id):
        yield line + b"\n"


def open_table(store: Store, owner: str, job_id: str, kind: Literal["csv", "xlsx"]) -> BinaryIO:
    """Return a table of a job's figures, open at its beginning. Raises ``JobGone`` and ``StoreFailed``."""
    with failing_plainly(), scratch(store.folder) as folder:
        file = (folder / "table").open("w+b")
        if kind == "csv":
            text = TextIOWrapper(file, encoding="utf-8", newline="")
            write_csv(text, _judged(store, owner, job_id))
            text.flush()
            text.detach()
        else:
            write_xlsx(file, _judged(store, owner, job_id), scratch=folder)
        file.seek(0)
        return file


def open_reports(store: Store, owner: str, job_id: str) -> BinaryIO:
    """Return the reports of a job as a ZIP archive, open at its beginning.

    Raises ``JobGone`` and ``StoreFailed``.
    """
    job = store.get(owner, job_id)
    if job is None or job.made_by is None:
        raise JobGone
    versions = Versions(**json.loads(job.made_by)["versions"])
    with failing_plainly(), scratch(store.folder) as folder:
        write_reports(_judged(store, owner, job_id), folder / REPORTS, versions=versions)
        return _zipped(folder / REPORTS, folder / "archive")


def _judged(store: Store, owner: str, job_id: str) -> Iterator[Judged]:
    rows, lines = tee(store.outcomes(owner, job_id))
    return judged((row for row, _ in rows), (line for _, line in lines))


def _zipped(folder: Path, path: Path) -> BinaryIO:
    file = path.open("w+b")
    with ZipFile(file, "w") as archive:
        for source in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = ZipInfo(source.relative_to(folder.parent).as_posix(), _MOMENT)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            with source.open("rb") as content, archive.open(entry, "w") as packed:
                shutil.copyfileobj(content, packed)
    file.seek(0)
    return file
