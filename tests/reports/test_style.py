"""The look of the pages: the service's colours, their contrast, and paper."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from service import reports
from service.web import app as web
from tests.browser.test_palette import contrast

from .reading import parsed, text

CSS = (Path(reports.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
PAGE_CSS = (Path(web.__file__).parent / "static" / "page.css").read_text(encoding="utf-8")
LABELS = ("situation", "task", "action", "result", "other")
SEVERITIES = ("problem", "advice", "strength")
#: (foreground, background): all the pairs of text that the pages set.
PAIRS = [
    *[
        (name, ground)
        for name in ("ink", "muted", "link", *LABELS, *SEVERITIES)
        for ground in ("paper", "card")
    ],
    *[("ink", f"{name}-tint") for name in (*LABELS, "advice")],
    *[("card", name) for name in (*LABELS, "problem")],
]


def colours(css: str) -> list[dict[str, str]]:
    """Return the custom properties of the light and the dark scheme."""
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def test_colours_are_those_of_the_page_of_the_service() -> None:
    for own, page in zip(colours(CSS), colours(PAGE_CSS), strict=True):
        assert len(own) > 20
        assert own.items() <= page.items()


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_text_can_be_read(scheme: int, front: str, back: str) -> None:
    found = colours(CSS)[scheme]
    assert contrast(found[front], found[back]) >= 4.5


def test_each_label_has_a_line_of_its_own() -> None:
    strokes = dict(re.findall(r"\.part-([A-Z]+) \{.*?--width: (\w+; --stroke: \w+);", CSS))
    assert len(set(strokes.values())) == len(LABELS)


def test_paper_is_a4_and_rows_are_kept_whole() -> None:
    assert re.search(r"@page \{\s*size: A4;", CSS)
    paper = CSS[CSS.index("@media print") :]
    assert re.search(r"\.row,[^{}]*\{\s*break-inside: avoid;", paper)
    assert re.search(r"\.postmortem \{\s*break-before: page;", paper)


def test_the_style_asks_for_nothing() -> None:
    assert not re.search(r"url\(|@import|@font-face|//|image-set|</", CSS)


def test_the_policy_lets_in_the_style_and_nothing_else(folder: Path) -> None:
    for path in folder.rglob("*.html"):
        root = parsed(path)
        (style,) = root.iter("style")
        digest = base64.b64encode(hashlib.sha256(text(style).encode()).digest()).decode()
        (policy,) = [meta.get("content") for meta in root.iter("meta") if meta.get("http-equiv")]
        assert policy == (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        )
