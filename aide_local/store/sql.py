"""SQL over all runs, by a connection that nobody can write to.

Queries run without access to files, extensions or settings, by the recipe that held against attempts to write
(docs/decisions).
"""

from __future__ import annotations

import io
import json
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aide_local.errors import SettingsError, StoreError
from aide_local.home import Home
from aide_local.store import history, sql_errors
from aide_local.store.database import quoted
from aide_local.store.sql_errors import QueryError

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

FORMATS = ("table", "csv", "json", "markdown", "parquet")
MOST = 2**30  # bytes of a result
_LOCKED = (
    "SET enable_progress_bar=false",  # it would be printed among the results
    "SET temp_directory=''",  # a query that needs more memory than it may have is told so: it spills nothing to the disk
    "SET errors_as_json=true",  # with their place
    "SET autoload_known_extensions=false",
    "SET autoinstall_known_extensions=false",
    "SET allow_community_extensions=false",
    "SET enable_external_access=false",
    "SET disabled_filesystems='LocalFileSystem'",
    "SET lock_configuration=true",
)


@dataclass(frozen=True, slots=True)
class Result:
    """An Arrow table, rendered as a person or a program wants it."""

    table: pa.Table

    def render(self, form: str) -> bytes:
        match form:
            case "csv":
                import pyarrow.csv as pacsv

                buffer = io.BytesIO()
                pacsv.write_csv(_flat(self.table), buffer)
                return buffer.getvalue()
            case "json":
                return (json.dumps(self.table.to_pylist(), default=str, ensure_ascii=False) + "\n").encode()
            case "parquet":
                import pyarrow.parquet as pq

                buffer = io.BytesIO()
                pq.write_table(self.table, buffer)
                return buffer.getvalue()
            case "markdown":
                return self._lines(" | ", "| ", " |", markdown=True).encode()
            case _:
                return self._lines("  ", "", "", markdown=False).encode()

    def _lines(self, between: str, before: str, after: str, *, markdown: bool) -> str:
        names = list(self.table.column_names)
        rows = [[_cell(value) for value in row.values()] for row in _rows(self.table)]
        widths = [max([len(name), *(len(row[at]) for row in rows)]) for at, name in enumerate(names)]
        rule = ["-" * width for width in widths]
        lines = [names, rule, *rows]
        text = [
            before + between.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + after
            for line in lines
        ]
        count = "" if markdown else f"({len(rows)} {'row' if len(rows) == 1 else 'rows'})\n"
        return "\n".join(line if markdown else line.rstrip() for line in text) + "\n" + count


def _bounded(reader: pa.RecordBatchReader) -> pa.Table:
    """All rows. Raises SettingsError where they are too many to be held."""
    import pyarrow as pa

    batches = []
    size = 0
    with reader:  # a stream left open keeps the database open, and the next who opens it waits without end
        for batch in reader:
            batches.append(batch)
            size += batch.nbytes
            if size > MOST:
                raise SettingsError(
                    f"The result is larger than {MOST >> 20} MiB.", "Add LIMIT, or ask for fewer columns."
                )
    return pa.Table.from_batches(batches, reader.schema)


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows by position, so that columns of one name do not hide each other."""
    named = table.rename_columns([f"{at}" for at in range(table.num_columns)])
    rows: list[dict[str, Any]] = named.to_pylist()
    return rows


def _flat(table: pa.Table) -> pa.Table:
    """Lists and structures as JSON text: CSV has no other way."""
    import pyarrow as pa

    columns = [
        pa.array([json.dumps(value, default=str) for value in column.to_pylist()])
        if pa.types.is_nested(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:79] + "…"


def predictions_view(home: Home, run_id: str = "") -> str:
    """The statement by which another program makes the predictions' files, of a run or of all, the view
    ``prediction_rows``; it goes with ``history.duckdb`` opened for reading."""
    files = quoted(home.run(run_id or "*") / "predictions" / "node-*.parquet")
    return (
        "CREATE TEMP VIEW prediction_rows AS SELECT regexp_extract(filename, '([^/]+)/predictions/', 1) AS run_id,"
        " regexp_extract(filename, 'node-(\\d+)', 1)::INTEGER AS node, * EXCLUDE (filename)"
        f" FROM read_parquet({files}, filename = true, union_by_name = true);"
    )


class Reader:
    """Answers queries on the gathered runs. A context manager.

    Raises:
        StoreError: there is nothing to read, or it cannot be read.
    """

    def __init__(
        self, home: Home, *, memory_limit: str = "2GB", threads: int = 2, predictions_of: str = ""
    ) -> None:
        """``predictions_of`` is a run whose nodes' predictions become the table ``prediction_rows``."""
        self._memory_limit = memory_limit
        config: dict[str, Any] = {
            "python_enable_replacements": "false",
            "memory_limit": memory_limit,
            "threads": threads,
        }
        self._connection: DuckDBPyConnection = history.connect(home, config)
        self._interrupted = threading.Event()
        if predictions_of:
            self._load_predictions(home, predictions_of)
        for setting in _LOCKED:
            self._connection.execute(setting)

    def _load_predictions(self, home: Home, run_id: str) -> None:
        """A temporary table: nothing else of the file system is to be reached from a query."""
        import duckdb

        if not any((home.run(run_id) / "predictions").glob("*.parquet")):
            raise SettingsError(f"The run {run_id} has no predictions.", "Choose another run.")
        files = quoted(home.run(run_id) / "predictions" / "node-*.parquet")
        try:
            self._connection.execute(
                "CREATE TEMP TABLE prediction_rows AS SELECT regexp_extract(filename, 'node-(\\d+)', 1)::INTEGER AS node,"
                f" * EXCLUDE (filename) FROM read_parquet({files}, filename = true, union_by_name = true)"
            )
        except duckdb.Error as error:
            raise StoreError(
                f"The predictions of {run_id} cannot be read: {str(error).splitlines()[0]}.",
                "`aide-local verify` tells which file is damaged.",
            ) from error

    def execute(self, query: str, *, time_limit: float = 60.0) -> Result:
        """The last statement's result.

        Raises:
            QueryError: the query is wrong or writes; with its place, where DuckDB tells it.
            SettingsError: it takes longer than ``time_limit`` seconds, was interrupted, or gives too much.
        """
        import duckdb
        import pyarrow as pa

        if not query.strip():
            raise SettingsError(
                "There is no query.", 'For example: aide-local sql "FROM leaderboard LIMIT 10"'
            )
        self._interrupted.clear()
        ended = threading.Event()
        threading.Thread(target=self._end_after, args=(time_limit, ended), daemon=True).start()
        try:
            found = self._connection.sql(query)
            return Result(pa.table({}) if found is None else _bounded(found.to_arrow_reader()))
        except (
            duckdb.Error,
            OSError,
        ) as error:  # while rows stream, DuckDB's errors come through Arrow as OSErrors
            if "Interrupted!" in str(error):
                if self._interrupted.is_set():
                    raise SettingsError("The query was interrupted.") from error
                raise SettingsError(
                    f"The query took longer than {time_limit:g} s.", "Give it more with --time-limit."
                ) from error
            raise self._told(query, error) from error
        finally:
            ended.set()

    def _told(self, query: str, error: Exception) -> SettingsError:
        """What is wrong with the query, and how to mend it."""
        if "Out of Memory" in str(error):
            return SettingsError(
                f"The query needs more memory than it may have, {self._memory_limit}.",
                "Ask for less: fewer columns (not code, prompt or reply), a WHERE, a LIMIT;"
                " or give it more with --memory-limit.",
            )
        if "LocalFileSystem" in str(error):
            return SettingsError(
                "A query reaches no files: the data are open for reading, and nothing else is.",
                "A run's predictions: --predictions RUN. Other data: another program (aide-local sql --attach).",
            )
        place = self._located(query, error)
        return QueryError(
            f"The query does not work: {sql_errors.shown(place, query)}\n",
            "Tables and columns: docs/schema.md.",
            place.start,
        )

    def _end_after(self, seconds: float, ended: threading.Event) -> None:
        """Interrupt again and again: one that comes between two steps of a streamed query is forgotten by DuckDB."""
        end = time.monotonic() + seconds
        while not ended.wait(0.1):
            if self._interrupted.is_set() or time.monotonic() >= end:
                self._connection.interrupt()

    def _located(self, query: str, error: Exception) -> sql_errors.Place:
        """What is wrong and where, which DuckDB tells of names only where the query is executed at once."""
        import duckdb

        place = sql_errors.read(str(error), query)
        if place.start is None and isinstance(error, duckdb.BinderException | duckdb.CatalogException):
            try:
                self._connection.execute(query)
            except duckdb.Error as located:
                return sql_errors.read(str(located), query)
        return place

    def interrupt(self) -> None:
        """End the query that runs, from any thread."""
        self._interrupted.set()
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
