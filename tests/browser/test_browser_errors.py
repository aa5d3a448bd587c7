"""What the page says when there is no feedback; the text stays in the form."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import urlopen

import pytest
from flask import Flask, Response
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from werkzeug.serving import make_server

from service.errors import DeadlineExceeded, InvalidRequest, Overloaded, Problem
from service.records import Answer, Report

from .browsing import Page
from .marked_report import QUESTION, STORY, Script, ScriptedReviewer, story, text_of

ANSWER = text_of(STORY)


def raising(error: Exception) -> Script:
    """Return the script of a reviewer that fails."""

    def script(answer: Answer) -> Report:
        raise error

    return script


def trouble(page: Page) -> list[str]:
    """Return the lines of the message, after the texts in the form were found unharmed."""
    kept = page.run("return ['answer', 'question'].map((name) => document.getElementById(name).value)")
    assert kept == [ANSWER, QUESTION]
    assert page.one("#trouble").aria_role == "alert"
    lines = page.texts("#trouble p")
    assert lines[-1] == "Your text is still in the form."
    assert page.one("#submit").is_enabled()
    assert page.text("#submit") == "Get feedback"
    return lines[:-1]


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (
            InvalidRequest(413, "the answer has more than 5000 tokens"),
            ["The text is too long", "The answer has more than 5000 tokens."],
        ),
        (
            InvalidRequest(422, "it does not fit", (Problem("", "odd", "there is an odd thing"),)),
            ["The request was not accepted", "It does not fit. There is an odd thing."],
        ),
        (
            Overloaded("the line is full", retry_after=7),
            ["The service is busy", "The line is full. Try again in 7 seconds."],
        ),
        (
            Overloaded("the line is full"),
            ["The service is busy", "The line is full. Try again in 1 second."],
        ),
        (
            DeadlineExceeded(),
            [
                "No feedback this time",
                "The answer was not ready before the deadline. Try again in 2 seconds.",
            ],
        ),
        (
            RuntimeError("a fault"),
            [
                "Something went wrong",
                "The service failed; the fault is logged under the id in X-Request-Id.",
            ],
        ),
    ],
)
def test_error_is_told_and_text_kept(
    page: Page, reviewer: ScriptedReviewer, error: Exception, lines: list[str]
) -> None:
    reviewer.script = raising(error)
    page.submit(ANSWER, QUESTION)
    assert trouble(page) == lines
    reviewer.script = story
    page.send()
    assert page.texts("#trouble p") == []
    assert page.text("#report-title") == "Feedback"


def test_error_at_a_field_stands_at_that_field(page: Page, reviewer: ScriptedReviewer) -> None:
    problems = (
        Problem("/question_type", "literal_error", "Input should be 'salary'"),
        Problem("/context", "string_too_long", "String should have at most 20000 characters"),
    )
    reviewer.script = raising(InvalidRequest(422, "it does not fit", problems))
    page.submit(ANSWER, QUESTION)
    assert trouble(page) == ["The request was not accepted", "Look at: Question type, Role or company."]
    assert page.text("#question_type-error") == "Input should be 'salary'."
    assert page.text("#context-error") == "Too long: at most 20,000 characters."
    for name in ("question_type", "context"):
        field = page.one(f"#{name}")
        assert field.is_displayed()
        assert field.get_attribute("aria-invalid") == "true"
        assert f"{name}-error" in (field.get_attribute("aria-describedby") or "").split()
    assert page.focused().get_attribute("id") == "question_type"
    reviewer.script = story
    page.send()
    assert page.texts("#form .field-error") == [""] * 4
    assert page.all("[aria-invalid]") == []


def test_error_at_a_field_that_is_not_on_the_page_is_told_too(page: Page, reviewer: ScriptedReviewer) -> None:
    problem = Problem("/client", "odd", "there is an odd client")
    reviewer.script = raising(InvalidRequest(422, "it does not fit", (problem,)))
    page.submit(ANSWER, QUESTION)
    assert trouble(page) == ["The request was not accepted", "There is an odd client."]


def test_too_long_an_answer_is_counted_and_refused_by_the_service(
    page: Page, reviewer: ScriptedReviewer
) -> None:
    long = "😀" * 20_001
    page.submit(long)
    assert page.text("#answer-count") == "20,001 of 20,000 characters: too long"
    assert page.texts("#trouble p")[:2] == ["The text is too long", "Look at: Answer."]
    assert page.text("#answer-error") == "Too long: at most 20,000 characters."
    assert page.run("return document.getElementById('answer').value") == long
    assert reviewer.seen == []


@pytest.mark.parametrize("nothing", ["", " \n "])
def test_empty_answer_is_not_sent(page: Page, reviewer: ScriptedReviewer, nothing: str) -> None:
    page.submit(nothing, QUESTION)
    assert page.text("#answer-error") == "Paste or type an answer first."
    assert page.focused().get_attribute("id") == "answer"
    assert reviewer.seen == []


def test_lone_surrogate_is_refused_and_kept(page: Page, reviewer: ScriptedReviewer) -> None:
    page.run("document.getElementById('answer').value = 'I led \\ud83d a team'")
    page.send()
    assert page.text(".trouble-title") == "The request was not accepted"
    assert page.run("return document.getElementById('answer').value.charCodeAt(6)") == 0xD83D
    assert reviewer.seen == []


def test_no_network(page: Page, reviewer: ScriptedReviewer, browser: webdriver.Chrome) -> None:
    browser.set_network_conditions(offline=True, latency=0, throughput=0)
    try:
        page.submit(ANSWER, QUESTION)
    finally:
        browser.delete_network_conditions()
    assert trouble(page) == [
        "The service can’t be reached",
        "It may have stopped, or the connection is gone. Try again when it is back.",
    ]
    page.send()
    assert page.text("#report-title") == "Feedback"


def test_earlier_report_stays_when_the_next_request_fails(page: Page, reviewer: ScriptedReviewer) -> None:
    page.submit(ANSWER, QUESTION)
    reviewer.script = raising(Overloaded("the line is full"))
    page.one("#submit").click()
    page.wait(lambda: page.texts("#trouble p"))
    assert page.text("#report-title") == "Feedback"


def test_second_press_while_the_first_is_under_way_sends_nothing(
    page: Page, reviewer: ScriptedReviewer
) -> None:
    released = threading.Event()

    def slow(answer: Answer) -> Report:
        released.wait(10)
        return story(answer)

    reviewer.script = slow
    page.fill(ANSWER, QUESTION)
    page.forget_outcome()
    page.one("#submit").click()
    page.wait(lambda: page.text("#submit") == "Reading…")
    page.one("#submit").click()
    page.one("#answer").send_keys(Keys.CONTROL, Keys.ENTER)
    released.set()
    page.wait_for_outcome()
    assert len(reviewer.seen) == 1
    assert page.text("#report-title") == "Feedback"


@dataclass
class Between:
    """Something between page and service, such as a proxy that is broken: it gives ``reply`` to a POST."""

    origin: str = ""
    reply: Response | None = None


@pytest.fixture
def between(origin: str) -> Iterator[Between]:
    """Serve what stands between: the page is that of the service."""
    between = Between()
    proxy = Flask("proxy", static_folder=None)

    @proxy.get("/", defaults={"path": ""})
    @proxy.get("/<path:path>")
    def page_of_the_service(path: str) -> Response:
        with urlopen(f"{origin}/{path}") as reply:  # noqa: S310  # the origin is the fixture's
            return Response(reply.read(), headers=dict(reply.headers))

    @proxy.post("/v1/feedback")
    def feedback() -> Response:
        assert between.reply is not None
        return between.reply

    server = make_server("127.0.0.1", 0, proxy, threaded=True)
    between.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield between
    server.shutdown()
    thread.join()


@pytest.mark.parametrize(
    ("reply", "title", "detail"),
    [
        (
            Response("<h1>Bad Gateway</h1>", 502, content_type="text/html"),
            "Something went wrong",
            "The service answered with status 502.",
        ),
        (
            Response("{", 503, content_type="application/json"),
            "No feedback this time",
            "Try again in a moment.",
        ),
        (
            Response(
                "{}", 429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, content_type="application/json"
            ),
            "The service is busy",
            "Try again in a moment.",
        ),
        (
            Response("<p>Log in</p>", 200, content_type="text/html"),
            "The reply was not understood",
            "The service and this page may be of different versions. Copy your text, then reload the page.",
        ),
        (
            Response("null", 200, content_type="application/json"),
            "The reply was not understood",
            "The service and this page may be of different versions. Copy your text, then reload the page.",
        ),
        (
            Response("", 302, {"Location": "/elsewhere"}),
            "The service can’t be reached",
            "It may have stopped, or the connection is gone. Try again when it is back.",
        ),
    ],
)
def test_replies_of_something_in_between_are_told(
    browser: webdriver.Chrome, between: Between, reply: Response, title: str, detail: str
) -> None:
    between.reply = reply
    page = Page(browser, between.origin).open()
    page.submit(ANSWER, QUESTION)
    assert trouble(page) == [title, detail]
    assert page.seen("faults") == []
