"""Words that complete a query: the language's own, and the names and values that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aide_local.store.sql import SqlReader

# DuckDB has keywords for everything; these are parts of queries beside the reserved ones and the joins.
_FURTHER = ("between", "filter", "over", "partition", "tables")
_FUNCTIONS = ("avg", "count", "max", "min", "round", "sum")


def names(reader: SqlReader) -> list[tuple[str, str]]:
    """Return (table or view, column) of every column."""
    found = reader.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main'"
        " AND database_name = current_database() ORDER BY ALL"
    )
    return [(row["table_name"], row["column_name"]) for row in found.table.to_pylist()]


def keywords(reader: SqlReader) -> list[str]:
    """Return words of SQL in upper case, and functions in lower case."""
    found = reader.execute(
        "SELECT DISTINCT upper(keyword_name) AS word FROM duckdb_keywords()"
        " WHERE keyword_category IN ('reserved', 'type_function')"
        f" OR keyword_name IN {_FURTHER} ORDER BY word"
    )
    return [*(row["word"] for row in found.table.to_pylist()), *_FUNCTIONS]


def words(reader: SqlReader) -> list[str]:
    """Return all that completes a query: names, words of SQL, and the metrics, tasks and models of the runs."""
    found = {name for pair in names(reader) for name in pair} | set(keywords(reader))
    values = reader.execute(
        "SELECT DISTINCT unnest([metric, task, model, kind, task_fingerprint]) AS value FROM runs"
    )
    found |= {row["value"] for row in values.table.to_pylist() if row["value"].isprintable()}
    return sorted(found, key=str.lower)
