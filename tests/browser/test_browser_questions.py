"""The second form, for a candidate's own questions, and what the report says of the role or company."""

from __future__ import annotations

from dataclasses import replace

import pytest
from selenium.webdriver.common.keys import Keys

from service.labels import QuestionCategory
from service.records import Alignment, Answer, Passage, Report, Theme

from .browsing import Page
from .marked_report import QUESTION, STORY, ScriptedReviewer, place, story, text_of
from .test_browser_access import MEASURE_CONTRAST, SCHEMES, focused_id

ASKED = "You said 😀 that the night audit is done by one person. What usually goes wrong with it?"
PARKING = "Is there parking?"
CONTEXT = "We run a hotel with a wedding hall. Weddings are our main trade."


def ask(page: Page, questions: str, context: str = "") -> None:
    """Fill the second form in, send it, and wait until a reply or an error is shown."""
    page.run(
        """const [questions, context] = arguments;
        const form = document.getElementById("questions-form"), button = document.getElementById("questions-submit");
        form.elements.questions.value = questions;
        form.elements.context.value = context;
        document.getElementById("questions-report").replaceChildren();
        button.removeAttribute("aria-disabled");
        button.click();""",
        questions,
        context,
    )
    page.wait(
        lambda: page.run(
            "return document.getElementById('questions-submit').getAttribute('aria-disabled') === 'false'"
        )
    )


def test_whole_way_by_keyboard(page: Page) -> None:
    page.run("document.getElementById('questions-title').focus()")
    page.press(Keys.TAB)
    assert focused_id(page) == "questions"
    page.press(ASKED, Keys.ENTER, PARKING)
    page.press_with(Keys.CONTROL, Keys.ENTER)
    page.wait(lambda: page.text("#questions-report") != "")
    assert focused_id(page) == "questions-report-title"
    assert page.text("#announcement") == "Feedback on 2 questions is ready. 5 subjects not asked about yet."
    assert page.run("return document.getElementById('questions').value") == f"{ASKED}\n{PARKING}"


def test_each_question_is_told_with_its_words(page: Page) -> None:
    ask(page, f"{ASKED}\n\n  {PARKING}  \n")
    assert page.texts("#questions-report .questions .given") == [ASKED, PARKING]
    assert page.texts("#questions-report li:nth-child(1) mark.topic") == ["goes wrong"]
    assert page.texts("#questions-report .kinds strong") == [
        "Challenges of the role, open question, specific to them.",
        "Arrangements and other things, closed question, could be asked anywhere.",
    ]
    notes = page.texts("#questions-report .questions > li:nth-child(2) .note > p:first-child")
    assert "Problem: This can be answered with yes or no. Is" in notes
    assert (
        page.text("#questions-report .questions > li:nth-child(1) .note.strength .severity") == "Strength: "
    )


def test_what_is_not_asked_about_comes_with_a_question(page: Page) -> None:
    ask(page, PARKING)
    missing = page.texts("#questions-report .uncovered li")
    assert len(missing) == len(QuestionCategory) - 1
    assert all(line.endswith("?") for line in missing)
    assert page.one("#questions-report").get_attribute("aria-labelledby") == "questions-report-title"


def test_a_question_on_the_context_is_a_specific_one(page: Page) -> None:
    question = "What is hard about the laundry and the ballroom?"
    ask(page, question)
    assert "specific to them" not in page.text("#questions-report .kinds strong")
    ask(page, question, "Our laundry does the linen of the ballroom and of ninety rooms.")
    assert "specific to them" in page.text("#questions-report .kinds strong")


def test_a_question_is_never_markup(page: Page) -> None:
    hostile = '<img src=x onerror="alert(1)"> What are the <b>challenges</b> of this role?'
    ask(page, hostile)
    assert page.texts("#questions-report .given") == [hostile]
    assert page.all("#questions-report img, #questions-report b") == []


@pytest.mark.parametrize(
    ("questions", "title", "message"),
    [
        ("", "There is no question yet", "Write a question first, one on each line."),
        (" \n ", "There is no question yet", "Write a question first, one on each line."),
        (
            f"{PARKING}\n{'x' * 2_001}",
            "The text is too long",
            "Number 2: Too long: at most 2,000 characters.",
        ),
    ],
)
def test_what_is_wrong_stands_at_its_field(page: Page, questions: str, title: str, message: str) -> None:
    ask(page, questions)
    assert page.texts("#questions-form .trouble p") == [
        title,
        "Look at: Questions.",
        "Your text is still in the form.",
    ]
    assert page.text("#questions-error") == message
    assert focused_id(page) == "questions"
    assert page.one("#questions").get_attribute("aria-invalid") == "true"
    assert page.text("#trouble") == "", "the other form has no part in it"
    ask(page, PARKING)
    assert page.texts("#questions-form .trouble p") == []
    assert page.all("[aria-invalid]") == []


def test_too_many_questions_are_told(page: Page) -> None:
    ask(page, f"{PARKING}\n" * 51)
    assert page.text("#questions-form .trouble-title") == "The request was not accepted"
    assert "50" in page.text("#questions-error")


def test_the_two_forms_stand_beside_each_other(page: Page) -> None:
    ask(page, PARKING)
    page.submit(text_of(STORY), QUESTION)
    assert page.text("#report-title") == "Feedback"
    assert page.texts("#questions-report .given") == [PARKING]
    ids = page.run("return [...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast_of_the_questions(page: Page, scheme: str) -> None:
    page.open(media={"prefers-color-scheme": scheme})
    ask(page, f"{ASKED}\n{PARKING}\nWhat is the salary?")
    measured = page.run(MEASURE_CONTRAST)
    assert {"P.kinds", "SPAN.severity", "MARK.topic"} <= {what for _, what in measured}
    assert [(round(ratio, 2), what) for ratio, what in measured if ratio < 4.5] == []


@pytest.mark.parametrize("width", [320, 640, 1280])
def test_questions_scroll_nothing_sideways(page: Page, width: int) -> None:
    page.open(width=width)
    ask(page, f"{ASKED}\nWhy {'Donaudampfschifffahrtsgesellschaft' * 20}?")
    page.run("for (const node of document.querySelectorAll('details')) node.open = true")
    assert page.run("return document.documentElement.scrollWidth") <= width


def aligned(answer: Answer) -> Report:
    """Return the story with an alignment to ``CONTEXT``."""
    wedding = Theme(
        "wedding",
        (Passage(*place(CONTEXT, "wedding")), Passage(*place(CONTEXT, "Weddings"))),
        (Passage(*place(answer.text, "wedding")),),
    )
    trade = Theme("trade", (Passage(*place(CONTEXT, "trade")),), ())
    return replace(story(answer), alignment=Alignment((wedding,), (trade,)))


def test_report_names_the_themes_on_both_sides(page: Page, reviewer: ScriptedReviewer) -> None:
    reviewer.script = aligned
    page.run("document.getElementById('context').value = arguments[0]", CONTEXT)
    page.submit(text_of(STORY), QUESTION)
    assert page.texts("#report .alignment h4") == ["Taken up", "Not taken up"]
    assert page.texts("#report .alignment li") == [
        "wedding: wedding, Weddings in their text; wedding in your answer",
        "trade: trade in their text",
    ]
    reviewer.script = story
    page.submit(text_of(STORY), QUESTION)
    assert page.all("#report .alignment") == []
