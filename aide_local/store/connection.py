"""A run's own database file, open for writing: rows by column name, transactions that survive a full disk, snapshots."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aide_local.errors import DiskFull
from aide_local.store.quoting import identifier, literal
from aide_local.store.schema import migrate
from aide_local.store.trouble import translate_errors

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Statement

Row = Mapping[str, object]  # column → value
_CONFIG: Mapping[str, str | int] = {"threads": 1, "memory_limit": "1GB"}  # of a run's own database


def connect_to(path: Path, config: Mapping[str, str | int] = _CONFIG) -> DuckDBPyConnection:
    """Open a database for writing, with DuckDB's settings ``config`` (by default those of a run's own database).

    DuckDB's progress bar is off: after two seconds it would be printed among what the program prints.
    """
    import duckdb

    connection = duckdb.connect(str(path), config=dict(config))
    connection.execute("SET enable_progress_bar=false")
    return connection


class RunDatabase:
    """One database file, held by this process and brought to the newest schema. Thread-safe.

    ``patience`` is asked, in the thread that writes, when the disk is full: True once it is worth trying again.
    ``publishing`` lets one snapshot be made at a time, as the files have one name.

    Raises:
        StoreError: the file cannot be opened, or is of a newer version.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.patience: Callable[[DiskFull], bool] | None = None
        self.publishing = threading.RLock()
        self._lock = threading.RLock()
        self._inserts: dict[tuple[str, int, tuple[str, ...]], Statement] = {}
        self._closed = False
        with translate_errors(file.parent):
            self._connection = connect_to(file)
            migrate(self._connection, file)

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Lend the connection to one thread."""
        with self._lock:
            yield self._connection

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(query, list(values)).fetchall()

    def execute(self, statement: str, values: Sequence[object] = ()) -> None:
        """Execute a statement, inside :meth:`transaction`."""
        self._connection.execute(statement, list(values))

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows that have the same columns, inside :meth:`transaction`.

        One statement serves any number of rows and is parsed once: parsing and planning take longer than inserting.
        """
        if not rows:
            return
        columns = tuple(rows[0])
        shape = (table, len(rows), columns)
        if shape not in self._inserts:
            names = ", ".join(map(identifier, columns))
            marks = f"({', '.join('?' * len(columns))})"
            self._inserts[shape] = self._connection.extract_statements(
                f"INSERT INTO {table} ({names}) VALUES {', '.join([marks] * len(rows))}"
            )[0]
        values = chain.from_iterable([row[column] for column in columns] for row in rows)
        self._connection.execute(self._inserts[shape], [*values])

    def transaction(self, write: Callable[[], None]) -> None:
        """Call ``write`` in one transaction; on a full disk again, as long as ``patience`` says so.

        Raises:
            DiskFull: nobody waits for room.
            StoreError: the disk is gone, or the database is damaged.
        """
        while True:
            try:
                with self._lock, translate_errors(self.file.parent):
                    self._connection.execute("BEGIN")
                    try:
                        write()
                    except BaseException:
                        self._connection.execute("ROLLBACK")
                        raise
                    self._connection.execute("COMMIT")
                return
            except DiskFull as error:
                self._wait_for_room(error)

    def _wait_for_room(self, error: DiskFull) -> None:
        """Wait, then open the database anew: after a failed write DuckDB refuses all others."""
        while True:
            if self.patience is None or not self.patience(error):
                raise error
            try:
                with self.publishing, self._lock, translate_errors(self.file.parent):
                    self._connection.close()
                    self._connection = connect_to(self.file)
                return
            except DiskFull as still:
                error = still

    def copy_to(self, target: Path) -> None:
        """Write a snapshot to ``target`` by way of a file beside it, so that readers see a whole one or the last.

        Raises:
            StoreError: it cannot be written.
        """
        partial = target.with_name(target.name + ".partial")
        with self.publishing, translate_errors(target.parent):
            partial.unlink(missing_ok=True)
            with self._lock:
                cursor = self._connection.cursor()
            try:
                cursor.execute(f"ATTACH {literal(partial)} AS snapshot")
                try:
                    ((own,),) = cursor.execute("SELECT current_database()").fetchall()
                    cursor.execute(f"COPY FROM DATABASE {identifier(own)} TO snapshot")
                finally:
                    cursor.execute("DETACH snapshot")
            finally:
                cursor.close()
            partial.replace(target)

    def close(self) -> bool:
        """Close the file; return whether it was still open."""
        with self._lock:
            if self._closed:
                return False
            self._closed = True
            self._connection.close()
            return True
