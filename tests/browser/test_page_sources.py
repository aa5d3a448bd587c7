"""The files of the page, read as text: what the browser would only show in use."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import html5lib
import pytest
from flask import Flask

from service.labels import (
    AnswerKind,
    Label,
    QuestionCategory,
    QuestionForm,
    QuestionReach,
    QuestionType,
    Severity,
)
from service.settings import Settings
from service.web import app as web
from service.web.app import create_app

from .marked_report import ScriptedReviewer, story

STATIC = Path(web.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
TEXT_FILES = sorted([*STATIC.iterdir(), *(STATIC.parent / "templates").iterdir()])
#: What turns text into markup or code, or keeps it.
FORBIDDEN = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "setHTML", "document.write", "createContextualFragment",
    "DOMParser", "eval(", "new Function", "setTimeout(\"", "localStorage", "sessionStorage", "indexedDB",
    "document.cookie", "navigator.sendBeacon", "WebSocket", "serviceWorker", ".cssText",
    'setAttribute("style"', "console.",
)  # fmt: skip
BARE_IMAGE = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings(rate_requests=0), ScriptedReviewer(story))


@pytest.fixture(scope="module")
def document(app: Flask) -> ElementTree.Element:
    body = app.test_client().get("/").get_data(as_text=True)
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root = parser.parse(body)
    assert isinstance(root, ElementTree.Element)
    return root


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_markup_and_keep_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [word for word in FORBIDDEN if word in text] == []


@pytest.mark.parametrize("path", TEXT_FILES, ids=lambda path: path.name)
def test_files_name_no_other_origin(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text) == []
    assert "@import" not in text


def test_page_has_nothing_inline(document: ElementTree.Element) -> None:
    for element in document.iter():
        assert element.tag != "style"
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
        if element.tag == "script":
            assert element.get("src", "").startswith("/static/")
            assert not (element.text or "").strip()


def test_every_file_that_the_page_names_is_served(app: Flask, document: ElementTree.Element) -> None:
    named = {element.get("src") or element.get("href") or "" for element in document.iter()}
    paths = {path for path in named if path.startswith("/")}
    assert {"/static/page.css", "/static/page.js", "/static/icon.svg", "/openapi.json"} <= paths
    imported = {
        f"/static/{name}" for path in SCRIPTS for name in re.findall(r'from "\./([\w.]+)"', path.read_text())
    }
    for path in sorted(paths | imported):
        with app.test_client().get(path) as reply:
            assert reply.status_code == 200, path


def test_every_file_is_used(document: ElementTree.Element) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in TEXT_FILES)
    assert [path.name for path in STATIC.iterdir() if path.name not in text] == []


def test_form_offers_exactly_the_question_types(document: ElementTree.Element) -> None:
    offered = [option.get("value") for option in document.iter("option")]
    assert offered == ["", *(kind.value for kind in QuestionType)]


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("LABELS", Label),
        ("QUESTION_TYPES", QuestionType),
        ("ANSWER_KINDS", AnswerKind),
        ("SEVERITIES", Severity),
        ("CATEGORIES", QuestionCategory),
        ("FORMS", QuestionForm),
        ("REACHES", QuestionReach),
    ],
)
def test_every_name_has_words(table: str, names: type[Label]) -> None:
    text = (STATIC / "words.js").read_text(encoding="utf-8")
    body = re.search(rf"export const {table} = \{{(.*?)\}};", text, re.DOTALL)
    assert body is not None
    assert re.findall(r"(?:^|[{,])\s*(\w+): ", re.sub(r'"[^"]*"|\{[^}]*\}', '""', body.group(1))) == [
        name.value for name in names
    ]


def test_form_sends_no_text_into_the_address_bar(document: ElementTree.Element) -> None:
    """Were the script not to load, a form without a method would send the answer as a query string."""
    forms, buttons = list(document.iter("form")), list(document.iter("button"))
    assert [form.get("method") for form in forms] == ["post", "post"]
    assert len(buttons) == len(forms)
    assert all(button.get("disabled") is not None for button in buttons)


def test_nothing_typed_is_remembered_or_sent_to_a_spelling_service(document: ElementTree.Element) -> None:
    fields = [element for element in document.iter() if element.tag in ("form", "textarea", "select")]
    assert len(fields) == 8
    for element in fields:
        assert element.get("autocomplete") == "off"
        if element.tag == "textarea":
            assert element.get("spellcheck") == "false"
            assert element.get("maxlength") is None, "it would cut a pasted text without a word"


def test_without_javascript_the_page_names_two_ways(document: ElementTree.Element) -> None:
    body = next(document.iter("body"))
    ways = " ".join("".join(element.itertext()) for element in body.iter("noscript"))
    assert "/v1/feedback" in ways
    assert "curl http://localhost/v1/feedback" in ways
    assert "star-feedback score" in ways


def test_icon_is_a_plain_drawing() -> None:
    icon = ElementTree.parse(STATIC / "icon.svg").getroot()  # noqa: S314  # the project's own file
    assert {element.tag.removeprefix(BARE_IMAGE) for element in icon.iter()} == {"svg", "rect", "path"}
