"""SQL over all runs: the published snapshots, gathered into one database that nobody can write to.

Each run publishes a file of its own; their tables are copied into ``history.duckdb``, a run again only when its
snapshot changed, under a lock and by rename, so a reader never sees half of it. Queries run without access to
files, extensions or settings, by the recipe that held against attempts to write (docs/decisions).
"""

from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aide_local.errors import SettingsError, StoreError
from aide_local.home import Home
from aide_local.store.database import PUBLISHED, quoted
from aide_local.store.schema import TABLES, migrate

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

FORMATS = ("table", "csv", "json", "markdown", "parquet")
_LOCKED = (
    "SET autoload_known_extensions=false",
    "SET autoinstall_known_extensions=false",
    "SET allow_community_extensions=false",
    "SET enable_external_access=false",
    "SET disabled_filesystems='LocalFileSystem'",
    "SET lock_configuration=true",
)


def snapshot_of_all(home: Home) -> Path:
    """Bring ``history.duckdb`` up to date with every run's snapshot and return its path.

    Raises:
        StoreError: the home folder cannot be written, or a snapshot cannot be read.
    """
    import duckdb
    from filelock import FileLock

    try:
        home.root.mkdir(parents=True, exist_ok=True)
        with FileLock(home.root / "history.lock", timeout=120):
            known = _known(home.history)
            current = _current(home)
            if known == current and home.history.exists():
                return home.history
            partial = home.history.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            _gather(home, partial, known, current)
            partial.replace(home.history)
    except OSError as error:
        raise StoreError(
            f"{home.history} cannot be written: {error.strerror or error}.",
            "Make room, or choose another --home.",
        ) from error
    except duckdb.Error as error:
        raise StoreError(
            f"The runs in {home.runs} cannot be gathered: {str(error).splitlines()[0]}.",
            "`aide-local doctor` may tell why.",
        ) from error
    return home.history


def _current(home: Home) -> dict[str, str]:
    """Run id → what tells whether its snapshot changed."""
    found = {}
    for path in home.runs.glob(f"*/{PUBLISHED}"):
        state = path.stat()
        found[path.parent.name] = f"{state.st_mtime_ns} {state.st_size}"
    return found


def _known(history: Path) -> dict[str, str]:
    import duckdb

    if not history.exists():
        return {}
    try:
        with duckdb.connect(str(history), read_only=True) as connection:
            return dict(connection.execute("SELECT run_id, mark FROM gathered").fetchall())
    except duckdb.Error:
        return {}  # of another version, or damaged: it is made anew from the runs


def _gather(home: Home, target: Path, known: dict[str, str], current: dict[str, str]) -> None:
    import duckdb

    connection = duckdb.connect(str(target), config={"threads": 2})
    try:
        migrate(connection, target)
        connection.execute("CREATE TABLE gathered (run_id TEXT PRIMARY KEY, mark TEXT)")
        kept = [run for run, mark in current.items() if known.get(run) == mark]
        if kept:
            connection.execute(f"ATTACH {quoted(home.history)} AS earlier (READ_ONLY)")
            for table in TABLES:
                connection.execute(
                    f"INSERT INTO {table} SELECT * FROM earlier.{table} WHERE run_id IN (SELECT unnest(?))",
                    [kept],
                )
            connection.execute("DETACH earlier")
        for run in sorted(current.keys() - set(kept)):
            connection.execute(f"ATTACH {quoted(home.run(run) / PUBLISHED)} AS one (READ_ONLY)")
            for table in TABLES:
                connection.execute(f"INSERT INTO {table} SELECT * FROM one.{table}")
            connection.execute("DETACH one")
        connection.executemany("INSERT INTO gathered VALUES (?, ?)", list(current.items()) or [("", "")])
    finally:
        connection.close()


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


class Reader:
    """Answers queries on the gathered runs. A context manager.

    Raises:
        StoreError: there is nothing to read, or it cannot be read.
    """

    def __init__(self, home: Home, *, memory_limit: str = "2GB", threads: int = 2) -> None:
        import duckdb

        path = snapshot_of_all(home)
        config: dict[str, Any] = {
            "python_enable_replacements": "false",
            "memory_limit": memory_limit,
            "threads": threads,
        }
        self._connection: DuckDBPyConnection = duckdb.connect(str(path), read_only=True, config=config)
        for setting in _LOCKED:
            self._connection.execute(setting)

    def execute(self, query: str, *, time_limit: float = 60.0) -> Result:
        """The last statement's result.

        Raises:
            SettingsError: the query is wrong, writes, or takes longer than ``time_limit`` seconds.
        """
        import duckdb
        import pyarrow as pa

        if not query.strip():
            raise SettingsError(
                "There is no query.", 'For example: aide-local sql "FROM leaderboard LIMIT 10"'
            )
        timer = threading.Timer(time_limit, self._connection.interrupt)
        timer.start()
        try:
            found = self._connection.sql(query)
            return Result(pa.table({}) if found is None else found.to_arrow_table())
        except duckdb.InterruptException as error:
            raise SettingsError(
                f"The query took longer than {time_limit:g} s.", "Give it more with --time-limit."
            ) from error
        except duckdb.Error as error:
            raise SettingsError(
                f"The query does not work: {self._located(query, error)}\n",
                "Tables and columns: docs/schema.md.",
            ) from error
        finally:
            timer.cancel()

    def _located(self, query: str, error: Exception) -> str:
        """The error with the line and a caret under the place, which DuckDB tells where the query is executed at once."""
        import duckdb

        if isinstance(error, duckdb.BinderException | duckdb.CatalogException):
            try:
                self._connection.execute(query)
            except duckdb.Error as located:
                return str(located)
        return str(error)

    def interrupt(self) -> None:
        """End the query that runs, from any thread."""
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
