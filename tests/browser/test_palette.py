"""The contrast of every pair of colours that the page sets, after WCAG 2.2, 1.4.3 and 1.4.11."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.web import app as web

CSS = (Path(web.__file__).parent / "static" / "page.css").read_text(encoding="utf-8")
TEXT, SHAPE = 4.5, 3.0
LABELS = ("situation", "task", "action", "result", "other")
SEVERITIES = ("problem", "advice", "strength")
GROUNDS = ("paper", "card")
TINTS = tuple(f"{name}-tint" for name in (*LABELS, *SEVERITIES))

#: (foreground, background, least contrast)
PAIRS = [
    *[(text, ground, TEXT) for text in ("ink", "muted", "link") for ground in GROUNDS],
    *[("ink", tint, TEXT) for tint in TINTS],
    *[("muted", f"{name}-tint", TEXT) for name in SEVERITIES],
    *[("link", f"{name}-tint", TEXT) for name in SEVERITIES],
    *[(name, ground, TEXT) for name in (*LABELS, *SEVERITIES) for ground in GROUNDS],
    *[("card", name, TEXT) for name in (*LABELS, "problem")],
    *[(name, f"{name}-tint", TEXT) for name in SEVERITIES],
    *[(name, f"{label}-tint", SHAPE) for name in SEVERITIES for label in LABELS],
    *[(name, f"{name}-tint", SHAPE) for name in LABELS],
    *[(name, "hair", SHAPE) for name in LABELS if name != "other"],
    ("button-ink", "button", TEXT),
    *[(shape, ground, SHAPE) for shape in ("line", "focus", "button") for ground in GROUNDS],
]


def _colours(scheme: str) -> dict[str, str]:
    """Return the custom properties of a scheme; the dark ones stand on the light ones."""
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    )
    assert set(dark) == set(light), "each colour has its dark counterpart"
    return light if scheme == "light" else dark


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_pair_has_contrast(scheme: str, front: str, back: str, least: float) -> None:
    colours = _colours(scheme)
    assert contrast(colours[front], colours[back]) >= least


def test_no_colour_escapes_the_list() -> None:
    rules = re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*;)|\brgba?\(|\bhsla?\(|\boklch\(", rules) == []


def test_each_label_has_a_line_of_its_own() -> None:
    strokes = dict(re.findall(r"\.part-([A-Z]+) \{.*?--width: (\w+; --stroke: \w+);", CSS))
    assert len(strokes) == len(LABELS)
    assert len(set(strokes.values())) == len(LABELS)
