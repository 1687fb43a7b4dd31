"""Words that complete a query: the language's own, and the tables and columns that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aide_local.store.sql import SqlReader

# Words of queries that DuckDB does not count among those that a name cannot be.
_FURTHER = ("between", "filter", "over", "partition", "tables")
_FUNCTIONS = ("avg", "count", "max", "min", "round", "sum")


def keywords(reader: SqlReader) -> list[str]:
    """Return words of SQL in upper case, and functions in lower case."""
    found = reader.execute(
        "SELECT DISTINCT upper(keyword_name) AS word FROM duckdb_keywords()"
        " WHERE keyword_category IN ('reserved', 'type_function')"
        f" OR keyword_name IN {_FURTHER} ORDER BY word"
    )
    return [*(row["word"] for row in found.table.to_pylist()), *_FUNCTIONS]


def columns(reader: SqlReader) -> list[tuple[str, str]]:
    """Return (table or view, column) of every column."""
    found = reader.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main'"
        " AND database_name = current_database() ORDER BY ALL"
    )
    return [(row["table_name"], row["column_name"]) for row in found.table.to_pylist()]
