"""The page where keys are set: it asks for one, sends it, and forgets it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import pytest
from selenium import webdriver
from werkzeug.serving import make_server

from service.settings import Settings
from service.web.app import create_app

from .browsing import Page
from .marked_report import QUESTION, STORY, ScriptedReviewer, story, text_of

KEY = "a key of words"


@pytest.fixture
def page(browser: webdriver.Chrome) -> Iterator[Page]:
    settings = Settings(rate_requests=0, api_key_digests=hashlib.sha256(KEY.encode()).hexdigest())
    server = make_server("127.0.0.1", 0, create_app(settings, ScriptedReviewer(story)), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Page(browser, f"http://127.0.0.1:{server.server_port}").open()
    server.shutdown()
    thread.join()


def ask(page: Page, key: str) -> None:
    page.run("document.getElementById('access-key').value = arguments[0]", key)
    page.fill(text_of(STORY), QUESTION)
    page.one("#submit").click()


@pytest.mark.parametrize("key", ["", "another key"])
def test_without_the_key_the_page_says_where_to_write_it(page: Page, key: str) -> None:
    ask(page, key)
    page.wait(lambda: page.texts("#trouble p"))
    assert page.texts("#trouble p")[:2] == [
        "The access key is missing or wrong",
        "Write the key into the field at the top.",
    ]


def test_with_the_key_feedback_comes_and_the_key_is_stored_nowhere(page: Page) -> None:
    ask(page, f" {KEY} ")
    page.wait(lambda: page.one("#report").is_displayed())
    assert page.run("return localStorage.length + sessionStorage.length + document.cookie.length") == 0
    page.open()
    assert page.run("return document.getElementById('access-key').value") == ""
