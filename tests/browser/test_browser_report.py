"""What the page shows of a reply."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from service.labels import AnswerKind, Label, QuestionType, Severity
from service.records import Answer, InputWarning, Report, Score, ScorePart

from .browsing import Page
from .marked_report import (
    QUESTION,
    STORY,
    ScriptedReviewer,
    abstained,
    finding,
    place,
    report_on,
    spans_of,
    story,
    text_of,
)

ANSWER = text_of(STORY)


@pytest.fixture
def told(page: Page) -> Page:
    """Give the page with the report on ``STORY``."""
    page.submit(ANSWER, QUESTION)
    return page


def test_request_holds_what_was_typed(page: Page, reviewer: ScriptedReviewer) -> None:
    page.run(
        """const fields = document.getElementById("form").elements;
        fields.question_type.value = "salary";
        fields.context.value = "A bakery\\n";"""
    )
    page.submit(f"  {ANSWER}\n\n", QUESTION)
    assert reviewer.seen == [
        Answer(
            text=f"  {ANSWER}\n\n",
            question=QUESTION,
            question_type=QuestionType.SALARY,
            context="A bakery\n",
        )
    ]


def test_what_was_left_empty_is_sent_as_null(page: Page, reviewer: ScriptedReviewer) -> None:
    page.submit(ANSWER)
    assert reviewer.seen == [Answer(text=ANSWER)]
    assert page.all(".asked") == []


def test_spans_are_labelled_and_hold_their_words(told: Page) -> None:
    shown = told.run(
        """const [answer] = arguments;
        return [...document.querySelectorAll(".words")].map((words) => {
          const copy = words.cloneNode(true);
          copy.querySelectorAll("sup").forEach((number) => number.remove());
          const { label, start, end } = words.dataset;
          return [label, copy.textContent, answer.slice(start, end)];
        })""",
        ANSWER,
    )
    assert [(label, words) for label, words, _ in shown] == [(label.value, words) for label, words in STORY]
    assert all(words == cut for _, words, cut in shown)


def test_label_is_told_by_name_letter_and_line(told: Page) -> None:
    rows = told.all(".row.part")
    assert len(rows) == len(STORY)
    lines = {}
    for row, (label, _) in zip(rows, STORY, strict=True):
        name = label.value.capitalize()
        assert row.aria_role == "group"
        assert row.accessible_name == name
        assert row.find_element(By.CSS_SELECTOR, ".tag").text.split() == [name[0], name]
        words = row.find_element(By.CSS_SELECTOR, ".words")
        lines[label] = (
            words.value_of_css_property("border-left-style"),
            words.value_of_css_property("border-left-width"),
        )
    assert len(set(lines.values())) == len(lines)


def test_doubtful_label_says_so(page: Page, reviewer: ScriptedReviewer) -> None:
    reviewer.script = lambda answer: report_on(answer, spans_of(STORY, confidence=0.52))
    page.submit(ANSWER)
    assert page.texts(".unsure") == ["52% sure"] * len(STORY)


def test_gap_stands_between_the_words_it_belongs_between(told: Page) -> None:
    rows = told.texts(".row .tag")
    assert [text.removeprefix(text[0]) for text in rows] == [
        "Other", "Situation", "Task", "Action", "Result", "Action", "Result",
    ]  # fmt: skip
    hole = told.one(".hole")
    assert hole.text.startswith("Task is missing here: after “two new people on shift”, add one sentence")
    above, below = told.run(
        """const gap = document.querySelector(".gap");
        return [gap.previousElementSibling, gap.nextElementSibling]
          .map((row) => row.querySelector(".words").textContent);"""
    )
    assert above.endswith("two new people on shift.")
    assert below.startswith("I printed the arrivals list")
    assert hole.get_attribute("data-insert-at") == str(ANSWER.index("I printed"))


@pytest.mark.parametrize(
    ("cut", "rows"),
    [
        ("start", ["G", "S", "A"]),
        ("inside", ["S", "A", "G", "A"]),
        ("end", ["S", "A", "G"]),
    ],
)
def test_gap_can_stand_anywhere(page: Page, reviewer: ScriptedReviewer, cut: str, rows: list[str]) -> None:
    parts = ((Label.SITUATION, "It was in May."), (Label.ACTION, "I rang them, then I wrote to them."))
    text = text_of(parts)
    at = {"start": 0, "inside": text.index("then"), "end": len(text)}[cut]
    reviewer.script = lambda answer: report_on(
        answer, spans_of(parts), [finding("result.missing", Severity.PROBLEM, Label.RESULT, insert_at=at)]
    )
    page.submit(text)
    kinds = page.run(
        """return [...document.querySelectorAll(".row")].map((row) =>
        row.classList.contains("gap") ? "G" : row.querySelector(".words").dataset.label[0])"""
    )
    assert kinds == rows
    assert " ".join(part.strip() for part in page.texts(".words")) == text
    if cut == "inside":
        assert page.all(".row")[-1].accessible_name == "Action, continued"


def test_two_gaps_at_one_place_stand_in_the_order_of_a_story(page: Page, reviewer: ScriptedReviewer) -> None:
    parts = ((Label.ACTION, "I rang them."),)
    gaps = [
        finding("task.missing", Severity.ADVICE, Label.TASK, insert_at=0),
        finding("situation.missing", Severity.PROBLEM, Label.SITUATION, insert_at=0),
    ]
    reviewer.script = lambda answer: report_on(answer, spans_of(parts), gaps)
    page.submit(text_of(parts))
    assert [hole.text.split(":")[0] for hole in page.all(".hole")] == [
        "Situation is missing here",
        "Task is missing here",
    ]


def test_gap_of_a_part_that_is_there_does_not_call_it_missing(page: Page, reviewer: ScriptedReviewer) -> None:
    lesson = finding("result.no_lesson", Severity.ADVICE, Label.RESULT, insert_at=len(ANSWER))
    reviewer.script = lambda answer: report_on(answer, spans_of(STORY), [lesson])
    page.submit(ANSWER)
    assert page.one(".hole").text.startswith("Something belongs here: ")


def test_words_of_a_finding_are_marked_and_numbered(told: Page) -> None:
    marks = {mark.get_attribute("data-note"): mark for mark in told.all("mark")}
    assert {number: mark.text for number, mark in marks.items()} == {
        "3": "I printed the arrivals list from the night before",
        "4": "We walked people to their rooms with a master key",
        "5": "it all went fine in the end",
    }
    styles = {mark.value_of_css_property("text-decoration-style") for mark in marks.values()}
    assert styles == {"solid", "dashed", "wavy"}
    references = told.all(".words .number, .hole .number")
    assert [reference.text for reference in references] == ["2", "3", "4", "5"]
    assert references[-1].accessible_name == (
        "5, problem: An outcome is stated, but nothing by which anyone could see or measure it."
    )


def test_findings_that_overlap_keep_their_words(page: Page, reviewer: ScriptedReviewer) -> None:
    parts = ((Label.SITUATION, "one two three."), (Label.ACTION, "four five six."))
    text = text_of(parts)
    findings = [
        finding("a.one", Severity.ADVICE, at=(0, len(text))),
        finding("b.two", Severity.PROBLEM, at=place(text, "two three. four")),
        finding("c.three", Severity.STRENGTH, at=place(text, "three")),
    ]
    reviewer.script = lambda answer: report_on(answer, spans_of(parts), findings)
    page.submit(text)
    for number, words in (("1", text), ("2", "two three. four"), ("3", "three")):
        pieces = page.run(
            """return [...document.querySelectorAll(`mark[data-note="${arguments[0]}"]`)].map((mark) => {
              const copy = mark.cloneNode(true);
              copy.querySelectorAll("sup").forEach((n) => n.remove());
              return copy.textContent; }).join("")""",
            number,
        )
        assert pieces.replace(" ", "") == words.replace(" ", "")
        assert len(page.all(f"#words-{number}")) == 1
        assert len(page.all(f'sup a[href="#note-{number}"]')) == 1


def test_notes_stand_beside_their_words_on_a_wide_screen(told: Page) -> None:
    for number in (2, 3, 4, 5):
        note = told.one(f".note[data-note='{number}']").rect
        words = told.one(f"#words-{number}, #gap-{number}").rect
        assert note["x"] >= words["x"] + words["width"]
        assert abs(note["y"] - words["y"]) < 400
    boxes = sorted((note.rect for note in told.all(".row .note")), key=lambda box: box["y"])
    for above, below in pairwise(boxes):
        assert above["y"] + above["height"] <= below["y"], "notes lie over each other"


def test_notes_that_unfold_push_the_others_down(told: Page) -> None:
    for note in told.all(".row .note:not([open]) summary"):
        note.click()
    told.wait(lambda: len(told.all(".row .note:not([open])")) == 0)

    def apart() -> bool:
        boxes = sorted((note.rect for note in told.all(".row .note")), key=lambda box: box["y"])
        table = told.one(".components").rect["y"]
        ends = [box["y"] + box["height"] for box in boxes]
        return ends[-1] <= table and all(
            end <= below["y"] for end, below in zip(ends, boxes[1:], strict=False)
        )

    told.wait(apart)


def test_notes_stand_below_their_words_on_a_phone(page: Page) -> None:
    page.open(width=390)
    page.submit(ANSWER, QUESTION)
    assert page.all(".note[open]") == []
    for number in (2, 3, 4, 5):
        note, words = page.one(f".note[data-note='{number}']"), page.one(f"#words-{number}, #gap-{number}")
        assert note.rect["y"] > words.rect["y"]
    summary = page.one(".note[data-note='5'] summary")
    assert not page.one(".note[data-note='5'] .why").is_displayed()
    summary.click()
    assert page.one(".note[data-note='5'] .why").is_displayed()


def test_focus_is_first_has_at_most_three_and_leads_to_words_or_gap(told: Page) -> None:
    links = told.all(".focus a")
    assert [(link.get_attribute("href") or "").rpartition("#")[2] for link in links] == [
        "note-1",
        "gap-2",
        "words-4",
    ]
    order = told.run(
        """const [focus, rows] = [".focus", ".rows"].map((s) => document.querySelector(s));
        return Boolean(focus.compareDocumentPosition(rows) & Node.DOCUMENT_POSITION_FOLLOWING)"""
    )
    assert order
    links[1].click()
    assert told.focused().get_attribute("id") == "gap-2"
    links[2].click()
    assert told.focused().text == "We walked people to their rooms with a master key"


def test_strengths_stand_apart(told: Page) -> None:
    assert told.texts(".strengths li") == ["Your own concrete steps are told, in order."]
    assert "Your own concrete steps" not in told.text(".focus")
    assert told.texts(".note.strength .severity") == ["Strength: "]
    strength, advice = told.one(".note.strength"), told.one(".row .note.advice")
    assert strength.value_of_css_property("border-left-style") != advice.value_of_css_property(
        "border-left-style"
    )
    assert told.one(".row .number.strength").value_of_css_property("border-radius") != told.one(
        ".row .number.advice"
    ).value_of_css_property("border-radius")


def test_score_adds_up_before_the_reader(told: Page) -> None:
    assert not told.one(".sum table").is_displayed()
    told.one(".sum summary").click()
    assert told.one(".sum table").is_displayed()
    cells = told.texts(".sum tbody td")
    points = [int(cell.replace("\u2212", "-")) for cell in cells]
    value = int(told.text(".score strong"))
    assert sum(points) == value == int(told.text(".sum tfoot td"))
    names = told.texts(".sum tbody th")
    assert names[:5] == [
        "Base, the same for every answer",
        "Situation: 3 of 3", "Task: 0 of 3", "Action: 3 of 3", "Result: 3 of 3",
    ]  # fmt: skip
    assert names[5:] == [
        f"{note} Note {number}"
        for number, note in enumerate((item.message for item in story(Answer(ANSWER)).findings), start=1)
    ]


def test_two_findings_of_one_id_are_counted_one_by_one(page: Page, reviewer: ScriptedReviewer) -> None:
    twice = [
        finding("language.blame", Severity.PROBLEM, at=place(ANSWER, words)) for words in ("Leeds", "lovely")
    ]
    reviewer.script = lambda answer: report_on(answer, spans_of(STORY), twice)
    page.submit(ANSWER)
    links = page.all(".sum tbody a")
    assert [link.get_attribute("textContent") for link in links] == ["Note 1", "Note 2"]


def test_bounds_of_the_score_are_said(page: Page, reviewer: ScriptedReviewer) -> None:
    held = Score(0, 40, (ScorePart("story.absent", -60), ScorePart("score.bounds", 20)))
    reviewer.script = lambda answer: replace(report_on(answer, spans_of(STORY)), score=held)
    page.submit(ANSWER)
    assert page.texts(".sum tbody th")[1:] == ["story.absent", "Kept between 0 and 100"]
    assert page.texts(".sum tbody td") == ["40", "\u221260", "+20"]


def test_parts_are_held_against_their_share(told: Page) -> None:
    lines = [line.text.split("\n") for line in told.all(".components tbody tr")]
    assert lines == [
        ["S", "Situation", "29%, 38 words", "aim for 10 to 30%", "3 of 3"],
        ["T", "Task", "missing", "aim for 5 to 15%", "0 of 3"],
        ["A", "Action", "50%, 66 words", "aim for 40 to 60%", "3 of 3"],
        ["R", "Result", "16%, 21 words", "aim for 10 to 30%", "3 of 3"],
    ]
    bars = told.run(
        """return [...document.querySelectorAll(".bar")].map((bar) => ["bar-share", "bar-target"]
          .map((name) => Number(bar.querySelector(`.${name}`).getAttribute("width"))))"""
    )
    assert [round(share) for share, _ in bars] == [29, 0, 50, 16]
    assert [target for _, target in bars] == pytest.approx([20, 10, 20, 20])


def test_question_answer_and_length_are_said_in_words(told: Page) -> None:
    assert told.texts(".facts dd") == [
        "behavioural: it asks for one past event (97% sure)",
        "a story: one specific event (93% sure)",
        "132 words, 7 sentences, about 57 s spoken",
    ]
    assert told.text(".asked") == f"Question: {QUESTION}"


def test_other_question_types_have_no_table_and_no_kind(page: Page, reviewer: ScriptedReviewer) -> None:
    reviewer.script = lambda answer: report_on(
        answer, spans_of(STORY), kind=None, question_type=QuestionType.SALARY
    )
    page.submit(ANSWER)
    assert page.all(".components") == []
    assert page.texts(".facts dt") == ["Question", "Length"]
    assert page.text(".facts dd") == "about salary (97% sure)"


@pytest.mark.parametrize("kind", AnswerKind)
def test_every_kind_of_answer_has_words(page: Page, reviewer: ScriptedReviewer, kind: AnswerKind) -> None:
    reviewer.script = lambda answer: report_on(answer, spans_of(STORY), kind=kind)
    page.submit(ANSWER)
    said = page.texts(".facts dd")[1]
    assert said.endswith(" (93% sure)")
    assert "_" not in said


def test_warnings_are_shown(page: Page, reviewer: ScriptedReviewer) -> None:
    reviewer.script = lambda answer: report_on(
        answer, spans_of(STORY), warnings=[InputWarning("unbroken_run", "A long run was split.")]
    )
    page.submit(ANSWER)
    assert page.texts(".warnings li") == ["A long run was split."]


def test_abstention_gives_its_reason_and_no_praise(page: Page, reviewer: ScriptedReviewer) -> None:
    page.submit(ANSWER, QUESTION)
    reviewer.script = abstained
    page.submit("asdf asdf", QUESTION)
    assert page.text("#report-title") == "Not scored"
    assert page.text(".reason") == "These are not words."
    assert page.texts(".words") == ["asdf asdf"]
    for absent in (".score", ".sum", ".focus", ".strengths", ".note", "mark", ".part", ".components"):
        assert page.all(f"#report {absent}") == [], absent


def test_words_outside_every_span_are_shown_without_a_label(page: Page, reviewer: ScriptedReviewer) -> None:
    reviewer.script = lambda answer: report_on(answer, spans_of(STORY))
    page.submit(f"{ANSWER} And more.")
    last = page.all(".row")[-1]
    assert last.accessible_name == "Your words"
    assert last.text == "And more."


def test_second_report_replaces_the_first(page: Page, reviewer: ScriptedReviewer) -> None:
    page.submit(ANSWER, QUESTION)
    reviewer.script = lambda answer: report_on(answer, spans_of(((Label.ACTION, "I rang."),)))
    page.submit("I rang.")
    assert page.texts(".words") == ["I rang."]
    assert page.all(".note") == []


def test_practice_and_privacy_are_said(told: Page) -> None:
    promise = " ".join(told.text("form .promise").split())
    assert promise.startswith("Advice for practice; a person decides.")
    assert "analysed on this machine" in promise
    assert promise.endswith("and is not kept.")
    assert told.text(".colophon .promise") == "Advice for practice; a person decides."


def test_versions_are_shown(told: Page) -> None:
    assert told.text(".versions") == "Service 0.0.0, model hand-made, rules 1, schema 1"


def test_reply_that_does_not_fit_the_answer_is_refused(page: Page, reviewer: ScriptedReviewer) -> None:
    """A page of one version and a service of another must not mark the wrong words."""

    def of_another_text(answer: Answer) -> Report:
        return report_on(Answer("😀 " + answer.text), spans_of(STORY))

    reviewer.script = of_another_text
    page.submit(f"{ANSWER}.")
    assert page.text(".trouble-title") == "The reply was not understood"
    assert page.all("#report *") == []


def test_printed_sheet_holds_the_notes_and_not_the_form(told: Page, browser: webdriver.Chrome) -> None:
    folded = len(told.all("#report details:not([open])"))
    assert folded > 0
    told.run("dispatchEvent(new Event('beforeprint'))")
    assert told.all("#report details:not([open])") == []
    told.command("Emulation.setEmulatedMedia", media="print", features=[])
    assert not told.one("#form").is_displayed()
    assert not told.one("nav").is_displayed()
    assert all(why.is_displayed() for why in told.all(".why"))
    assert told.one(".row .notes").value_of_css_property("position") == "static"
    told.run("dispatchEvent(new Event('afterprint'))")
    assert len(told.all("#report details:not([open])")) == folded
