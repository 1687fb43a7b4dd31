"""Export a run for other tools: Parquet files, one SQLite database, or a folder that MLflow opens as its file store."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aide_local.basics.files import replacing
from aide_local.errors import SettingsError
from aide_local.home import Home
from aide_local.store.archive import export_archive
from aide_local.store.layout import PUBLISHED
from aide_local.store.mlflow import write_mlflow
from aide_local.store.quoting import identifier, literal
from aide_local.store.read import read_run, snapshot
from aide_local.store.schema import TABLES
from aide_local.store.trouble import translate_errors

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMATS = {"archive": ".aide.tar.gz", "parquet": "-parquet", "sqlite": ".sqlite", "mlflow": "-mlruns"}
_FIX = "Make room there or fix its permissions, or choose another --out."


def export(home: Home, run_id: str, form: str, out: Path) -> None:
    """Write ``out``, a file or a folder that is not there yet, whole or not at all.

    Raises:
        SettingsError: there is something at ``out`` already, or no such format.
        StoreError: the run has no snapshot, or ``out`` cannot be written.
    """
    ways: dict[str, Callable[[Home, str, Path], None]] = {
        "archive": export_archive,
        "parquet": _parquet,
        "sqlite": _sqlite,
        "mlflow": _mlflow,
    }
    if form not in ways:
        raise SettingsError(f"--format {form!r} is unknown.", f"Choose one of: {', '.join(ways)}.")
    if out.exists():
        raise SettingsError(f"There is {out} already.", "Choose another --out, or delete it.")
    with translate_errors(out.parent, _FIX):
        out.parent.mkdir(parents=True, exist_ok=True)
        ways[form](home, run_id, out)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Translate DuckDB's errors on ``out``. Those on the snapshot are left to :func:`snapshot`."""
    import duckdb

    try:
        yield
    except duckdb.OperationalError as error:
        if PUBLISHED in str(error):
            raise
        with translate_errors(out.parent, _FIX):
            raise


def _tables(connection: DuckDBPyConnection) -> list[str]:
    """Return the tables that the snapshot has: one of an earlier schema has fewer."""
    found = {
        name
        for (name,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
    }
    return [table for table in TABLES if table in found]


def _parquet(home: Home, run_id: str, out: Path) -> None:
    """Write a file for each table, and copy the nodes' predictions."""
    with snapshot(home, run_id) as connection, _writing(out), replacing(out) as folder:
        folder.mkdir()
        for table in _tables(connection):
            connection.execute(f"COPY {table} TO {literal(folder / f'{table}.parquet')} (FORMAT parquet)")
        predictions = home.run(run_id) / "predictions"
        if predictions.is_dir():
            shutil.copytree(predictions, folder / "predictions")


def _sqlite(home: Home, run_id: str, out: Path) -> None:
    """Write the tables with their keys; lists and JSON become text, times ISO text in UTC."""
    kinds = {"INTEGER": "INTEGER", "BIGINT": "INTEGER", "BOOLEAN": "INTEGER", "DOUBLE": "REAL"}
    with (
        snapshot(home, run_id) as connection,
        _writing(out),
        replacing(out) as file,
        closing(sqlite3.connect(file)) as made,
    ):
        for table in _tables(connection):
            columns = connection.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index",
                [table],
            ).fetchall()
            key = connection.execute(
                "SELECT constraint_column_names FROM duckdb_constraints()"
                " WHERE table_name = ? AND constraint_type = 'PRIMARY KEY'",
                [table],
            ).fetchone()
            parts = [f"{identifier(name)} {kinds.get(kind, 'TEXT')}" for name, kind in columns]
            if key is not None:
                parts.append("PRIMARY KEY (" + ", ".join(map(identifier, key[0])) + ")")
            made.execute(f"CREATE TABLE {identifier(table)} ({', '.join(parts)})")
            marks = ", ".join("?" * len(columns))
            rows = connection.execute(f"FROM {table}")
            while many := rows.fetchmany(1000):
                made.executemany(
                    f"INSERT INTO {identifier(table)} VALUES ({marks})",
                    [[_plain(value) for value in row] for row in many],
                )
        made.commit()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, int | float | str):
        return value
    if isinstance(value, list):
        return json.dumps(value)
    return value.isoformat()  # a timestamp: there is no other type in the schema


def _mlflow(home: Home, run_id: str, out: Path) -> None:
    view = read_run(home, run_id)
    with replacing(out) as folder:
        write_mlflow(view, folder, out.absolute())
