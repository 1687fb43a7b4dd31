"""Values pass from file to file as they are spelled."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local.basics.tables import header, number_texts, read_table, text_array, write_table
from aide_local.errors import TaskError

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20))
def test_any_text_survives_writing_and_reading(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("table") / "some.csv"
    first, second = zip(*rows, strict=True)
    write_table(path, {"a, b": text_array(list(first)), 'the "c"': text_array(list(second))})
    table = read_table(path)
    assert list(table.columns) == ["a, b", 'the "c"']
    assert table.texts("a, b").tolist() == list(first)
    assert table.texts('the "c"').tolist() == list(second)
    with path.open(newline="", encoding="utf-8") as file:
        assert [tuple(row) for row in csv.reader(file)][1:] == rows


def test_leading_zeros_long_integers_and_odd_spellings_stay(tmp_path: Path) -> None:
    cells = ["007", "12345678901234567890", "1.10", " 2", "NA", "", "1e3", "2024-01-05"]
    path = tmp_path / "some.csv"
    write_table(path, {"a": text_array(cells), "b": text_array(cells)})
    assert read_table(path).texts("a").tolist() == cells
    assert b'"' not in path.read_bytes()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_written_so_that_they_read_back_the_same(values: list[float]) -> None:
    assert [float(text) for text in number_texts(np.array(values)).to_pylist()] == values


def test_a_single_column_with_empty_cells_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    write_table(path, {"a": text_array(["", "1", ""])})
    assert len(pd.read_csv(path)) == 3


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    assert header(path) == list(read_table(path).columns) == ["a", "b"]


@pytest.mark.parametrize(
    "content",
    [b"", b"a,a\n1,2\n", b"a,b\n1,2,3\n", b"a,b\n1,\xff\n", b"\xff\xfe\n"],
    ids=["empty", "same names", "ragged", "not utf-8", "header not utf-8"],
)
def test_a_file_that_is_no_csv_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(content)
    with pytest.raises(TaskError, match=r"some\.csv.*task check"):
        read_table(path)
