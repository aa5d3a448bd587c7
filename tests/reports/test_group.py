"""What the index says of a whole group, counted again from the replies."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict

import pytest

from service.batch.outcomes import Judged
from service.labels import Label, Severity
from service.reports.figures import client_name
from service.reports.group import ClientFigures, Group, GroupTally
from service.reports.pages import VIEWS, View
from service.reports.postmortem import post_mortem

from .replies import GROUP, figures, gap, told


def grouped(rows: tuple[Judged, ...]) -> Group:
    by_name: dict[str | None, list[Judged]] = defaultdict(list)
    for row in rows:
        by_name[client_name(row.client)].append(row)
    tally = GroupTally()
    for number, (name, theirs) in enumerate(by_name.items()):
        answers = figures(*theirs)
        tally.add(name, f"{number}.html", answers, None if name is None else post_mortem(answers))
    return tally.group()


@pytest.fixture(scope="module")
def group() -> Group:
    return grouped(GROUP)


def test_all_rows_are_accounted_for(group: Group) -> None:
    assert (group.rows, group.scored, group.abstained, group.errors) == (11, 8, 1, 2)
    counted = [*group.clients, *([group.unnamed] if group.unnamed else [])]
    assert sum(client.answers for client in counted) == group.rows
    assert sum(client.scored for client in counted) == group.scored


def test_gaps_are_counted_by_answer_and_by_client(group: Group) -> None:
    answers: dict[str, set[int]] = defaultdict(set)
    clients: dict[str, set[str | None]] = defaultdict(set)
    types: dict[str, set[str]] = defaultdict(set)
    of_type: Counter[str] = Counter()
    for row in GROUP:
        if row.reply.get("status") != "scored":
            continue
        kind = row.reply["question_type"]["label"]
        of_type[kind] += 1
        for found in row.reply["findings"]:
            if found["severity"] != "strength":
                answers[found["id"]].add(row.row)
                types[found["id"]].add(kind)
                clients[found["id"]] |= {row.client} - {None}
    assert {gap.id: (gap.answers, gap.clients, gap.of) for gap in group.gaps} == {
        name: (len(rows), len(clients[name]), sum(of_type[kind] for kind in types[name]))
        for name, rows in answers.items()
    }


def test_gaps_come_commonest_first(group: Group) -> None:
    order = [(-gap.answers, -gap.clients, gap.id) for gap in group.gaps]
    assert order == sorted(order)
    assert group.gaps[0].id == "task.missing"
    assert group.gaps[0].share == pytest.approx(3 / 7, abs=0.001)


def test_scores_fall_into_their_bins(group: Group) -> None:
    assert [item.count for item in group.scores] == [1, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert [(item.low, item.high) for item in group.scores][::9] == [(0, 9), (90, 100)]
    scores = [row.reply["score"]["value"] for row in GROUP if row.reply.get("score")]
    assert group.mean_score == round(statistics.mean(scores), 1)
    assert group.median_score == statistics.median(scores)


@pytest.mark.parametrize("scores", [[7], [1, 2], [5, 5, 6], [0, 100, 50, 50], [3, 3, 3, 90]])
def test_the_median_is_that_of_the_statistics(scores: list[int]) -> None:
    rows = tuple(told(number, score=score) for number, score in enumerate(scores, start=1))
    assert grouped(rows).median_score == statistics.median(scores)


def test_parts_are_spread_over_the_stories(group: Group) -> None:
    stories = [row.reply["components"] for row in GROUP if row.reply.get("components")]
    assert group.stories == len(stories)
    for spread in group.parts:
        theirs = [story[spread.label.value] for story in stories]
        assert sum(spread.marks) == sum(item.count for item in spread.shares) == len(stories)
        assert spread.marks[3] == sum(part["score"] == 3 for part in theirs)
        assert spread.median_share == statistics.median(part["share"] for part in theirs)


def test_figures_of_a_client(group: Group) -> None:
    ann, ben, cy = group.clients
    assert (ann.name, ann.answers, ann.scored, ann.mean_score) == ("Ann", 3, 3, 63.3)
    assert (ann.lowest, ann.highest, ann.stood, ann.current) == (40, 88, 1, 1)
    assert ann.last_date is not None
    assert ann.last_date.isoformat() == "2026-03-05"
    assert (ben.answers, ben.scored, ben.stood, ben.current) == (4, 2, 1, 2)
    assert (cy.lowest, cy.commonest_gap) == (0, "against.ultimatum")
    assert set(ann.marks) == set(Label) - {Label.OTHER}


def test_rows_without_a_name_are_no_person(group: Group) -> None:
    assert group.unnamed is not None
    assert group.unnamed.answers == 2
    assert group.unnamed.stood is None
    assert all(client.name is not None for client in group.clients)


def test_no_gap_of_a_row_without_a_name_counts_a_client() -> None:
    found = grouped((told(client=None, findings=[gap("x.y", Severity.PROBLEM)]),))
    assert [(item.answers, item.clients) for item in found.gaps] == [(1, 0)]


def test_an_empty_group_has_figures() -> None:
    empty = GroupTally().group()
    assert (empty.rows, empty.gaps, empty.clients, empty.unnamed, empty.parts) == (0, (), (), None, ())
    assert empty.mean_score is None
    assert sum(item.count for item in empty.scores) == 0


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.path)
def test_every_order_holds_every_client_once(view: View, group: Group) -> None:
    ordered = view.sorted(group.clients)
    assert sorted(client.name or "" for client in ordered) == ["Ann", "Ben", "Cy"]
    values = [view.key(client) for client in ordered if view.key(client) is not None]
    assert values == sorted(values, reverse=view.descending)


def test_clients_without_a_value_come_last_whichever_way(group: Group) -> None:
    def names(path: str) -> list[str | None]:
        view = next(view for view in VIEWS if view.path == path)
        return [client.name for client in view.sorted(group.clients)]

    assert names("orders/latest.html") == ["Ann", "Ben", "Cy"]
    assert names("orders/mean-lowest.html") == ["Cy", "Ann", "Ben"]
    assert names("orders/mean-highest.html") == ["Ben", "Ann", "Cy"]


def test_a_client_without_scores_has_none() -> None:
    client: ClientFigures = grouped((GROUP[3],)).clients[0]
    assert (client.mean_score, client.lowest, client.commonest_gap, client.marks) == (None, None, None, {})
