"""An error of a query tells its place in the query as it was written."""

from __future__ import annotations

import pytest

from aide_local.home import Home
from aide_local.store import sql_errors
from aide_local.store.sql import SqlReader
from aide_local.store.sql_errors import QueryError


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> SqlReader:
    return SqlReader(Home(tmp_path_factory.mktemp("home")))


@pytest.mark.parametrize(
    ("query", "at", "line"),
    [
        ("SELECT nodde FROM nodes", "nodde", 1),
        ("SELECT node FRM nodes x y", "nodes x", 1),
        ("\n\n  SELECT nodde FROM nodes", "nodde", 3),
        ("SELECT 1;\nSELECT node,\n\tnodde FROM nodes", "nodde", 3),
        ("SELECT 'größe 日本語', nodde FROM nodes", "nodde", 1),
        ("SELECT node FROM noodes", "noodes", 1),
        (f"SELECT {', '.join(f'node + {n}' for n in range(99))}, nodde FROM nodes", "nodde", 1),
    ],
)
def test_the_place_is_reported_and_the_caret_is_under_it(
    reader: SqlReader, query: str, at: str, line: int
) -> None:
    with pytest.raises(QueryError) as raised:
        reader.execute(query)
    assert raised.value.position == query.index(at)
    *_, shown, carets, _ = str(raised.value).split("\n")
    assert shown.startswith(f"LINE {line}: ")
    under = carets.index("^") - shown.count("日") - shown.count("本") - shown.count("語")
    assert shown[under:].startswith(at), "carets count columns of a terminal: wide letters take two"
    assert len(shown) < 130


def test_an_error_without_a_place_keeps_its_words(reader: SqlReader) -> None:
    with pytest.raises(QueryError) as raised:
        reader.execute("DROP TABLE nodes")
    assert raised.value.position is None
    assert "read-only" in str(raised.value)
    assert "{" not in str(raised.value)


def test_what_is_no_json_is_shown_as_it_came() -> None:
    for text in ("Parser Error: {nothing", "IO Error: gone", ""):
        assert sql_errors.parse(text, "SELECT 1").message == text
    assert (
        sql_errors.parse('Binder Error: {"exception_message":"m","position":"999"}', "SELECT 1").start is None
    )
