"""Writes the folder of a batch's reports: a page for each client, the index, the figures as tables.

The folder stands under its name only when it is whole. Rows wait on disk, in a private folder beside it, until
their client's page is made; in memory are one client's figures and counts of the group.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from service.batch.outcomes import Judged
from service.batch.tables import write_csv, write_xlsx
from service.errors import StarFeedbackError
from service.records import Versions
from service.reports.figures import client_name, figures_of
from service.reports.group import GroupTally
from service.reports.pages import VIEWS, Pages
from service.reports.postmortem import post_mortem

#: The page of the rows without a client name.
UNNAMED_PAGE = "no-client.html"
CSV_NAME = "figures.csv"
XLSX_NAME = "figures.xlsx"
_CLIENT_PAGE = re.compile(r"client-\d{3,}\.html")


class FolderRefused(StarFeedbackError):
    """A folder that holds something else than reports, which writing them anew would delete."""


def write_reports(judged: Iterable[Judged], folder: Path, *, versions: Versions) -> None:
    """Write the reports on ``judged`` to ``folder``, in the place of earlier ones.

    Clients are numbered in order of first appearance: no file is named after what a row holds. Raises
    ``FolderRefused`` before anything is read or written, and ``OSError``.
    """
    check_folder(folder)
    folder = folder.resolve()
    with _work_beside(folder) as work:
        made = work / "reports"
        made.mkdir(mode=0o700)
        with _Spool(work / "rows.jsonl") as spool:
            for item in judged:
                spool.add(item)
            cut = _write_figures(made, spool, work)
            _write_pages(made, spool, Pages(versions), cut)
        _publish(made, folder, work / "earlier")


def check_folder(folder: Path, *, apart_from: Iterable[Path] = ()) -> None:
    """Raise ``FolderRefused`` where writing reports to ``folder`` would delete something else.

    ``apart_from`` are files that must lie outside, because the folder is replaced as a whole.
    """
    for path in apart_from:
        if path.resolve().is_relative_to(folder.resolve()):
            raise FolderRefused(f"{path.name} must not lie in {folder.name}, the folder of the reports")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FolderRefused(f"{folder.name} is a file; name a folder for the reports")
    own = {CSV_NAME, XLSX_NAME, UNNAMED_PAGE, *(view.path for view in VIEWS)}
    for path in folder.rglob("*"):
        place = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink() and any(name.startswith(place + "/") for name in own):
            continue
        if place not in own and not _CLIENT_PAGE.fullmatch(place):
            raise FolderRefused(f"{folder.name} holds what is no report; name a new folder or an empty one")


def _write_figures(made: Path, spool: _Spool, work: Path) -> int:
    """Write the tables of figures; return how many texts a cell of the workbook was too short for."""
    with (made / CSV_NAME).open("w", encoding="utf-8", newline="") as file:
        write_csv(file, spool.rows())
    with (made / XLSX_NAME).open("wb") as workbook:
        return write_xlsx(workbook, spool.rows(), scratch=work)


def _write_pages(made: Path, spool: _Spool, pages: Pages, cut: int) -> None:
    tally = GroupTally()
    for name, page in spool.pages():
        answers = [figures_of(item, number=number) for number, item in enumerate(spool.of(page), start=1)]
        told = None if name is None else post_mortem(answers)
        pages.write_client(made / page, name, answers, told, spool.of(page))
        tally.add(name, page, answers, told)
    pages.write_index(made, tally.group(), cut=cut)


class _Spool:
    """All rows in a file, in their order, and for each page the places of its rows."""

    def __init__(self, path: Path) -> None:
        # Only its owner may read what it holds.
        self._file = open(path, "w+b", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
        self._pages: dict[str | None, str] = {}
        self._places: dict[str, array[int]] = {}

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, judged: Judged) -> None:
        """Keep a row."""
        name = client_name(judged.client)
        page = self._pages.get(name)
        if page is None:
            named = len(self._pages) - (None in self._pages)
            page = UNNAMED_PAGE if name is None else f"client-{named + 1:03}.html"
            self._pages[name] = page
            self._places[page] = array("Q")
        self._places[page].append(self._file.tell())
        # In ASCII: halves of surrogate pairs have no UTF-8.
        self._file.write(json.dumps(_as_list(judged)).encode("ascii") + b"\n")

    def pages(self) -> list[tuple[str | None, str]]:
        """Return the client names and their pages in order of first appearance."""
        return list(self._pages.items())

    def rows(self) -> Iterator[Judged]:
        """Yield every row in order; nothing else may read until it ends."""
        self._file.seek(0)
        for line in self._file:
            yield Judged(*json.loads(line))

    def of(self, page: str) -> Iterator[Judged]:
        """Yield the rows of a page."""
        for place in self._places[page]:
            self._file.seek(place)
            yield Judged(*json.loads(self._file.readline()))


def _as_list(judged: Judged) -> list[object]:
    return [
        judged.row, judged.client, judged.question, judged.answer, judged.date, judged.attempt, judged.reply,
    ]  # fmt: skip


@contextmanager
def _work_beside(folder: Path) -> Iterator[Path]:
    """Give a private folder on the same disk, and take it away whatever happens.

    Its name is the same each time, so that one which a killed run left is found and deleted.
    """
    work = folder.parent / f".{folder.name}.star-feedback-part"
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(mode=0o700, parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work)


def _publish(made: Path, folder: Path, earlier: Path) -> None:
    if folder.exists():
        folder.rename(earlier)
    made.rename(folder)
