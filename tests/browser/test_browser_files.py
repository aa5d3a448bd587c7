"""The pages of a file of answers: with and without a script, by keyboard, narrow, in the dark."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from werkzeug.serving import make_server

from service.batch.rows import BadRow, Row
from service.jobs.runner import Runner
from service.jobs.store import Store, open_store
from service.settings import Settings
from service.web.app import create_app
from tests.batch.conftest import answers, jsonl
from tests.batch.fakes import HereEngine
from tests.jobs.working import work_off
from tests.web.fakes import FakeReviewer

from .browsing import Page
from .test_browser_access import MEASURE_CONTRAST

ROWS = 30


@dataclass
class Files:
    """The pages in a browser, and the store behind them."""

    page: Page
    settings: Settings
    file: Path

    def open(self, path: str = "/files", *, width: int = 1280, scheme: str = "light") -> None:
        # A page that still scrolls moves away from under the pointer.
        wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wanted.items()]
        self.page.command("Emulation.setEmulatedMedia", media="", features=features)
        self.page.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        self.page.driver.get(self.page.origin + path)

    def send(self, path: Path | None = None) -> str:
        """Send a file with the form; return the path of the page that comes."""
        self.page.one("#file").send_keys(str(path or self.file))
        self.page.one("#file-form button").click()
        self.page.wait(lambda: self.at != "/files" or self.page.all("#file-trouble"))
        return self.at

    @property
    def at(self) -> str:
        return self.page.driver.current_url.removeprefix(self.page.origin)

    def store(self) -> Store:
        return open_store(self.settings)


@pytest.fixture
def files(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[Files]:
    """Open the page for a file, on an application with a store of its own."""
    settings = Settings(rate_requests=0, rate_bytes=0, jobs_dir=str(tmp_path / "jobs"))
    server = make_server("127.0.0.1", 0, create_app(settings, FakeReviewer()), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    file = tmp_path / "clients.jsonl"
    file.write_bytes(jsonl(answers(ROWS)))
    files = Files(Page(browser, f"http://127.0.0.1:{server.server_port}"), settings, file)
    files.open()
    yield files
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert files.page.seen("violations") == []
    assert files.page.seen("faults") == []
    assert files.page.foreign_requests() == []
    # A page that asks on would ask the next test's service.
    browser.get("about:blank")
    server.shutdown()
    thread.join()


def slowly(files: Files, *, pause: float) -> threading.Thread:
    """Judge the jobs that wait, in a thread, a row after each pause."""

    class SlowEngine(HereEngine):
        def evaluate(self, rows: Iterable[Row | BadRow]) -> Iterator[bytes]:
            for line in super().evaluate(rows):
                time.sleep(pause)
                yield line

    def work() -> None:
        store = files.store()
        runner = Runner(
            files.settings,
            open_store=lambda: store,
            make_engine=SlowEngine,
            stop=threading.Event(),
            tell=Mock(),
        )
        runner.turn()
        store.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_file_is_sent_followed_and_fetched(files: Files) -> None:
    path = files.send()
    page = files.page
    assert path.startswith("/files/")
    assert page.text("#state") == "Waiting for its turn."
    assert not page.one("#again").is_displayed(), "the script asks by itself"
    assert page.one("#bar").get_attribute("value") == "0"
    worker = slowly(files, pause=0.1)
    page.wait(lambda: page.text("#state") == "At work.")
    page.wait(lambda: 0 < page.run("return document.getElementById('bar').value") < ROWS)
    assert page.text("#judged").endswith(f" of {ROWS} answers")
    page.wait(lambda: page.all("#done-title"))
    worker.join()
    assert page.driver.title == "Done: a file of answers"
    assert page.texts(".counts dt") == ["Answers", "Scored", "Not scored", "In error"]
    figures = [int(text) for text in page.texts(".counts dd")]
    assert figures[0] == ROWS == sum(figures[1:])
    for link in page.all(".downloads a"):
        status = page.run(
            "return fetch(arguments[0]).then((reply) => [reply.status, reply.headers.get('Content-Disposition')])",
            link.get_attribute("href"),
        )
        assert status[0] == 200
        assert status[1].startswith("attachment")


def test_the_page_says_when_the_state_changes_and_no_more(files: Files) -> None:
    files.send()
    page = files.page
    state = page.one("#state")
    assert state.aria_role == "status"
    page.run(
        """window.said = [];
        new MutationObserver(() => window.said.push(document.getElementById("state").textContent))
          .observe(document.getElementById("state"), { childList: true, characterData: true, subtree: true });"""
    )
    worker = slowly(files, pause=0.12)
    page.wait(lambda: page.run("return window.said") == ["At work."])
    page.wait(lambda: page.run("return document.getElementById('bar').value") > ROWS / 2)
    assert page.run("return window.said") == ["At work."]
    page.wait(lambda: page.all("#done-title"))
    worker.join()


def test_without_a_script_the_same_pages_serve(files: Files) -> None:
    page = files.page
    page.command("Emulation.setScriptExecutionDisabled", value=True)
    files.open()
    path = files.send()
    assert page.driver.title == "Waiting: a file of answers"
    work_off(files.settings)
    time.sleep(1.5)
    assert page.all("#progress"), "nothing happens by itself"
    page.one("#again").click()
    page.wait(lambda: page.all("#done-title"))
    assert files.at == path
    page.one("summary").click()
    page.one("form button").click()
    page.wait(lambda: files.at.startswith("/files?"))
    assert page.one(".notice").text == "The file was deleted, with all that came of it."


def test_a_service_that_is_away_is_waited_for(files: Files) -> None:
    files.send()
    page = files.page
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    page.command("Network.enable")
    page.command("Network.emulateNetworkConditions", **offline)
    page.wait(lambda: page.text("#state").startswith("The service can’t be reached. The file is kept"))
    work_off(files.settings)
    page.command(
        "Network.emulateNetworkConditions",
        **{**offline, "offline": False, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    page.wait(lambda: page.all("#done-title"))


def test_a_file_that_is_deleted_elsewhere_is_told(files: Files) -> None:
    path = files.send()
    assert (
        files.page.run(
            "return fetch(arguments[0], { method: 'DELETE' }).then((reply) => reply.status)",
            path.replace("/files/", "/v1/jobs/"),
        )
        == 200
    )
    files.page.wait(lambda: files.page.all("#file-trouble"))
    assert "it was deleted, or its time is over" in files.page.text("#file-trouble")


def test_a_file_that_is_not_accepted_is_explained_at_the_form(files: Files, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("id,text\r\n1,a\r\n")
    assert files.send(wrong) == "/files"
    page = files.page
    assert page.one("#file-trouble").aria_role == "alert"
    assert page.texts("#file-trouble p")[0] == "The file was not accepted"
    assert "names no column 'answer'" in page.text("#file-trouble")
    assert page.one("#file").get_attribute("aria-invalid") == "true"
    files.send()
    assert files.at.startswith("/files/")


def test_deleting_takes_two_steps_and_stops_the_work(files: Files) -> None:
    files.send()
    page = files.page
    button = page.one("details button")
    assert not button.is_displayed()
    page.one("summary").click()
    assert button.is_displayed()
    button.click()
    page.wait(lambda: page.all(".notice"))
    assert work_off(files.settings) == []
    assert page.one(".notice").aria_role == "status"


def test_the_whole_way_by_keyboard(files: Files) -> None:
    page = files.page
    page.press(Keys.TAB)
    assert page.focused().text == "Skip to the content"
    page.press(Keys.ENTER)
    page.press(Keys.TAB)
    assert page.focused().get_attribute("id") == "file"
    page.focused().send_keys(str(files.file))
    page.press(Keys.TAB)
    assert page.focused().text == "Send the file"
    page.press(Keys.ENTER)
    page.wait(lambda: files.at.startswith("/files/"))
    work_off(files.settings)
    page.wait(lambda: page.all("#done-title"))
    page.run("document.getElementById('main').focus()")
    reached = []
    for _ in range(5):
        page.press(Keys.TAB)
        reached.append(page.focused().text)
        assert page.run("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached == [
        "Reports",
        "Figures for Excel",
        "Figures as CSV",
        "Everything as JSON",
        "Delete this file …",
    ]
    page.press(Keys.ENTER, Keys.TAB)
    assert page.focused().text == "Delete now"
    page.press(Keys.ENTER)
    page.wait(lambda: page.all(".notice"))


def test_every_field_and_landmark_has_a_name(files: Files) -> None:
    page = files.page
    for path in ("/files", files.send()):
        files.open(path)
        for selector in ("main", "h1", "nav[aria-label]"):
            assert len(page.all(selector)) == 1
        for element in page.all("input, button, progress, form, section"):
            assert element.accessible_name or element.tag_name == "form" or not element.is_displayed()
        levels = [int(element.tag_name[1]) for element in page.all("h1, h2, h3")]
        assert levels[0] == 1
        assert set(levels[1:]) <= {2}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_pages_fit_and_can_be_read(files: Files, tmp_path: Path, width: int, scheme: str) -> None:
    page = files.page
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("id,text\r\n1,a\r\n")
    path = files.send()

    def check() -> None:
        assert page.run("return document.documentElement.scrollWidth <= window.innerWidth")
        page.run("for (const node of document.querySelectorAll('details')) node.open = true")
        for ratio, where in page.run(MEASURE_CONTRAST):
            assert ratio >= 4.5, where
        for target in page.all("main a, main button, main summary, main input"):
            if target.is_displayed() and not page.run("return arguments[0].closest('p') !== null", target):
                assert target.rect["height"] >= 24

    files.open(path, width=width, scheme=scheme)
    check()
    work_off(files.settings)
    files.open(path, width=width, scheme=scheme)
    check()
    page.one("details button").click()
    page.wait(lambda: page.all(".notice"))
    check()
    files.send(wrong)
    check()


def test_the_page_for_one_answer_leads_here_where_there_are_jobs(files: Files) -> None:
    files.open("/")
    link = next(link for link in files.page.all("nav a") if link.text == "A file of answers")
    link.click()
    files.page.wait(lambda: files.at == "/files")
    current = files.page.driver.find_element(By.CSS_SELECTOR, "nav [aria-current='page']")
    assert current.text == "A file of answers"


def test_failed_is_said(files: Files) -> None:
    path = files.send()
    store = files.store()
    for _ in range(3):
        lease = store.claim("one")
        assert lease is not None
        store.note_fault(lease)
    store.close()
    files.page.wait(lambda: files.page.driver.title == "Failed: a file of answers")
    assert files.at == path
    assert files.page.all("progress") == []
