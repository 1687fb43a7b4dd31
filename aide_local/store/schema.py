"""The database's schema: numbered migrations, applied in order, each in a transaction.

The number of the last one is kept in the table ``schema_version``. A file of a newer version is not touched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING

from aide_local.errors import StoreError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLES = (
    "runs", "nodes", "folds", "executions", "errors", "predictions", "generations", "events", "ensembles",
)  # fmt: skip
ORIGINS = 5  # the version that brought nodes their origin


def utc_now() -> datetime:
    """Return the time as it is stored: without a time zone, so that no reader needs a library for zones."""
    return datetime.now(UTC).replace(tzinfo=None)


def migrations() -> list[tuple[int, str]]:
    """Return (number, SQL) of every migration, in order."""
    folder = resources.files("aide_local") / "store" / "migrations"
    found = [
        (int(file.name[:4]), file.read_text("utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found)


def newest() -> int:
    """Return the version that this program writes."""
    return migrations()[-1][0]


def version_of(connection: DuckDBPyConnection) -> int:
    """Return the schema's version; 0 for an empty database."""
    tables = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_version'"
    ).fetchone()
    if not tables or not tables[0]:
        return 0
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def migrate(connection: DuckDBPyConnection, file: object) -> None:
    """Bring the database to the newest version.

    Raises:
        StoreError: it is of a newer version than this program knows; it is not touched.
    """
    now = version_of(connection)
    refuse_newer(now, file)
    for number, sql in migrations():
        if number > now:
            connection.execute("BEGIN")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER, applied TIMESTAMP)"
            )
            connection.execute(sql)
            connection.execute("INSERT INTO schema_version VALUES (?, ?)", [number, utc_now()])
            connection.execute("COMMIT")


def refuse_newer(version: int, file: object) -> None:
    """Raise StoreError if ``version`` is newer than this program knows."""
    if version > newest():
        raise StoreError(
            f"The database {file} is of schema version {version}; this program knows versions up to {newest()}.",
            "Use the newer aide-local that wrote it. Nothing was changed.",
        )
