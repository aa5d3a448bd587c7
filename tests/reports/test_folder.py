"""The folder of reports: whole or not there, bounded in memory, and nothing of anyone else's is deleted."""

from __future__ import annotations

import csv
import json
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.batch.outcomes import Judged
from service.labels import Label
from service.reports.folder import FolderRefused, check_folder, write_reports
from service.reports.pages import VIEWS

from .reading import foreign, parsed, text, with_class
from .replies import GROUP, VERSIONS, told

INDEXES = {view.path for view in VIEWS}
FIGURES = {"figures.csv", "figures.xlsx"}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_clients_are_numbered_in_order_of_first_appearance(folder: Path) -> None:
    clients = {"client-001.html", "client-002.html", "client-003.html", "no-client.html"}
    assert files(folder) == INDEXES | FIGURES | clients
    names = [text(parsed(folder / f"client-00{number}.html").iter("h1").__next__()) for number in (1, 2, 3)]
    assert names == ["Ann", "Ben", "Cy"]


def test_every_row_is_on_one_page(folder: Path) -> None:
    shown: list[int] = []
    for path in folder.glob("*client*.html"):
        answers = with_class(parsed(path), "answer")
        for answer in answers:
            place = next(text(item) for item in answer.iter("div") if text(item).startswith("Row"))
            shown.append(int(place.removeprefix("Row").split()[0]))
    assert sorted(shown) == [row.row for row in GROUP]


def test_every_page_is_sound_and_tells_that_a_person_decides(folder: Path) -> None:
    for path in sorted(folder.rglob("*.html")):
        root = parsed(path)
        assert foreign(root) == []
        assert "Advice from a practice tool; a person decides." in text(next(root.iter("header")))
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        targets = {f"#{name}" for name in ids}
        for link in root.iter("a"):
            href = link.get("href") or ""
            assert href in targets if href[0] == "#" else (path.parent / href.split("#")[0]).is_file(), href


def test_names_that_differ_in_blanks_or_unicode_form_are_one_client(tmp_path: Path) -> None:
    rows = [told(number, client=name) for number, name in enumerate(("Zoë  B", " Zoe\u0308 B\n", "Zoë B"))]
    write_reports(rows, tmp_path / "r", versions=VERSIONS)
    assert files(tmp_path / "r") == INDEXES | FIGURES | {"client-001.html"}


@pytest.mark.parametrize("name", [None, "", " \n"])
def test_rows_without_a_name_go_to_one_page(name: str | None, tmp_path: Path) -> None:
    write_reports([told(1, client=name), told(2, client=None)], tmp_path / "r", versions=VERSIONS)
    assert files(tmp_path / "r") == INDEXES | FIGURES | {"no-client.html"}
    page = parsed(tmp_path / "r/no-client.html")
    assert "There is no post-mortem here" in text(page)
    assert len(with_class(page, "answer")) == 2


def test_an_empty_group_has_an_index(tmp_path: Path) -> None:
    write_reports([], tmp_path / "r", versions=VERSIONS)
    assert files(tmp_path / "r") == INDEXES | FIGURES
    assert "There were no rows." in text(parsed(tmp_path / "r/index.html"))


def test_over_a_thousand_clients_have_pages_of_their_own(tmp_path: Path) -> None:
    rows = [told(number, client=str(number), parts=(), findings=()) for number in range(1, 1_003)]
    write_reports(rows, tmp_path / "r", versions=VERSIONS)
    assert {"client-001.html", "client-999.html", "client-1002.html"} <= files(tmp_path / "r")


def test_equal_rows_are_equal_bytes(folder: Path, tmp_path: Path) -> None:
    write_reports(iter(GROUP), tmp_path / "r", versions=VERSIONS)
    for name in files(folder):
        assert (tmp_path / "r" / name).read_bytes() == (folder / name).read_bytes(), name


def test_earlier_reports_are_replaced(tmp_path: Path) -> None:
    write_reports(GROUP, tmp_path / "r", versions=VERSIONS)
    write_reports(GROUP[:1], tmp_path / "r", versions=VERSIONS)
    assert files(tmp_path / "r") == INDEXES | FIGURES | {"client-001.html"}
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_only_its_owner_can_open_the_folder(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "name", ["thesis.odt", "client-1.html", "orders/x.html", "client-001.html/x", ".git"]
)
def test_a_folder_with_anything_else_is_refused(name: str, tmp_path: Path) -> None:
    write_reports(GROUP[:1], tmp_path / "r", versions=VERSIONS)
    (tmp_path / "r/client-001.html").unlink()
    path = tmp_path / "r" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(FolderRefused, match=r"^r holds what is no report"):
        write_reports(_never(), tmp_path / "r", versions=VERSIONS)
    assert path.read_text() == "mine"


def _never() -> Iterator[Judged]:
    yield from ()
    raise AssertionError("nothing is read for a folder that is refused")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("mine")
    with pytest.raises(FolderRefused, match=r"^r is a file"):
        check_folder(tmp_path / "r")


@pytest.mark.parametrize("earlier", [True, False])
def test_what_goes_wrong_leaves_what_was_there(earlier: bool, tmp_path: Path) -> None:
    if earlier:
        write_reports(GROUP[:1], tmp_path / "r", versions=VERSIONS)
    before = files(tmp_path)

    def failing() -> Iterator[Judged]:
        yield GROUP[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_reports(failing(), tmp_path / "r", versions=VERSIONS)
    assert files(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == earlier


def test_a_killed_run_leaves_no_reports_and_the_next_one_clears_up(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from tests.reports.replies import GROUP, VERSIONS\n"
        "from service.reports.folder import write_reports\n"
        "def rows():\n    yield from GROUP\n    os.kill(os.getpid(), 9)\n"
        "write_reports(rows(), pathlib.Path(sys.argv[1]), versions=VERSIONS)"
    )
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run([sys.executable, "-c", code, tmp_path / "r"], cwd=root, check=False)
    assert killed.returncode == -9
    assert not (tmp_path / "r").exists()
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o700]
    write_reports(GROUP, tmp_path / "r", versions=VERSIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_answers_are_not_held_in_memory(tmp_path: Path) -> None:
    answer = "word " * 4_000
    count = 400

    def rows() -> Iterator[Judged]:
        for number in range(count):
            reply = {
                "row": number,
                "id": None,
                "error": {"detail": "x", "errors": [{"pointer": "", "code": "x", "message": "x"}]},
            }
            yield Judged(number, str(number % 7), None, answer, None, None, json.loads(json.dumps(reply)))

    tracemalloc.start()
    write_reports(rows(), tmp_path / "r", versions=VERSIONS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "r/figures.csv").stat().st_size > count * len(answer)
    assert peak < count * len(answer) / 2


def test_texts_that_do_not_fit_a_cell_are_told(tmp_path: Path) -> None:
    long = told(parts=[(Label.ACTION, "😀" * 19_000)], findings=())
    write_reports([long], tmp_path / "r", versions=VERSIONS)
    assert "1 text is cut in figures.xlsx" in text(parsed(tmp_path / "r/index.html"))
    with (tmp_path / "r/figures.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["answer"] == long.answer


def test_reports_need_neither_the_model_nor_the_web() -> None:
    code = "import sys, service.reports.folder; print(*{name.split('.')[0] for name in sys.modules})"
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert {"jinja2", "service"} <= loaded
    assert loaded & {"spacy", "numpy", "flask", "thinc", "werkzeug"} == set()
