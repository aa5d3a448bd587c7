"""A row that was kept is the row that was read: its line is the same to the byte."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batch.evaluation import evaluate
from service.batch.rows import Row, read_rows
from service.jobs.payload import pack, unpack
from tests.batch.broken import FILES
from tests.batch.fakes import ObedientReviewer

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.integers(1, 10_000),
    st.dictionaries(_TEXTS, _VALUES, max_size=6),
    st.none() | st.dates().map(str),
    st.none() | st.integers(1, 1_000_000),
)
def test_any_row_comes_back(
    number: int, data: dict[str, object], date: str | None, attempt: int | None
) -> None:
    row = Row(number, data, date, attempt)
    packed = pack(row)
    assert packed.isascii()
    back = unpack(number, packed)
    assert back == row
    assert isinstance(back, Row)
    assert list(back.data) == list(data), "the order in which problems are told"


@pytest.mark.parametrize("name", [name for name, file in FILES.items() if isinstance(file.comes, list)])
def test_rows_of_every_odd_file_have_the_same_line(name: str) -> None:
    file = FILES[name]
    reviewer = ObedientReviewer()
    rows = list(read_rows(BytesIO(file.body), file.media))
    assert isinstance(file.comes, list)
    assert len(rows) == len(file.comes)
    for row in rows:
        assert evaluate(unpack(row.number, pack(row)), reviewer) == evaluate(row, reviewer)
