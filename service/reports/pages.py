"""Writes the pages: self-contained HTML without script or foreign assets, safe under the strictest policy."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from service.batch.outcomes import Judged
from service.labels import Label
from service.records import Versions
from service.reports.figures import AnswerFigures
from service.reports.group import ClientFigures, Group
from service.reports.layout import Layout, Note, lay_out
from service.reports.postmortem import LEAST_SESSIONS, STOOD, PostMortem

#: Entries that a list on a page shows; it says how many more there are.
MOST_LISTED = 50
#: Gaps that the index shows unfolded.
MOST_UNFOLDED = 12
#: Code points of a question where it serves as a name.
LONGEST_NAME = 110

#: What HTML may not hold: control characters, halves of surrogate pairs and what is no character, each replaced
#: by one visible character, so that offsets stay.
_VISIBLE = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"},
    0x7F: 0x2421,
    **dict.fromkeys((*range(0x80, 0xA0), *range(0xD800, 0xE000), *range(0xFDD0, 0xFDF0)), 0xFFFD),
    **dict.fromkeys(
        (plane + last for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)), 0xFFFD
    ),
}


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer as the page shows it."""

    judged: Judged
    figures: AnswerFigures
    layout: Layout


@dataclass(frozen=True, slots=True)
class View:
    """One order of the clients' table: its place under the folder, and how to sort."""

    path: str
    column: str
    order: str
    key: Callable[[ClientFigures], Any]
    descending: bool = False

    def sorted(self, clients: Sequence[ClientFigures]) -> list[ClientFigures]:
        """Return the clients in this order, equal ones by name, those without a value last."""
        by_name = sorted(clients, key=_name)
        with_value = [client for client in by_name if self.key(client) is not None]
        without = [client for client in by_name if self.key(client) is None]
        return sorted(with_value, key=self.key, reverse=self.descending) + without


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the clients' table, its head and what the head stands for."""

    name: str
    head: str
    title: str

    def other_than(self, view: View) -> View:
        """Return the order that the head leads to: by this column, the other way where that is ``view``."""
        own = [other for other in VIEWS if other.column == self.name]
        return next((other for other in own if other is not view), own[0])


def _name(client: ClientFigures) -> str:
    return (client.name or "").casefold()


def _mark(label: Label) -> Callable[[ClientFigures], float | None]:
    return lambda client: client.marks.get(label)


def _last_date(client: ClientFigures) -> str | None:
    return None if client.last_date is None else client.last_date.isoformat()


def _to_work_on(client: ClientFigures) -> int | None:
    return None if client.stood is None or client.current is None else client.current - client.stood


#: The orders of the table; the first is the index itself.
VIEWS = (
    View("index.html", "name", "by name", _name),
    View("orders/answers.html", "answers", "most answers first", lambda client: client.answers, True),
    View("orders/mean-lowest.html", "mean", "lowest mean first", lambda client: client.mean_score),
    View("orders/mean-highest.html", "mean", "highest mean first", lambda client: client.mean_score, True),
    View("orders/lowest.html", "lowest", "lowest answer first", lambda client: client.lowest),
    View("orders/highest.html", "highest", "highest answer first", lambda client: client.highest, True),
    View("orders/stood.html", "stood", "most to work on first", _to_work_on, True),
    View("orders/situation.html", "SITUATION", "weakest situation first", _mark(Label.SITUATION)),
    View("orders/task.html", "TASK", "weakest task first", _mark(Label.TASK)),
    View("orders/action.html", "ACTION", "weakest action first", _mark(Label.ACTION)),
    View("orders/result.html", "RESULT", "weakest result first", _mark(Label.RESULT)),
    View("orders/gap.html", "gap", "by commonest gap", lambda client: client.commonest_gap),
    View("orders/latest.html", "latest", "latest session first", _last_date, True),
)
COLUMNS = (
    Column("name", "Client", "Name"),
    Column("answers", "Answers", "Answers given"),
    Column("mean", "Mean", "Mean score"),
    Column("lowest", "Low", "Lowest score"),
    Column("highest", "High", "Highest score"),
    Column("stood", "Stood", "Answers that stood"),
    Column("SITUATION", "S", "Mean mark of the situation"),
    Column("TASK", "T", "Mean mark of the task"),
    Column("ACTION", "A", "Mean mark of the action"),
    Column("RESULT", "R", "Mean mark of the result"),
    Column("gap", "Commonest gap", "Commonest gap"),
    Column("latest", "Latest", "Latest session"),
)


def visible(text: str) -> str:
    """Return ``text`` with a visible character for each one that has no place in a page."""
    return text.translate(_VISIBLE)


class Pages:
    """Renders with templates that escape everything that comes from a row or its reply."""

    def __init__(self, versions: Versions) -> None:
        self._templates = Environment(
            loader=PackageLoader("service.reports"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: (
                visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
            ),
        )
        self._templates.filters |= {
            "given": _given,
            "percent": _percent,
            "spoken": _spoken,
            "plural": _plural,
        }
        self._templates.tests["note"] = lambda row: isinstance(row, Note)
        style = self._templates.get_template("report.css").render()
        self._templates.globals |= {
            "style": Markup(style),  # noqa: S704 -- our own file, nothing is filled in
            "style_hash": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            "versions": versions,
            "most_listed": MOST_LISTED,
            "most_unfolded": MOST_UNFOLDED,
            "longest_name": LONGEST_NAME,
            "stood_from": STOOD,
            "least_sessions": LEAST_SESSIONS,
        }

    def write_client(
        self,
        path: Path,
        name: str | None,
        answers: Sequence[AnswerFigures],
        told: PostMortem | None,
        judged: Iterable[Judged],
    ) -> None:
        """Write a client's page to ``path``; ``judged`` are read one by one, in the order of ``answers``.

        ``told`` is ``None`` where the answers may be of several people.
        """
        self._write(
            path,
            "client.html",
            name=name,
            answers=answers,
            told=told,
            views=(_view(item, figures) for item, figures in zip(judged, answers, strict=True)),
        )

    def write_index(self, folder: Path, group: Group, *, cut: int = 0) -> None:
        """Write the coach's index into ``folder``, and the same in every other order.

        ``cut`` texts are not whole in the workbook of figures.
        """
        (folder / "orders").mkdir()
        messages = {gap.id: gap.message for gap in group.gaps}
        for view in VIEWS:
            self._write(
                folder / view.path,
                "index.html",
                group=group,
                cut=cut,
                view=view,
                views=VIEWS,
                columns=COLUMNS,
                clients=view.sorted(group.clients),
                messages=messages,
                up="../" if "/" in view.path else "",
            )

    def _write(self, path: Path, template: str, **values: object) -> None:
        stream = self._templates.get_template(template).stream(**values)
        stream.enable_buffering(64)
        with path.open("wb") as file:
            stream.dump(file, encoding="utf-8")


def _view(judged: Judged, figures: AnswerFigures) -> AnswerView:
    layout = lay_out(judged.answer, judged.reply.get("spans", ()), figures.found)
    return AnswerView(judged, figures, layout)


def _given(text: str) -> Markup:
    """Return text as given: a browser would read a carriage return as a line feed."""
    return Markup(str(escape(visible(text))).replace("\r", "&#13;"))  # noqa: S704 -- escaped here


def _percent(share: float) -> str:
    return f"{math.floor(100 * share + 0.5)}%"


def _spoken(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
