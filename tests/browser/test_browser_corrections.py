"""Corrections on the page: parts by mouse and by keyboard, findings, what is said before anything is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from werkzeug.serving import make_server

from service.labels import Label, QuestionType, Severity
from service.records import Answer, Report
from service.settings import Settings
from service.web.app import create_app
from training.formats.corrections import CORRECTIONS
from training.formats.importing import import_labels
from training.formats.records import Options

from .browsing import Page
from .marked_report import (
    QUESTION,
    STORY,
    VERSIONS,
    ScriptedReviewer,
    abstained,
    finding,
    report_on,
    spans_of,
    text_of,
)
from .test_browser_access import MEASURE_CONTRAST, SCHEMES

PARTS = (
    (Label.SITUATION, "Last 😀 spring the till failed,"),
    (Label.ACTION, "so I wrote a paper ledger. I rang them, too."),
    (Label.RESULT, "Nobody waited."),
)
ANSWER = text_of(PARTS)


def told(answer: Answer) -> Report:
    """Return a report with a finding twice, and one on the whole answer."""
    findings = [
        finding("task.missing", Severity.ADVICE, Label.TASK, insert_at=0),
        finding("language.hedging", Severity.ADVICE, at=(0, 4)),
        finding("language.hedging", Severity.ADVICE, at=(5, 6)),
    ]
    return report_on(answer, spans_of(PARTS), findings)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "corrections.jsonl"


@pytest.fixture(scope="module")
def origin(_scripted: ScriptedReviewer, file: Path) -> Iterator[str]:
    """Serve the application with corrections switched on."""
    app = create_app(Settings(rate_requests=0, corrections_file=str(file)), _scripted)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def opened(page: Page, reviewer: ScriptedReviewer, file: Path) -> Page:
    """Give the page with the form of corrections unfolded."""
    file.unlink(missing_ok=True)
    reviewer.script = told
    page.submit(ANSWER, QUESTION)
    page.one(".correction > summary").click()
    return page


def labels(page: Page) -> str:
    """Return the letter of each word."""
    found: str = page.run(
        "return [...document.querySelectorAll('.word')].map(({ dataset }) => dataset.letter).join('')"
    )
    return found


def chosen(page: Page) -> str:
    """Return the words that are chosen."""
    return " ".join(page.texts('.word[aria-selected="true"]'))


def word(page: Page, index: int) -> Any:
    return page.all(".word")[index]


def keep(page: Page, name: str = "Coach Ø") -> None:
    """Write a name, send, and wait until it is kept or refused."""
    field = page.one("#corrected_by")
    field.clear()
    field.send_keys(name)
    page.one('.correction button[type="submit"]').click()
    page.wait(lambda: page.text(".correction .outcome") or page.text(".correction .trouble"))


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_what_is_kept_is_said_before_it_is_sent(opened: Page, file: Path) -> None:
    notice = opened.one(".correction .notice")
    assert notice.is_displayed()
    assert "every word of the answer" in " ".join(notice.text.split())
    assert "until its operator deletes it" in " ".join(notice.text.split())
    assert not file.exists(), "looking at the form keeps nothing"
    keep(opened)
    assert opened.text(".correction .outcome").startswith("Kept.")
    assert len(rows(file)) == 1


def test_words_begin_with_the_labels_of_the_report_and_are_sent_whole(opened: Page, file: Path) -> None:
    assert opened.texts(".word") == ANSWER.split()
    assert labels(opened) == "SSSSSSAAAAAAAAAARR"
    keep(opened)
    found = import_labels(file, CORRECTIONS, Options())
    assert found.messages == ()
    (answer,) = found.answers
    assert answer.text == ANSWER
    assert answer.question == QUESTION
    assert answer.question_type is None, "what the service has guessed is no label"
    assert [(ANSWER[s.start : s.end], s.label) for s in answer.spans] == [(t, label) for label, t in PARTS]
    assert answer.findings == ("task.missing", "language.hedging")
    assert (answer.meta["corrected_by"], answer.meta["model"]) == ("Coach Ø", VERSIONS.model)


def test_parts_by_keyboard(opened: Page, file: Path) -> None:
    opened.run("document.querySelector('.word').focus()")
    opened.press(Keys.ARROW_DOWN)
    assert chosen(opened) == "Last 😀 spring the till failed,"
    opened.press(Keys.ARROW_DOWN)
    assert chosen(opened) == "so I wrote a paper ledger."
    opened.press("r")
    assert labels(opened) == "SSSSSSRRRRRRAAAARR"
    assert opened.text("#announcement") == "6 words: Result."
    opened.press(Keys.ARROW_RIGHT)
    assert chosen(opened) == "I"
    opened.press_with(Keys.SHIFT, Keys.ARROW_RIGHT)
    assert chosen(opened) == "I rang"
    opened.press("T")
    assert labels(opened) == "SSSSSSRRRRRRTTAARR"
    opened.press(Keys.HOME)
    opened.press_with(Keys.SHIFT, Keys.ARROW_DOWN)
    opened.press_with(Keys.SHIFT, Keys.ARROW_DOWN)
    assert chosen(opened) == "Last 😀 spring the till failed, so I wrote a paper ledger."
    opened.press_with(Keys.SHIFT, Keys.ARROW_UP)
    assert chosen(opened) == "Last 😀 spring the till failed, so"
    opened.press(Keys.END)
    assert chosen(opened) == "waited."
    opened.press("o")
    opened.press(Keys.ARROW_UP)
    assert chosen(opened) == "Nobody waited."
    opened.press(Keys.ARROW_UP)
    assert chosen(opened) == "too."
    assert labels(opened) == "SSSSSSRRRRRRTTAARO"
    # Out of the list with one press, to the buttons, which do the same.
    opened.press(Keys.TAB, Keys.TAB, Keys.ENTER)
    assert opened.text("#announcement") == "1 word: Task."
    assert labels(opened) == "SSSSSSRRRRRRTTATRO"
    keep(opened)
    assert [span["label"][0] for span in rows(file)[0]["spans"]] == list("SRTATRO")
    assert rows(file)[0]["spans"][-1]["end"] == len(ANSWER)


def test_other_keys_do_what_they_always_do(opened: Page) -> None:
    opened.run("document.querySelector('.word').focus()")
    before = labels(opened)
    opened.press_with(Keys.CONTROL, "a")
    opened.press("x")
    assert labels(opened) == before
    assert len(opened.all('.word[tabindex="0"]')) == 1


def test_parts_by_mouse(opened: Page) -> None:
    chain = webdriver.ActionChains(opened.driver)
    chain.move_to_element(word(opened, 6)).click_and_hold().move_to_element(
        word(opened, 8)
    ).release().perform()
    assert chosen(opened) == "so I wrote"
    opened.one('.parts [data-label="OTHER"]').click()
    assert labels(opened) == "SSSSSSOOOAAAAAAARR"
    word(opened, 0).click()
    chain = webdriver.ActionChains(opened.driver)
    chain.key_down(Keys.SHIFT).click(word(opened, 3)).key_up(Keys.SHIFT).perform()
    assert chosen(opened) == "Last 😀 spring the"
    webdriver.ActionChains(opened.driver).double_click(word(opened, 13)).perform()
    assert chosen(opened) == "I rang them,"


def test_a_word_tells_a_listener_its_part(opened: Page) -> None:
    assert word(opened, 0).get_attribute("aria-label") == "Last, Situation"
    assert word(opened, 6).accessible_name == "so, Action"
    box = opened.one(".labels")
    assert (box.aria_role, box.accessible_name) == ("listbox", "The parts")
    for button, letter in zip(opened.all(".parts button"), "STARO", strict=True):
        assert button.get_attribute("aria-keyshortcuts") == letter


def test_findings_are_rejected_and_added(opened: Page, file: Path) -> None:
    ticks = opened.all(".ticks input")
    assert [tick.get_attribute("value") for tick in ticks] == ["task.missing", "language.hedging"]
    ticks[0].click()
    select = Select(opened.one("#finding-choice"))
    offered = {option.get_attribute("value") for option in select.options}
    assert "result.not_measured" in offered
    assert not offered & {"task.missing", "language.hedging", "criterion.salary.range:met"}
    select.select_by_value("result.not_measured")
    opened.one(".correction .add").click()
    assert opened.focused().get_attribute("value") == "result.not_measured"
    assert "result.not_measured" not in {option.get_attribute("value") for option in select.options}
    keep(opened)
    assert rows(file)[0]["findings"] == ["language.hedging", "result.not_measured"]


def test_a_criterion_says_whether_it_is_met(page: Page, reviewer: ScriptedReviewer, file: Path) -> None:
    file.unlink(missing_ok=True)

    def salary(answer: Answer) -> Report:
        found = [
            finding("criterion.salary.range", Severity.STRENGTH),
            finding("criterion.salary.market", Severity.ADVICE),
        ]
        return report_on(answer, spans_of(PARTS), found, kind=None, question_type=QuestionType.SALARY)

    reviewer.script = salary
    page.run("document.querySelector('#question_type').value = 'salary'")
    page.submit(ANSWER)
    page.one(".correction > summary").click()
    offered = {option.get_attribute("value") for option in Select(page.one("#finding-choice")).options}
    assert "criterion.salary.range:missing" in offered
    assert not offered & {"criterion.salary.range:met", "task.missing"}
    keep(page)
    (row,) = rows(file)
    assert row["findings"] == ["criterion.salary.range:met", "criterion.salary.market:missing"]
    assert (row["question"], row["question_type"]) == (None, "salary")


@pytest.mark.parametrize("name", ["", "  "])
def test_without_a_name_nothing_is_sent(opened: Page, file: Path, name: str) -> None:
    keep(opened, name)
    assert opened.text("#corrected_by-error") == "Write a name first."
    assert opened.focused().get_attribute("id") == "corrected_by"
    assert opened.one("#corrected_by").get_attribute("aria-invalid") == "true"
    assert not file.exists()
    keep(opened)
    assert opened.texts(".correction .trouble p") == []
    assert len(rows(file)) == 1


def test_what_could_not_be_kept_is_told_and_can_be_sent_again(opened: Page, file: Path) -> None:
    file.mkdir()
    keep(opened)
    assert opened.texts(".correction .trouble p") == [
        "It could not be kept",
        "Corrections can't be kept just now: Is a directory. Try again in 10 seconds.",
        "Your text is still in the form.",
    ]
    assert opened.text(".correction .outcome") == ""
    file.rmdir()
    keep(opened)
    assert len(rows(file)) == 1


def test_what_is_not_judged_has_nothing_to_correct(page: Page, reviewer: ScriptedReviewer) -> None:
    reviewer.script = abstained
    page.submit("asdf jkl")
    assert page.all(".correction") == []


def test_the_next_report_has_a_form_of_its_own(opened: Page, file: Path) -> None:
    opened.run("document.querySelector('.word').focus()")
    opened.press("o")
    opened.submit(ANSWER, QUESTION)
    assert len(opened.all(".correction")) == 1
    assert labels(opened) == "SSSSSSAAAAAAAAAARR"
    ids = opened.run("return [...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(set(ids)) == len(ids)


def test_an_answer_is_never_markup(page: Page, reviewer: ScriptedReviewer, file: Path) -> None:
    file.unlink(missing_ok=True)
    hostile = '<img src=x onerror="alert(1)"> </span><b>x</b>'
    reviewer.script = lambda answer: report_on(answer, spans_of([(Label.OTHER, hostile)]))
    page.submit(hostile)
    page.one(".correction > summary").click()
    assert page.all(".correction img, .correction b") == []
    keep(page, "<b>me</b>")
    assert rows(file)[0]["text"] == hostile
    assert rows(file)[0]["meta"]["corrected_by"] == "<b>me</b>"


def test_white_space_is_counted_as_the_service_counts_it(
    page: Page, reviewer: ScriptedReviewer, file: Path
) -> None:
    file.unlink(missing_ok=True)
    odd = "I\u0085rang\u00a0them\ufeffall.\u2028Then\u200bit\u001cworked."
    reviewer.script = lambda answer: report_on(answer, spans_of([(Label.ACTION, odd)]))
    page.submit(odd)
    page.one(".correction > summary").click()
    assert page.texts(".word") == odd.split()
    keep(page)
    assert len(rows(file)) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast(page: Page, reviewer: ScriptedReviewer, scheme: str) -> None:
    reviewer.script = told
    page.open(media={"prefers-color-scheme": scheme})
    page.submit(ANSWER, QUESTION)
    page.one(".correction > summary").click()
    page.run("document.querySelector('.word').focus()")
    page.press_with(Keys.SHIFT, Keys.ARROW_DOWN)
    measured = page.run(MEASURE_CONTRAST)
    assert any(what.startswith("SPAN.word") for _, what in measured)
    assert [(round(ratio, 2), what) for ratio, what in measured if ratio < 4.5] == []


@pytest.mark.parametrize("width", [320, 640, 1280])
def test_nothing_scrolls_sideways(page: Page, reviewer: ScriptedReviewer, width: int) -> None:
    long = f"{'Donaudampfschifffahrt' * 20} ended."
    reviewer.script = lambda answer: report_on(answer, spans_of([(Label.ACTION, long)]))
    page.open(width=width)
    page.submit(long)
    page.run("for (const node of document.querySelectorAll('details')) node.open = true")
    assert page.run("return document.documentElement.scrollWidth") <= width


def test_it_is_not_printed(opened: Page) -> None:
    opened.command("Emulation.setEmulatedMedia", media="print")
    assert not opened.one(".correction").is_displayed()
    opened.command("Emulation.setEmulatedMedia", media="")


def test_every_control_is_reached_in_order(opened: Page) -> None:
    opened.one(".correction > summary").click()
    opened.one(".correction > summary").click()
    reached = []
    for _ in range(12):
        opened.press(Keys.TAB)
        node = opened.focused()
        names = (node.get_attribute(name) for name in ("data-label", "id", "value", "class", "type"))
        reached.append(next(filter(None, names)))
    assert reached == [
        "word part-SITUATION opens",
        *(label.value for label in Label),
        "task.missing",
        "language.hedging",
        "finding-choice",
        "add plain",
        "corrected_by",
        "submit",
    ]


def test_the_whole_story_fits(page: Page, reviewer: ScriptedReviewer) -> None:
    page.submit(text_of(STORY), QUESTION)
    page.one(".correction > summary").click()
    assert page.texts(".word") == text_of(STORY).split()
