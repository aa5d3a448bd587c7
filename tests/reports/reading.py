"""Reads a page as a browser does, and holds it against what a report may be made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib

SVG = "{http://www.w3.org/2000/svg}"
_CARRIAGE_RETURN = ("illegal-codepoint-for-numeric-entity", {"charAsInt": 0x0D})
_ANY = {"class", "id", "role", "aria-label", "aria-labelledby", "aria-hidden", "aria-sort", "dir"}
#: Each element that a report may hold, and its attributes beside those of any element.
ELEMENTS: dict[str, set[str]] = {
    "html": {"lang"}, "head": set(), "body": set(), "title": set(), "style": set(),
    "meta": {"charset", "http-equiv", "name", "content"},
    "a": {"href", "title"}, "data": {"value"}, "th": {"scope"}, "td": {"data-label"},
    "svg": {"width", "height"}, "rect": {"x", "y", "width", "height"}, "text": {"x", "y", "text-anchor"},
    **{name: set() for name in (
        "header", "main", "footer", "section", "nav", "div", "figure", "figcaption", "details", "summary",
        "h1", "h2", "h3", "h4", "p", "ol", "ul", "li", "dl", "dt", "dd", "span", "strong", "bdi", "q", "code",
        "mark", "sup", "table", "thead", "tbody", "tr",
    )},
}  # fmt: skip
_LINK = re.compile(
    r"#[a-z0-9-]+|(?:\.\./)?(?:client-\d{3,}|no-client)\.html|(?:\.\./)?figures\.(?:csv|xlsx)"
    r"|(?:\.\./)?(?:orders/[a-z-]+|index)\.html#clients"
)


def parsed(path: Path) -> Element:
    """Return the document of a page, which must be without a fault.

    A carriage return is written as a reference, because it would be read as a line feed otherwise; the standard
    calls that an error, and keeps it.
    """
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    root = parser.parse(path.read_bytes(), transport_encoding="utf-8")
    faults = [(code, given) for _, code, given in parser.errors]
    assert [fault for fault in faults if fault != _CARRIAGE_RETURN] == []
    assert isinstance(root, Element)
    return root


def elements(root: Element) -> Iterator[tuple[str, Element]]:
    """Yield each element under its bare name."""
    for element in root.iter():
        if isinstance(element.tag, str):
            yield element.tag.removeprefix(SVG), element


def foreign(root: Element) -> list[str]:
    """Return what stands in a page and may not: elements, attributes, links, comments, namespaces."""
    tags: list[object] = [element.tag for element in root.iter()]
    found = ["comment" for tag in tags if not isinstance(tag, str)]
    for name, element in elements(root):
        if name not in ELEMENTS or "{" in name:
            found.append(name)
            continue
        allowed = _ANY | ELEMENTS[name]
        found += [f"{name} {attribute}" for attribute in element.attrib if attribute not in allowed]
        href = element.get("href")
        if href is not None and not _LINK.fullmatch(href):
            found.append(f"href {href}")
    return found


def text(element: Element) -> str:
    """Return the text of an element."""
    return "".join(element.itertext())


def with_class(root: Element, name: str) -> list[Element]:
    """Return the elements of a class."""
    return [element for element in root.iter() if name in (element.get("class") or "").split()]


def words(root: Element) -> list[str]:
    """Return the words of each stretch of an answer, without the numbers of the notes."""
    return ["".join(text(span) for span in paragraph.iter("span")) for paragraph in with_class(root, "words")]
