"""A page served on loopback by the real application, with a reviewer that a test scripts.

Where there is no Chromium the tests that need one are left out, and the run says so;
``REQUIRE_BROWSER=1`` makes that an error.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from selenium import webdriver
from werkzeug.serving import make_server

from service.settings import Settings
from service.web.app import create_app

from .browsing import Page, find_browser, start_browser
from .marked_report import ScriptedReviewer, story

REQUIRE = "REQUIRE_BROWSER"
ABSENT = "no chromium with chromedriver on this machine"
_left_out = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    if find_browser() is None and os.environ.get(REQUIRE) == "1":
        raise pytest.UsageError(f"{REQUIRE} is 1, but there is {ABSENT}")


def pytest_report_header() -> str:
    if find_browser() is None:
        return f"browser tests: left out, {ABSENT} (make test-browser requires it)"
    return "browser tests: with {} and {}".format(*find_browser() or ("", ""))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if find_browser() is not None:
        return
    out = [item for item in items if "browser" in getattr(item, "fixturenames", ())]
    config.stash[_left_out] = len(out)
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    count = config.stash.get(_left_out, 0)
    if count:
        terminalreporter.write_line(f"{count} browser tests were left out: {ABSENT}", yellow=True)


@pytest.fixture(scope="session")
def _scripted() -> ScriptedReviewer:
    return ScriptedReviewer(story)


@pytest.fixture
def reviewer(_scripted: ScriptedReviewer) -> ScriptedReviewer:
    """Give the reviewer behind the page; it tells ``STORY`` until a test scripts it otherwise."""
    _scripted.script = story
    _scripted.seen.clear()
    return _scripted


@pytest.fixture(scope="session")
def origin(_scripted: ScriptedReviewer) -> Iterator[str]:
    """Serve the application for the session; give its origin."""
    app = create_app(Settings(rate_requests=0), _scripted)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Start one Chromium for the session."""
    found = find_browser()
    assert found is not None, ABSENT
    driver = start_browser(*found, tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: webdriver.Chrome, origin: str, reviewer: ScriptedReviewer) -> Iterator[Page]:
    """Open the page; whatever a test does, it may break no policy, raise no fault and ask no other origin."""
    page = Page(browser, origin).open()
    yield page
    assert page.seen("violations") == []
    assert page.seen("faults") == []
    assert page.seen("dialogs") == []
    assert page.foreign_requests() == []
    assert page.run("return localStorage.length + sessionStorage.length + document.cookie.length") == 0
