"""Pairs of one answer in two Englishes: balanced, and their shift counted with its interval."""

from __future__ import annotations

from collections import Counter

from service.records import Answer, Report
from training.dialects import DialectPair, Shift, compare_dialects, dialect_rows, interval, read_dialects

from ..web.fakes import report_on

PAIR = DialectPair("d-1", "Irish English", "Why?", "I had rung him.", "I was after ringing him.")


def test_the_pairs_are_many_and_alike_in_length() -> None:
    pairs = read_dialects()
    assert len({pair.id for pair in pairs}) == len(pairs) >= 40
    assert min(Counter(pair.variety for pair in pairs).values()) >= 6
    for pair in pairs:
        assert pair.standard != pair.other
        longest = max(len(pair.standard), len(pair.other))
        assert abs(len(pair.standard) - len(pair.other)) <= 0.15 * longest, pair.id


def test_both_texts_are_judged_on_one_question() -> None:
    asked: list[Answer] = []

    def review(answer: Answer) -> Report:
        asked.append(answer)
        return report_on(answer)

    (shift,) = compare_dialects([PAIR], review)
    assert [(answer.text, answer.question) for answer in asked] == [
        (PAIR.standard, "Why?"),
        (PAIR.other, "Why?"),
    ]
    assert shift.change == 0


def test_an_abstention_costs_all_points() -> None:
    assert Shift(PAIR, 40, None).change == -40
    assert Shift(PAIR, None, None).change == 0


def test_the_interval_holds_the_mean_and_narrows() -> None:
    low, high = interval([-4, 0, 4, 8] * 3)
    assert low < 2 < high
    assert high - low > 2 * (interval([-4, 0, 4, 8] * 100)[1] - interval([-4, 0, 4, 8] * 100)[0])
    assert interval([3, 3]) == (3, 3)


def test_the_rows_count_each_variety() -> None:
    rows = dialect_rows([Shift(PAIR, 50, 40), Shift(PAIR, 50, 52)])
    assert rows["all"] == rows["Irish English"]
    assert rows["all"]["mean_change"] == -4
    assert (rows["all"]["pairs"], rows["all"]["largest"], rows["all"]["moved_over_5"]) == (2, 10, 1)
