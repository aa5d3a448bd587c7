"""Whatever a row holds, a page is made of nothing but what a report is made of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.batch.outcomes import Judged
from service.labels import Label, Severity
from service.records import Answer, InputWarning, LabelledSpan
from service.reports.folder import write_reports
from service.reports.pages import Pages, visible
from service.reports.postmortem import post_mortem
from tests.browser.marked_report import finding, report_on, spans_of

from .payloads import PAYLOADS
from .reading import foreign, parsed, text, with_class, words
from .replies import VERSIONS, decoded, figures, in_error, not_judged, told


def cut_up(payload: str, step: int) -> Judged:
    """Return an answer with spans that part the payload every ``step`` characters, and findings across them."""
    answer = f"I said {payload} then."
    labels = list(Label)
    spans = tuple(
        LabelledSpan(start, min(start + step, len(answer)), labels[start % len(labels)], 0.9)
        for start in range(0, len(answer), step)
    )
    at = (7, 7 + max(1, len(payload) // 2))
    findings = (
        finding(
            "x.words", Severity.PROBLEM, Label.ACTION, at=at, message=payload, why=payload, advice=payload
        ),
        finding("x.more", Severity.STRENGTH, None, at=(6, len(answer)), message=payload),
        finding("x.gap", Severity.ADVICE, Label.TASK, insert_at=7 + len(payload) // 3, advice=payload),
        finding(f"x.{payload}", Severity.ADVICE, None, message=payload),
    )
    warnings = (InputWarning("x", payload),)
    report = report_on(
        Answer(answer, question=payload, client=payload, id=payload), spans, findings, warnings=warnings
    )
    return Judged(1, payload, payload, answer, payload, 1, decoded(report))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_is_text_wherever_it_stands(payload: str, pages: Pages, tmp_path: Path) -> None:
    row = cut_up(payload, 3)
    rows = [
        row,
        not_judged(2, client=payload, answer=payload, date=payload),
        in_error(3, client=payload, answer=payload, message=payload),
    ]
    answers = figures(*rows)
    pages.write_client(tmp_path / "page.html", payload, answers, post_mortem(answers), rows)
    root = parsed(tmp_path / "page.html")
    assert foreign(root) == []
    shown = words(root)
    assert "".join(shown).startswith(visible(row.answer))
    assert " ".join(visible(payload).split()) in " ".join(text(root).split())


def test_there_are_enough_kinds() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 120


@pytest.mark.parametrize("step", [1, 2, 5])
def test_tags_that_a_span_border_parts_stay_text(step: int, pages: Pages, tmp_path: Path) -> None:
    for number, payload in enumerate(PAYLOADS[:40]):
        row = cut_up(payload, step)
        path = tmp_path / f"{number}.html"
        pages.write_client(path, "Ann", figures(row), None, [row])
        root = parsed(path)
        assert foreign(root) == []
        assert "".join(words(root)) == visible(row.answer)


def test_no_name_of_a_client_reaches_a_file_name(tmp_path: Path) -> None:
    names = ["../../x", "a\0b", "CON", "x" * 5_000, "/etc/passwd", ".", "..", "a/b\\c", "-rf", "~", *PAYLOADS]
    rows = [told(number, client=name) for number, name in enumerate(names, start=1)]
    write_reports(rows, tmp_path / "reports", versions=VERSIONS)
    made = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert made
    assert all(
        re.fullmatch(r"reports/(client-\d{3}|index|orders/[a-z-]+)\.html|reports/figures\.(csv|xlsx)", place)
        for place in made
    )
    assert sum("client-" in place for place in made) == len({" ".join(name.split()) for name in names})
    for index in [tmp_path / "reports/index.html", tmp_path / "reports/orders/stood.html"]:
        assert foreign(parsed(index)) == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answer=st.text(alphabet=st.characters(), min_size=1, max_size=60),
    name=st.text(alphabet=st.characters(), min_size=1, max_size=20),
)
def test_any_text_makes_a_sound_page(answer: str, name: str, pages: Pages, tmp_path: Path) -> None:
    row = in_error(client=name, answer=answer, message=name)
    pages.write_client(tmp_path / "page.html", name, figures(row), None, [row])
    root = parsed(tmp_path / "page.html")
    assert foreign(root) == []
    assert "".join(words(root)) == visible(answer.strip())


@pytest.mark.parametrize(
    "answer",
    [
        "x" * 20_000,
        "שלום עולם. I led a team.",
        "\u202eI led a team\u202c.",
        "👩🏽‍🚒 led 😀 a team 🇬🇧.",
        "a\r\nb\rc\nd\te",
        "e\u0301" * 50,
        "\u200b\ufeff\u00ad",
        "a\x00b\x08c\x7fd",
    ],
    ids=["long", "hebrew", "override", "emoji", "line ends", "combining", "zero width", "controls"],
)
def test_words_are_those_of_the_answer(answer: str, pages: Pages, tmp_path: Path) -> None:
    spans = spans_of([(Label.ACTION, answer[: len(answer) // 2])])
    report = report_on(Answer(answer), [*spans, LabelledSpan(spans[0].end, len(answer), Label.RESULT, 0.9)])
    row = Judged(1, "Ann", None, answer, None, None, decoded(report))
    pages.write_client(tmp_path / "page.html", "Ann", figures(row), None, [row])
    root = parsed(tmp_path / "page.html")
    for paragraph, span in zip(with_class(root, "words"), row.reply["spans"], strict=True):
        assert text(paragraph) == visible(span["text"])
    assert visible("a\x00b\x1f\x7f\ud800\t\n") == "a␀b␟␡\ufffd\t\n"
