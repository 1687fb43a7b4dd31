"""A query's result as text and as data: exact, bounded, and harmless to a terminal."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from aide_local.errors import SettingsError
from aide_local.store.sql import FORMATS, Result, SqlReader
from tests.store.earlier import unpack

ESCAPES = r"chr(27) || ']0;owned' || chr(7) || chr(27) || '[2J' || chr(155) || '31m' || chr(127) || chr(8238)"
HARMFUL = "\x1b\x07\x9b\x7f\u202e"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlReader]:
    with SqlReader(unpack(tmp_path_factory.mktemp("home") / "home")) as opened:
        yield opened


def text(result: Result, form: str, *, terminal: bool = False) -> str:
    sink = io.BytesIO()
    result.write(form, sink, terminal=terminal)
    return sink.getvalue().decode()


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_no_text_of_a_model_steers_a_terminal(reader: SqlReader, form: str) -> None:
    result = reader.execute(f'SELECT {ESCAPES} AS plan, [{ESCAPES}] AS several, 1 AS "\x1b[31m\x9b"')
    said = text(result, form, terminal=True)
    assert not set(HARMFUL) & set(said)
    assert "owned" in said


def test_data_for_programs_are_exact(reader: SqlReader) -> None:
    result = reader.execute(f"SELECT {ESCAPES} AS plan, 'ünï \U0001f600' AS other")
    plan = result.table["plan"][0].as_py()
    assert set(HARMFUL) <= set(plan)
    assert next(csv.DictReader(io.StringIO(text(result, "csv"))))["plan"] == plan
    assert json.loads(text(result, "json")) == [{"plan": plan, "other": "ünï \U0001f600"}]
    assert "ünï \U0001f600" in text(result, "json"), "what does no harm can be read"


def test_an_error_that_quotes_the_data_is_harmless(reader: SqlReader) -> None:
    with pytest.raises(SettingsError, match="owned") as told:
        reader.execute(f"SELECT x::INT FROM (SELECT {ESCAPES} AS x)")
    assert not set(HARMFUL) & set(told.value.message)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("INTERVAL '1 day 14:47:00'", "1 day 14:47:00"),
        ("'\\xAA\\xFF'::BLOB", "\\xAA\\xFF"),
        ("'0101'::BIT", "0101"),
        ("union_value(a := 12)", "12"),
        ("'10:00:00+02'::TIMETZ", "10:00:00+02"),
        ("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455"),
        ("12345678901234567890123456789012345678901234567890::BIGNUM", "12345678901234567890123456789012345678901234567890"),
        ("'POINT (1 2)'::GEOMETRY", "POINT (1 2)"),
        ("42::VARIANT", "42"),
        ("[INTERVAL 1 day]", "[1 day]"),
        ("{'a': INTERVAL 1 day}", "{'a': 1 day}"),
    ],
)  # fmt: skip
def test_every_format_shows_what_duckdb_shows(reader: SqlReader, value: str, shown: str) -> None:
    result = reader.execute(f"SELECT 1 AS b, {value} AS a ORDER BY 1")
    assert result.table.column_names == ["b", "a"]
    assert shown in text(result, "table")
    assert shown in text(result, "markdown")
    assert list(csv.reader(io.StringIO(text(result, "csv"))))[1] == ["1", shown]
    assert json.loads(text(result, "json")) == [{"b": 1, "a": shown}]
    assert pq.read_table(io.BytesIO(result.render("parquet"))).to_pylist() == [{"b": 1, "a": shown}]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("value", [
    "'infinity'::TIMESTAMP", "'-infinity'::DATE", "['infinity'::TIMESTAMP]", "MAP {'a': 'infinity'::DATE}", "'a'::ENUM('a')",
    "NULL", "[NULL]", "[]", "{'a': NULL}", "MAP {1: [2]}", "[1, 2]::INT[2]", "uuid()", "ROW(1, 2)",
    "TIMESTAMP_NS '2020-01-01 10:00:00.123456789'", "TIMESTAMPTZ '2020-01-01 10:00+02'", "TIME '10:00'",
])  # fmt: skip
def test_every_type_has_a_text_in_every_format(reader: SqlReader, form: str, value: str) -> None:
    assert reader.execute(f"SELECT {value} AS a UNION ALL SELECT NULL").render(form)


def test_columns_of_the_same_name_are_numbered_in_every_format(reader: SqlReader) -> None:
    result = reader.execute(
        "SELECT 1 AS state, 2 AS state, 3 AS state_1, 4 AS state, INTERVAL 1 day AS state"
    )
    names = ["state", "state_2", "state_1", "state_3", "state_4"]
    assert text(result, "table").split("\n")[0].split() == names
    assert next(csv.reader(io.StringIO(text(result, "csv")))) == names
    assert list(json.loads(text(result, "json"))[0].items()) == list(
        zip(names, [1, 2, 3, 4, "1 day"], strict=True)
    )
    assert pq.read_schema(io.BytesIO(result.render("parquet"))).names == names
    joined = reader.execute("SELECT r.state, n.state FROM runs r JOIN nodes n USING (run_id) LIMIT 1")
    assert joined.table.column_names == ["state", "state_1"]


def test_json_has_numbers_and_null_where_there_is_no_number(reader: SqlReader) -> None:
    result = reader.execute(
        "SELECT sum(range) AS a, 1.25::DECIMAL(9, 2) AS b, 'nan'::DOUBLE AS c, ['inf'::DOUBLE, 1] AS d,"
        " {'x': sum(range), 'y': 'nan'::FLOAT} AS e FROM range(50)"
    )
    said = text(result, "json")
    assert json.loads(said, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")) == [
        {"a": 1225, "b": 1.25, "c": None, "d": [None, 1.0], "e": {"x": 1225, "y": None}}
    ]
    assert json.loads(text(reader.execute("FROM runs WHERE false"), "json")) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("12345678::DOUBLE", "12345678.0"),
        ("123456789012345::DOUBLE", "123456789012345.0"),
        ("999999.7::DOUBLE", "999999.7"),
        ("0.123456789::DOUBLE", "0.123457"),
        ("3::DOUBLE", "3"),
        ("1e300::DOUBLE", "1e+300"),
        ("'-inf'::DOUBLE", "-inf"),
        ("0::DECIMAL(38, 10)", "0.0000000000"),
        ("[1.5::DOUBLE, NULL]", "[1.5, null]"),
    ],
)
def test_a_table_shows_numbers_as_a_person_expects_them(reader: SqlReader, value: str, shown: str) -> None:
    assert text(reader.execute(f"SELECT {value} AS a"), "table").split("\n")[2] == shown


def test_markdown_keeps_its_cells(reader: SqlReader) -> None:
    result = reader.execute('SELECT \'x|y\\|z\' AS "a|b", 1 AS "c\nd"')
    assert text(result, "markdown") == (
        "| a\\|b      | c d |\n| --------- | --- |\n| x\\|y\\\\\\|z | 1   |\n"
    )


def test_a_line_end_in_a_name_breaks_no_table(reader: SqlReader) -> None:
    assert text(reader.execute('SELECT 1 AS "a\nb"'), "table") == "a b\n---\n1\n(1 row)\n"


def test_nothing_is_empty_in_csv_in_lists_too(reader: SqlReader) -> None:
    result = reader.execute("SELECT * FROM (VALUES ([1, NULL], 1), (NULL, 2)) v(a, b) ORDER BY b")
    assert text(result, "csv") == '"a","b"\n"[1, null]",1\n,2\n'


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_a_person_gets_the_first_rows_and_a_line_that_says_so(reader: SqlReader, form: str) -> None:
    said = text(reader.execute("FROM range(1500000)"), form).splitlines()
    assert said[-1] == "(the first 10,000 of 1,500,000 rows; csv, json and parquet have all)"
    assert sum("9999" in line for line in said) == 1
    assert len(said) < 10_010


@pytest.mark.parametrize(
    ("form", "query"),
    [
        ("table", "FROM range(1500000)"),
        ("markdown", "FROM range(1500000)"),
        ("csv", "FROM range(1500000)"),
        ("parquet", "FROM range(1500000)"),
        ("json", "SELECT range AS a, [range] AS b FROM range(40000)"),
        ("csv", "SELECT range AS a, [range] AS b FROM range(40000)"),
        ("table", "SELECT range(1000000) AS a"),
    ],
)
def test_the_memory_for_writing_does_not_grow_with_the_rows(
    reader: SqlReader, form: str, query: str, tmp_path: Path
) -> None:
    result = reader.execute(query)
    text(reader.execute("SELECT [1] AS a"), "csv")  # what is imported does not count
    reader.execute("SELECT [1] AS a").render("parquet")
    tracemalloc.start()
    try:
        result.save(form, tmp_path / "out")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 6 * 2**20


def test_data_of_many_batches_are_whole(reader: SqlReader, tmp_path: Path) -> None:
    result = reader.execute("SELECT range AS a, [range] AS b FROM range(140001)")
    for form in ("csv", "json", "parquet"):
        result.save(form, tmp_path / f"out.{form}")
        with duckdb.connect() as connection:
            found = connection.execute(
                f"SELECT count(*), sum(a), sum((b::INT[])[1]) FROM '{tmp_path}/out.{form}'"
            ).fetchone()
        assert found == (140001, 9800070000, 9800070000)


def test_what_is_interrupted_leaves_the_file_as_it_was(
    reader: SqlReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_value: object) -> str:
        raise KeyboardInterrupt

    path = tmp_path / "out.json"
    path.write_text("before")
    monkeypatch.setattr("aide_local.store.formats._json", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reader.execute("SELECT 1 AS a").save("json", path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
