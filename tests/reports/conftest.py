"""The folder of reports on ``GROUP``, and a Chromium that opens reports from it.

Where there is no Chromium the tests that need one are left out, and the run says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from service.reports.folder import write_reports
from service.reports.pages import Pages
from tests.browser.browsing import find_browser, start_browser

from .replies import GROUP, VERSIONS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if find_browser() is not None:
        return
    out = [item for item in items if "chromium" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


@pytest.fixture(scope="session")
def pages() -> Pages:
    """Give the writer of pages, its templates read."""
    return Pages(VERSIONS)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the reports on ``GROUP``, which are not to be changed."""
    folder = tmp_path_factory.mktemp("group") / "reports"
    write_reports(GROUP, folder, versions=VERSIONS)
    return folder


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Start one Chromium for the session."""
    found = find_browser()
    assert found is not None
    driver = start_browser(*found, tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()
