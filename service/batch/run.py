"""A run from file to file that may be killed at any moment and started again.

The rows are read once to see that all of them can be, and what the file is; then judged from where an earlier
run of the same file, by the same versions, stopped. The result appears under its name whole, or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from io import BufferedReader, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

from service.batch.journal import Journal
from service.batch.outcomes import Judged, judged
from service.batch.pool import Engine
from service.batch.rows import BadRow, Media, Row, read_rows
from service.batch.summary import Summary
from service.errors import StarFeedbackError
from service.records import Versions
from service.settings import Settings

OutputKind = Literal["jsonl", "csv", "xlsx"]
#: Called with the rows that are done, and all.
Progress = Callable[[int, int], object]
#: Called with a sentence for people.
Say = Callable[[str], object]
#: Called with all rows and their replies, after the last.
Reader = Callable[[Iterator[Judged]], object]

_MEDIA: dict[str, Media] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_OUTPUTS: dict[str, OutputKind] = {".jsonl": "jsonl", ".csv": "csv", ".xlsx": "xlsx"}
#: The form of the journal; another one is not gone on with.
_JOURNAL_FORM = 1


class BatchRefused(StarFeedbackError):
    """A batch that cannot be run as it was asked for."""


class BatchFailed(StarFeedbackError):
    """A batch that went wrong in a way that must not pass for a result."""


def check_paths(source: Path, out: Path) -> None:
    """Raise ``BatchRefused`` where these cannot be the input and the output of a batch."""
    for path, endings in ((source, _MEDIA), (out, _OUTPUTS)):
        if path.suffix.lower() not in endings:
            raise BatchRefused(f"{path.name} must end in {' or '.join(endings)}")
    if not source.is_file():
        raise BatchRefused(f"{source.name} must be a file, since it is read more than once")
    if not out.parent.is_dir():
        raise BatchRefused(f"the folder of {out.name} does not exist")
    if out.is_dir() or (out.exists() and out.samefile(source)):
        raise BatchRefused(f"{out.name} must be another file than {source.name}, and no folder")


def run_batch(
    source: Path,
    out: Path,
    *,
    engine: Engine,
    settings: Settings,
    resume: bool = True,
    progress: Progress = lambda _done, _rows: None,
    say: Say = lambda _words: None,
    readers: Sequence[Reader] = (),
) -> Summary:
    """Judge the rows of ``source`` and write ``out``, in the form of its ending; return what became of them.

    ``engine`` is entered here, when the input is known to be readable. Each of ``readers`` gets all rows with
    their replies before the journal goes. Raises ``BatchRefused`` and ``UnreadableFile`` before any work,
    ``JournalTaken`` where another run writes ``out``, ``EngineFailed``, ``BatchFailed``, and ``OSError``; the
    lines that are ready stay in the journal then.
    """
    began = time.monotonic()
    check_paths(source, out)
    media = _MEDIA[source.suffix.lower()]
    with source.open("rb") as stream:
        identity = _identity(stream)

        def rows() -> Iterator[Row | BadRow]:
            stream.seek(0)
            return read_rows(stream, media, settings=settings)

        count = sum(1 for _ in rows())
        digest = _digest(stream)
        with Journal(out) as journal:
            with engine:
                header = _header(digest, media, engine.versions, settings)
                _resume_or_begin(journal, header, resume=resume, say=say)
                done = journal.counts.total()
                progress(done, count)
                for line in engine.evaluate(islice(rows(), done, None)):
                    journal.append(line)
                    progress(journal.counts.total(), count)
            if journal.counts.total() != count:
                raise BatchFailed(f"{journal.counts.total()} results came of {count} rows")
            if _identity(stream) != identity:
                raise BatchFailed(f"{source.name} was changed while it was read; run the batch again")
            _write(out, journal, lambda: judged(rows(), journal.lines()), say)
            for reader in readers:
                reader(judged(rows(), journal.lines()))
            journal.remove()
            return Summary.of(journal.counts, time.monotonic() - began)


def _identity(stream: BinaryIO) -> tuple[int, int]:
    """Return what changes when a file is written to."""
    found = os.fstat(stream.fileno())
    return found.st_size, found.st_mtime_ns


def _digest(stream: BufferedReader) -> str:
    stream.seek(0)
    return hashlib.file_digest(stream, "sha256").hexdigest()


def _header(digest: str, media: Media, versions: Versions, settings: Settings) -> dict[str, object]:
    """Return all that the lines depend on."""
    limits = (
        settings.max_tokens,
        settings.max_sentences,
        settings.max_body_bytes,
        settings.max_json_depth,
    )
    return {
        "form": _JOURNAL_FORM,
        "input": digest,
        "media": media,
        "versions": asdict(versions),
        "limits": limits,
    }


def _resume_or_begin(journal: Journal, header: dict[str, object], *, resume: bool, say: Say) -> None:
    if resume and journal.resume(header):
        if journal.counts:
            say(f"going on behind row {journal.counts.total()}, where an earlier run stopped")
        return
    if not journal.is_empty:
        why = "it had other input or was made by other versions" if resume else "as told"
        say(f"the unfinished run that is there is thrown away, {why}; beginning with row 1")
    journal.begin(header)


def _write(out: Path, journal: Journal, outcomes: Callable[[], Iterator[Judged]], say: Say) -> None:
    """Write ``out`` under another name, then give it its own."""
    with _scratch(out) as folder:
        new = folder / "new"
        with os.fdopen(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            match _OUTPUTS[out.suffix.lower()]:
                case "jsonl":
                    file.writelines(line + b"\n" for line in journal.lines())
                case "csv":
                    from service.batch.tables import write_csv

                    text = TextIOWrapper(file, encoding="utf-8", newline="")
                    write_csv(text, outcomes())
                    text.flush()
                    text.detach()
                case "xlsx":
                    from service.batch.tables import write_xlsx

                    cut = write_xlsx(file, outcomes(), scratch=folder)
                    if cut:
                        say(f"{cut} texts were cut to fit a cell of Excel; a .jsonl or .csv has them whole")
            file.flush()
            os.fsync(file.fileno())
        new.replace(out)
        _sync_folder(out.parent)


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """Give a private folder beside ``out``; what a killed run left in it goes."""
    folder = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
