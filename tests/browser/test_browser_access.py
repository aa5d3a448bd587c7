"""Reach: by keyboard, by screen reader, on a narrow screen, in the dark, without motion, without script."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from service.records import Answer, InputWarning, Report

from .browsing import Page
from .marked_report import QUESTION, STORY, ScriptedReviewer, abstained, report_on, spans_of, story, text_of

ANSWER = text_of(STORY)
SCHEMES = ("light", "dark")

#: The contrast of every text with what lies behind it, as it was painted.
MEASURE_CONTRAST = """
const channels = (colour) => {
  const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
  return { red, green, blue, alpha };
};
const linear = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const luminance = ({ red, green, blue }) =>
  0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const colour = channels(getComputedStyle(node).backgroundColor);
    if (colour.alpha === 1) return colour;
    if (colour.alpha > 0) throw new Error("a half-clear background can't be measured");
  }
  throw new Error("no background");
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !node.checkVisibility() || node.closest("noscript")) continue;
  const [one, other] = [luminance(channels(getComputedStyle(node).color)), luminance(ground(node))];
  const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  found.push([ratio, `${node.tagName}.${node.className}`]);
}
return found;
"""

STOPS = 'a[href], button, textarea, select, summary, [tabindex="0"]'


def everything(answer: Answer) -> Report:
    """Return a report that fills every place of the page."""
    told = story(answer)
    return report_on(
        answer, spans_of(STORY, confidence=0.5), told.findings, warnings=[InputWarning("x", "A warning.")]
    )


@pytest.fixture
def told(page: Page, reviewer: ScriptedReviewer) -> Page:
    """Give the page with a report that fills every place."""
    reviewer.script = everything
    page.submit(ANSWER, QUESTION)
    return page


def focused_id(page: Page) -> str:
    """Return the id of what has the focus, or its text."""
    focused = page.focused()
    return focused.get_attribute("id") or focused.text


def test_whole_way_by_keyboard(page: Page, reviewer: ScriptedReviewer) -> None:
    page.press(Keys.TAB)
    assert focused_id(page) == "Skip to the answer form"
    assert page.one(".skip").rect["y"] >= 0, "the skip link shows itself when it has the focus"
    page.press(Keys.ENTER)
    page.press(Keys.TAB)
    assert focused_id(page) == "question"
    page.press(QUESTION, Keys.TAB)
    assert focused_id(page) == "answer"
    page.press(ANSWER)
    page.press_with(Keys.CONTROL, Keys.ENTER)
    page.wait(lambda: page.text("#report") != "")
    assert reviewer.seen == [Answer(text=ANSWER, question=QUESTION)]
    assert focused_id(page) == "report-title"

    page.press(Keys.TAB)
    assert focused_id(page) == "How it adds up"
    page.press(Keys.ENTER)
    assert page.one(".sum table").is_displayed()
    page.press(Keys.ENTER)
    page.press(Keys.TAB, Keys.TAB, Keys.ENTER)
    assert focused_id(page) == "gap-2", "the second thing to work on leads to its gap"
    page.press(Keys.TAB, Keys.ENTER)
    assert focused_id(page) == "note-2", "its number leads to its note"
    page.press(Keys.TAB)
    assert page.focused().text == "3"
    page.press(Keys.ENTER)
    assert focused_id(page) == "note-3"
    assert page.one(".note[data-note='3']").get_attribute("open") is not None, "a note unfolds when led to"
    page.press(Keys.TAB, Keys.ENTER)
    assert focused_id(page) == "words-3", "the note leads back to its words"
    assert page.focused().text == "I printed the arrivals list from the night before"


def test_enter_alone_does_not_send(page: Page, reviewer: ScriptedReviewer) -> None:
    page.one("#answer").send_keys("one", Keys.ENTER, "two")
    assert page.run("return document.getElementById('answer').value") == "one\ntwo"
    assert reviewer.seen == []


def test_tab_reaches_everything_and_shows_where_it_is(told: Page) -> None:
    told.run("for (const node of document.querySelectorAll('details')) node.open = true")
    expected = told.run(
        """return [...document.querySelectorAll(arguments[0])]
        .filter((node) => node.checkVisibility() && !node.closest("noscript"))
        .map((node, index) => { node.dataset.stop = index; return String(index); })""",
        STOPS,
    )
    assert len(expected) > 25
    told.run("document.querySelector('.skip').focus()")
    # The browser shows the focus once a key has moved it.
    told.press(Keys.TAB)
    told.press_with(Keys.SHIFT, Keys.TAB)
    reached = []
    for _ in expected:
        stop, width, style = told.run(
            """const node = document.activeElement, { outlineWidth, outlineStyle } = getComputedStyle(node);
            return [node.dataset.stop, outlineWidth, outlineStyle];"""
        )
        reached.append(stop)
        assert style == "solid", stop
        assert float(width.removesuffix("px")) >= 2
        told.press(Keys.TAB)
    assert reached == expected


def test_report_is_announced_and_gets_the_focus(page: Page, reviewer: ScriptedReviewer) -> None:
    region = page.one("#announcement")
    assert region.aria_role == "status"
    page.submit(ANSWER, QUESTION)
    assert page.text("#announcement") == "Feedback is ready. 3 things to work on first."
    assert focused_id(page) == "report-title"
    reviewer.script = abstained
    page.submit("asdf asdf")
    assert page.text("#announcement") == "The answer was not scored. The reason follows."


def test_landmarks_and_language(page: Page) -> None:
    assert page.run("return document.documentElement.lang") == "en"
    assert page.driver.title == "Feedback on an interview answer"
    landmarks = page.all("body > header, nav, main, aside, body > footer")
    assert [node.aria_role for node in landmarks] == [
        "banner", "navigation", "main", "complementary", "contentinfo",
    ]  # fmt: skip
    assert page.one("form").accessible_name == "Answer and question"


def test_headings_go_down_one_step_at_a_time(told: Page) -> None:
    levels = [int(name[1]) for name in told.run(
        """return [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
        .filter((node) => node.checkVisibility()).map((node) => node.tagName)"""
    )]  # fmt: skip
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(lower - upper <= 1 for upper, lower in pairwise(levels))


def test_everything_that_can_be_used_has_a_name(told: Page) -> None:
    told.run("for (const node of document.querySelectorAll('details')) node.open = true")
    nameless = [
        node.get_attribute("outerHTML")
        for node in told.all(STOPS)
        if node.is_displayed() and not node.accessible_name.strip()
    ]
    assert nameless == []
    fields = told.all("form textarea, form select")
    names = {node.get_attribute("id"): node.accessible_name for node in fields}
    assert names == {
        "question": "Question optional",
        "answer": "Answer",
        "question_type": "Question type",
        "context": "Role or company optional",
        "questions": "Questions",
        "questions-context": "About the role or company optional",
    }


def test_visible_text_of_a_link_is_in_its_name(told: Page) -> None:
    """WCAG 2.2, 2.5.3: who speaks to the computer says what is seen."""
    told.run("for (const node of document.querySelectorAll('details')) node.open = true")
    for node in told.all("a[aria-label]"):
        assert node.text.lower() in node.accessible_name.lower()


def test_ids_are_unique_and_references_lead_somewhere(told: Page) -> None:
    ids = told.run("return [...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(set(ids)) == len(ids)
    references = told.run(
        """return ["aria-labelledby", "aria-describedby", "for", "href"].flatMap((name) =>
          [...document.querySelectorAll(`[${name}]`)].flatMap((node) => node.getAttribute(name).split(" ")
            .filter((value) => name !== "href" || value.startsWith("#"))))"""
    )
    assert references
    assert {reference.removeprefix("#") for reference in references} <= set(ids)


def test_parts_and_gaps_are_told_to_a_screen_reader_in_reading_order(told: Page) -> None:
    tree = told.command("Accessibility.getFullAXTree")["nodes"]

    def names(role: str) -> list[str]:
        nodes = [node for node in tree if not node["ignored"] and node["role"]["value"] == role]
        return [node["name"]["value"] for node in nodes]

    parts = [name for name in names("group") if re.match(r"(Gap|Situation|Task|Action|Result|Other)\b", name)]
    assert parts == [
        "Other", "Situation", "Gap: Task is missing here", "Action", "Result", "Action", "Result",
    ]  # fmt: skip
    assert names("columnheader")[-3:] == ["Part", "Share of the words", "Score"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast_of_everything_painted(page: Page, reviewer: ScriptedReviewer, scheme: str) -> None:
    reviewer.script = everything
    page.open(media={"prefers-color-scheme": scheme})
    page.submit(ANSWER, QUESTION)
    page.run(
        """for (const node of document.querySelectorAll("details")) node.open = true;
        for (const node of document.querySelectorAll("mark, .note")) node.classList.add("lit");
        location.hash = "words-3";"""
    )
    measured = page.run(MEASURE_CONTRAST)
    assert len(measured) > 100
    assert [(round(ratio, 2), what) for ratio, what in measured if ratio < 4.5] == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast_of_errors(page: Page, scheme: str) -> None:
    page.open(media={"prefers-color-scheme": scheme})
    page.submit("x" * 20_001)
    measured = page.run(MEASURE_CONTRAST)
    assert {"P.trouble-title", "P.field-error", "P.count over"} <= {what for _, what in measured}
    assert [(round(ratio, 2), what) for ratio, what in measured if ratio < 4.5] == []


def test_dark_scheme_is_dark(page: Page) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    page.open(media={"prefers-color-scheme": "light"})
    assert min(page.run(ground)) > 200
    page.open(media={"prefers-color-scheme": "dark"})
    assert max(page.run(ground)) < 60


@pytest.mark.parametrize("width", [320, 390, 640, 1024, 1280, 1920])
def test_nothing_scrolls_sideways(page: Page, reviewer: ScriptedReviewer, width: int) -> None:
    long = "Donaudampfschifffahrtsgesellschaft" * 8
    parts = tuple((label, f"{words} {long}") for label, words in STORY)
    reviewer.script = lambda answer: report_on(
        answer, spans_of(parts), story(Answer(text_of(STORY))).findings, warnings=[InputWarning("x", long)]
    )
    page.open(width=width)
    page.submit(text_of(parts), question=long)
    page.run("for (const node of document.querySelectorAll('details')) node.open = true")
    assert page.run("return document.documentElement.scrollWidth") <= width
    outside = page.run(
        """return [...document.querySelectorAll("main *")].filter((node) => node.checkVisibility()
          && !node.closest(".visually-hidden") && node.getBoundingClientRect().right > innerWidth + 0.5)
          .map((node) => `${node.tagName}.${node.className}`)"""
    )
    assert outside == []


def test_targets_have_room_for_a_finger(told: Page) -> None:
    """WCAG 2.2, 2.5.8: 24 by 24 CSS pixels, but for links within a sentence."""
    told.run("for (const node of document.querySelectorAll('details')) node.open = true")
    boxes = told.run(
        """return [...document.querySelectorAll(arguments[0])]
        .map((node) => [node.outerHTML.slice(0, 60), node.getBoundingClientRect().height])""",
        "button, textarea, select, summary, nav a, .focus a, .strengths a, .again",
    )
    assert [box for box in boxes if box[1] < 24] == []


def test_motion_is_left_out_for_those_who_ask(page: Page) -> None:
    behaviour = "return getComputedStyle(document.documentElement).scrollBehavior"
    page.open(media={"prefers-reduced-motion": "reduce"})
    assert page.run(behaviour) == "auto"
    assert page.run("return getComputedStyle(document.querySelector('button')).transitionDuration") == "0s"
    page.open(media={"prefers-reduced-motion": "no-preference"})
    assert page.run(behaviour) == "smooth"


def test_without_script_the_page_shows_the_other_ways(page: Page, browser: webdriver.Chrome) -> None:
    page.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.get(page.origin + "/")
        names = [
            node["name"]["value"]
            for node in page.command("Accessibility.getFullAXTree")["nodes"]
            if not node["ignored"] and node.get("name", {}).get("value")
        ]
    finally:
        page.command("Emulation.setScriptExecutionDisabled", value=False)
        page.open()
    assert "Without JavaScript" in names
    assert any("star-feedback score" in name for name in names)
    assert any(f"curl {page.origin}/v1/feedback" in name for name in names)
    assert "Get feedback" not in names
