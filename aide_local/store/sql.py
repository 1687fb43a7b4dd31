"""SQL over all runs, on a connection that cannot write.

Queries run without access to files, extensions or settings, by the recipe that held against attempts to write
(docs/decisions).
"""

from __future__ import annotations

import glob
import io
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from aide_local.basics.files import replacing_file
from aide_local.basics.text import neutralise
from aide_local.basics.units import format_mib
from aide_local.errors import SettingsError, StoreError
from aide_local.home import Home
from aide_local.store import formats, history, sql_errors
from aide_local.store.quoting import literal
from aide_local.store.sql_errors import QueryError

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, DuckDBPyRelation
    from duckdb.sqltypes import DuckDBPyType

FORMATS = ("table", "csv", "json", "markdown", "parquet")
MOST = 2**30  # bytes of a result
_BATCH = 2**14  # rows after which the size is looked at
_LOCKED = (
    "SET enable_progress_bar=false",  # it would be printed among the results
    "SET temp_directory=''",  # a query that needs too much memory fails: it spills nothing to the disk
    "SET errors_as_json=true",  # with their place
    "SET autoload_known_extensions=false",
    "SET autoinstall_known_extensions=false",
    "SET allow_community_extensions=false",
    "SET enable_external_access=false",
    "SET disabled_filesystems='LocalFileSystem'",
    "SET lock_configuration=true",
)


_AS_TEXT = {  # types that a format lacks, or gets wrong
    "interval",
    "blob",
    "bit",
    "union",
    "bignum",
    "uhugeint",  # Arrow's decimals end before it
    "variant",
    "geometry",
    "time with time zone",  # Arrow forgets the zone
}
_NESTED = {"list", "array", "struct", "tuple", "map"}


@dataclass(frozen=True, slots=True)
class Result:
    """An Arrow table that is written as a person or a program wants it. No two columns have the same name."""

    table: pa.Table

    def write(self, form: str, sink: IO[bytes], *, terminal: bool = False) -> None:
        """Write the table in one of FORMATS. Texts cannot steer a ``terminal``; csv is exact elsewhere."""
        match form:
            case "csv":
                formats.write_csv(self.table, sink, terminal=terminal)
            case "json":
                formats.write_json(self.table, sink)
            case "parquet":
                formats.write_parquet(self.table, sink)
            case _:
                formats.write_table(self.table, sink, markdown=form == "markdown")

    def save(self, form: str, path: Path) -> None:
        """Write the file ``path`` whole or not at all. Raises OSError if it cannot be written."""
        with replacing_file(path) as sink:
            self.write(form, sink)

    def render(self, form: str) -> bytes:
        """Return the written table, for results of a few rows."""
        buffer = io.BytesIO()
        self.write(form, buffer)
        return buffer.getvalue()


def _fetch(relation: DuckDBPyRelation) -> pa.Table:
    """Return all rows, in types that every format has. Raises SettingsError if they do not fit into memory."""
    import pyarrow as pa

    names = _unique_names(relation.columns)
    foreign = [_is_foreign(kind) for kind in relation.types]
    if any(foreign):
        places = (f"#{at}::VARCHAR" if one else f"#{at}" for at, one in enumerate(foreign, 1))
        relation = relation.project(", ".join(places))
    batches = []
    size = 0
    reader = relation.to_arrow_reader(_BATCH)
    with reader:  # a stream left open keeps the database open, and the next who opens it waits without end
        for batch in reader:
            batches.append(batch)
            size += batch.nbytes
            if size > MOST:
                raise SettingsError(
                    f"The result is larger than {format_mib(MOST)}.", "Add LIMIT, or ask for fewer columns."
                )
        return pa.Table.from_batches(batches, reader.schema).rename_columns(names)


def _unique_names(names: Sequence[str]) -> list[str]:
    """Return ``state, state`` as ``state, state_1``: a JSON object or a Parquet file has one column of a name."""
    taken = set(names)
    made: list[str] = []
    for name in names:
        one, number = name, 0
        while one in made or (number and one in taken):
            number += 1
            one = f"{name}_{number}"
        made.append(one)
    return made


def _is_foreign(kind: DuckDBPyType) -> bool:
    """Return whether a type, or a part of it, is one of ``_AS_TEXT``."""
    if kind.id in _NESTED:
        return any(_is_foreign(child) for _, child in kind.children if isinstance(child, type(kind)))
    return kind.id in _AS_TEXT


def predictions_view(home: Home, run_id: str = "") -> str:
    """Return the statement with which another program gets the view ``prediction_rows``, of one run or of all.

    The view reads the predictions' files; the program opens ``history.duckdb`` for reading.
    """
    files = _prediction_files(home, run_id)
    return (
        "CREATE TEMP VIEW prediction_rows AS SELECT regexp_extract(filename, '([^/]+)/predictions/', 1) AS run_id,"
        " regexp_extract(filename, 'node-(\\d+)', 1)::INTEGER AS node, * EXCLUDE (filename)"
        f" FROM read_parquet({files}, filename = true, union_by_name = true);"
    )


def _prediction_files(home: Home, run_id: str) -> str:
    """Return a file pattern in which the home's path stands for itself, whatever characters it has."""
    return literal(Path(glob.escape(str(home.runs))) / (run_id or "*") / "predictions" / "node-*.parquet")


class SqlReader:
    """Answers queries on the gathered runs. A context manager.

    ``left_out`` maps the runs that cannot be read to the reason.

    Raises:
        StoreError: there is nothing to read, or it cannot be read.
    """

    def __init__(
        self, home: Home, *, memory_limit: str = "2GB", threads: int = 2, predictions_of: str = ""
    ) -> None:
        """Open the gathered runs; the predictions of the run ``predictions_of`` become the table ``prediction_rows``."""
        self._memory_limit = memory_limit
        config: dict[str, Any] = {
            "python_enable_replacements": "false",
            "memory_limit": memory_limit,
            "threads": threads,
        }
        self._connection: DuckDBPyConnection = history.connect(home, config)
        self.left_out = history.unreadable_runs(home)
        self._interrupted = threading.Event()
        if predictions_of:
            self._load_predictions(home, predictions_of)
        for setting in _LOCKED:
            self._connection.execute(setting)

    def _load_predictions(self, home: Home, run_id: str) -> None:
        """Fill a temporary table: a query reaches nothing of the file system."""
        import duckdb

        if not any((home.run(run_id) / "predictions").glob("*.parquet")):
            raise SettingsError(f"The run {run_id} has no predictions.", "Choose another run.")
        files = _prediction_files(home, run_id)
        try:
            self._connection.execute(
                "CREATE TEMP TABLE prediction_rows AS SELECT regexp_extract(filename, 'node-(\\d+)', 1)::INTEGER AS node,"
                f" * EXCLUDE (filename) FROM read_parquet({files}, filename = true, union_by_name = true)"
            )
        except duckdb.Error as error:
            raise StoreError(
                f"The predictions of {run_id} cannot be read: {str(error).splitlines()[0]}.",
                "`aide-local verify` reports which file is damaged.",
            ) from error

    def execute(self, query: str, *, time_limit: float = 60.0) -> Result:
        """Return the last statement's result.

        Raises:
            QueryError: the query is wrong or writes; with the place, if DuckDB reports it.
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
            return Result(pa.table({}) if found is None else _fetch(found))
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
            raise self._explain(query, error) from error
        finally:
            ended.set()

    def _explain(self, query: str, error: Exception) -> SettingsError:
        """Return what is wrong with the query, and how to fix it."""
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
        place = self._locate(query, error)
        return QueryError(
            f"The query does not work: {neutralise(sql_errors.render(place, query))}\n",
            "Tables and columns: docs/schema.md.",
            place.start,
        )

    def _end_after(self, seconds: float, ended: threading.Event) -> None:
        """Interrupt again and again: DuckDB forgets an interruption between two steps of a streamed query."""
        end = time.monotonic() + seconds
        while not ended.wait(0.1):
            if self._interrupted.is_set() or time.monotonic() >= end:
                self._connection.interrupt()

    def _locate(self, query: str, error: Exception) -> sql_errors.Place:
        """Return what is wrong and where; DuckDB locates unknown names only if the query is executed at once."""
        import duckdb

        place = sql_errors.parse(str(error), query)
        if place.start is None and isinstance(error, duckdb.BinderException | duckdb.CatalogException):
            try:
                self._connection.execute(query)
            except duckdb.Error as located:
                return sql_errors.parse(str(located), query)
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
