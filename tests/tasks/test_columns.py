"""The description of a table's columns."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aide_local.task import Column, ColumnKind
from aide_local.tasks.columns import describe_column


def described(values: list[str]) -> Column:
    return describe_column("c", pa.chunked_array([pa.array(values, pa.large_string())]))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", "-3e4", ""], ColumnKind.NUMERIC),
        ([" 1", "2 ", "NA"], ColumnKind.NUMERIC),
        (["1", "2", "three"], ColumnKind.CATEGORICAL),
        (["True", "false", ""], ColumnKind.BOOLEAN),
        (["Y", "N"], ColumnKind.BOOLEAN),
        (["2024-01-31", "2024-02-01"], ColumnKind.DATETIME),
        (["2024-01-31 18:00", "2024-02-01T06:30:15Z"], ColumnKind.DATETIME),
        (["31.12.2023", "01.02.2024"], ColumnKind.DATETIME),
        (["12/31/2023", "1/2/24"], ColumnKind.DATETIME),
        (["2024-01", "2024-02"], ColumnKind.DATETIME),
        (["a", "b", "a"], ColumnKind.CATEGORICAL),
        (["", "", "nan"], ColumnKind.CONSTANT),
        (["7", "7"], ColumnKind.CONSTANT),
        ([f"the words of review number {n}" for n in range(30)], ColumnKind.TEXT),
        (["New York City", "Los Angeles", "Rio de Janeiro"] * 9, ColumnKind.CATEGORICAL),
    ],
)
def test_the_kind_is_read_from_the_spelling(values: list[str], kind: ColumnKind) -> None:
    assert described(values).kind is kind


def test_numbers_have_a_range_gaps_a_share_and_frequent_values_an_order() -> None:
    column = described(["3", "10", "", "3"])
    assert (column.low, column.high, column.missing, column.unique) == ("3", "10", 0.25, 2)
    assert described(["b", "a", "c", "c"]).examples == ("c", "a", "b")


def test_dates_have_a_range_only_where_texts_sort_as_time_does() -> None:
    column = described(["2024-02-01", "2023-12-31"])
    assert (column.low, column.high) == ("2023-12-31", "2024-02-01")
    column = described(["01.02.2024", "31.12.2023"])
    assert (column.low, column.high) == ("", "")


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=40))
def test_any_texts_are_described(values: list[str]) -> None:
    column = described(values)
    assert 0 <= column.missing <= 1
    assert column.unique <= len(values)
    assert set(column.examples) <= set(values)
