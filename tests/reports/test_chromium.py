"""The reports in a real browser: no script runs, nothing is cut off, and they print on A4."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from selenium import webdriver

from service.labels import Label
from service.reports.folder import write_reports

from .payloads import PAYLOADS
from .replies import GROUP, VERSIONS, told

#: What lies outside the window, but for what is hidden and for the inside of pictures.
_OUTSIDE = """
const most = document.documentElement.clientWidth;
return [...document.body.querySelectorAll("*")].filter((node) => {
  if (node.ownerSVGElement || !node.checkVisibility()) return false;
  const { left, right, width } = node.getBoundingClientRect();
  return width > 0 && (right > most + 1 || left < -1 || node.scrollWidth > node.clientWidth + 1 &&
    getComputedStyle(node).display !== "inline");
}).map((node) => `${node.localName}.${node.className}`);
"""
LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 20


@pytest.fixture(scope="module")
def difficult(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give reports with long words, other scripts, emoji, many sessions, and every payload."""
    folder = tmp_path_factory.mktemp("difficult") / "reports"
    parts = [
        (Label.SITUATION, LONG),
        (Label.TASK, "שלום עולם, היה לי לסיים את זה"),
        (Label.ACTION, "👩🏽‍🚒 led 😀 a team 🇬🇧 " * 30),
        (Label.RESULT, "\u202edone\u202c"),
    ]
    rows = [
        *GROUP,
        *(told(100 + n, client=LONG, parts=parts, findings=(), question=LONG, date=f"2026-01-{n:02}") for n in range(1, 13)),
        # A third of them name a client and so a page; the others share one.
        *(told(200 + n, client=payload if n % 3 == 0 else "Many", question=payload, row_id=payload,
               parts=((Label.ACTION, f"I {payload} did"),), findings=())
          for n, payload in enumerate(PAYLOADS)),
    ]  # fmt: skip
    write_reports(rows, folder, versions=VERSIONS)
    return folder


def sized(chromium: webdriver.Chrome, path: Path, width: int, *, media: str = "") -> webdriver.Chrome:
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    chromium.get(path.as_uri())
    # What is far away is laid out too.
    chromium.execute_script(
        "for (const answer of document.querySelectorAll('.answer')) answer.style.contentVisibility = 'visible'"
    )
    return chromium


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "orders/stood.html",
        "client-001.html",
        "client-002.html",
        "no-client.html",
        "client-004.html",
    ],
)
def test_nothing_is_cut_off(name: str, width: int, chromium: webdriver.Chrome, difficult: Path) -> None:
    driver = sized(chromium, difficult / name, width)
    assert driver.execute_script(_OUTSIDE) == []
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["index.html", "client-001.html", "client-004.html"])
def test_nothing_is_cut_off_on_paper(name: str, chromium: webdriver.Chrome, difficult: Path) -> None:
    # A4 less the margins of the page, 178 mm, in CSS pixels.
    driver = sized(chromium, difficult / name, 673, media="print")
    assert driver.execute_script(_OUTSIDE) == []


def test_no_script_runs_and_nothing_is_asked_for(chromium: webdriver.Chrome, difficult: Path) -> None:
    for path in sorted(difficult.rglob("*.html")):
        driver = sized(chromium, path, 1280)
        seen = driver.execute_script("return window.seen")
        assert (seen["dialogs"], seen["violations"], seen["faults"]) == ([], [], []), path.name
        assert driver.execute_script("return document.scripts.length") == 0
        assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
        style = "return getComputedStyle(document.querySelector('header.band')).borderBottomStyle"
        assert driver.execute_script(style) == "solid"


def test_the_policy_stops_a_script_that_would_be_there(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    write_reports(GROUP[:1], tmp_path / "r", versions=VERSIONS)
    page = tmp_path / "r/client-001.html"
    planted = page.read_text(encoding="utf-8").replace("</main>", "<script>alert(1)</script></main>")
    page.write_text(planted, encoding="utf-8")
    seen = sized(chromium, page, 1280).execute_script("return window.seen")
    assert seen["dialogs"] == []
    assert seen["violations"] == ["script-src-elem inline"]


def test_words_are_read_as_they_were_given(chromium: webdriver.Chrome, folder: Path) -> None:
    driver = sized(chromium, folder / "client-001.html", 1280)
    shown = driver.execute_script(
        """return [...document.querySelectorAll("#answer-1 .words")].map((words) =>
        [...words.querySelectorAll("span")].map((span) => span.textContent).join(""));"""
    )
    assert shown == [span["text"] for span in GROUP[0].reply["spans"]]


def test_parts_are_named_and_coloured(chromium: webdriver.Chrome, folder: Path) -> None:
    driver = sized(chromium, folder / "client-001.html", 1280)
    rows = driver.execute_script(
        """return [...document.querySelectorAll("#answer-1 .row:has(.words)")].map((row) => [
          row.querySelector(".tag").innerText.split(/\\s+/).slice(0, 2).join(" "),
          getComputedStyle(row.querySelector(".words")).borderLeftColor,
          getComputedStyle(row.querySelector(".words")).borderLeftStyle]);"""
    )
    assert [name for name, _, _ in rows] == [
        "O Other", "S Situation", "A Action", "R Result", "A Action", "R Result",
    ]  # fmt: skip
    assert len({(colour, line) for _, colour, line in rows}) == 4


def test_notes_stand_beside_their_words(chromium: webdriver.Chrome, folder: Path) -> None:
    driver = sized(chromium, folder / "client-001.html", 1280)
    words, note = driver.execute_script(
        """const row = document.querySelector("#answer-1 .row:has(mark):has(.notes)");
        return [".words", ".note"].map((name) => row.querySelector(name).getBoundingClientRect().toJSON());"""
    )
    assert note["left"] >= words["right"]
    assert abs(note["top"] - words["top"]) < 10


@pytest.mark.parametrize("name", ["index.html", "client-001.html"])
def test_pages_print_on_a4(name: str, chromium: webdriver.Chrome, folder: Path) -> None:
    sized(chromium, folder / name, 1280)
    printed = chromium.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", base64.b64decode(printed["data"]))
    assert boxes
    assert {(round(float(width)), round(float(height))) for width, height in boxes} == {(595, 842)}


def test_pictures_have_words(chromium: webdriver.Chrome, folder: Path) -> None:
    for name in ("index.html", "client-001.html"):
        driver = sized(chromium, folder / name, 1280)
        names = driver.execute_script(
            "return [...document.querySelectorAll('svg')].map((node) => node.getAttribute('aria-label'))"
        )
        assert names
        assert all(name and name.strip() for name in names)


def test_a_column_s_head_leads_to_its_order(chromium: webdriver.Chrome, folder: Path) -> None:
    driver = sized(chromium, folder / "index.html", 1280)

    def names() -> list[str]:
        found: list[str] = driver.execute_script(
            "return [...document.querySelectorAll('.clients tbody th')].map((cell) => cell.innerText)"
        )
        return found

    assert names() == ["Ann", "Ben", "Cy", "Without a client name"]
    driver.find_element("link text", "Mean").click()
    assert names()[0] == "Cy"
    driver.find_element("css selector", "[aria-sort] a").click()
    assert names()[0] == "Ben"
    driver.find_element("link text", "Ben").click()
    assert driver.find_element("css selector", "h1").text == "Ben"
