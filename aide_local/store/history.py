"""Gather all runs in one place for SQL, in two layers, so that a change costs what changed and not what there is.

``history.duckdb`` holds the runs that have been quiet for a minute, each folded in once. ``recent.duckdb`` holds
the others' snapshots, and the views over both. Both are made anew beside the old ones and renamed, under a lock;
``history.json``, renamed last, says which two files belong together and what is in them. Everything here is made
from the runs' own files: a missing, damaged or older layer is made anew. Readers never wait for a fold. A run whose
snapshot cannot be read is left out, with the reason, until its snapshot changes.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store.connection import connect_to
from aide_local.store.layout import PUBLISHED
from aide_local.store.manifest import (
    Manifest,
    age_of,
    belongs,
    current_marks,
    is_current,
    manifest_file,
    mark_of,
    read_manifest,
    recent_file,
)
from aide_local.store.quoting import literal
from aide_local.store.schema import TABLES, migrate, newest, refuse_newer
from aide_local.store.trouble import is_full, open_elsewhere

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

QUIET = 60.0  # seconds without a new snapshot, after which a run is folded in
FOLD = 20  # so many runs wait for being folded in together, or a twentieth of those that are
_OLDER = "older.duckdb"  # a snapshot of an earlier schema, copied to be migrated
PATIENCE = 0.5  # seconds that a reader waits for another that brings the layers up to date


def connect(home: Home, config: dict[str, Any]) -> DuckDBPyConnection:
    """Bring the layers up to date and return a connection that reads all runs as of their last snapshots.

    A process has one such connection at a time: another thread's is waited for, ten seconds at most.

    Raises:
        StoreError: the home folder cannot be written, another program writes to a layer, or another thread's query
            does not end.
    """
    for _ in range(100):
        refresh(home)
        before = read_manifest(home)
        if not belongs(home, before):
            continue  # between another process's two renames
        connection = _open(home, config)
        if connection is None:
            time.sleep(0.1)
            continue
        if belongs(home, before):
            return connection
        connection.close()
    raise StoreError(
        f"{home.history} changes all the time, or another query of this program does not end.", "Try again."
    )


def _open(home: Home, config: dict[str, Any]) -> DuckDBPyConnection | None:
    """Open both layers; None if another thread of this process has them: DuckDB would give us that one's, locked."""
    import duckdb

    connection = None
    try:
        connection = duckdb.connect(str(recent_file(home)), read_only=True, config=config)
        connection.execute(f"ATTACH {literal(home.history)} AS past (READ_ONLY)")
    except duckdb.Error as error:
        if connection is not None:
            connection.close()
        if isinstance(
            error, duckdb.ConnectionException | duckdb.BinderException | duckdb.PermissionException
        ):
            return None  # ConnectionException: with other limits
        raise _layer_error(home, error) from error
    return connection


def _layer_error(home: Home, error: Exception) -> StoreError:
    """Return trouble with the layers themselves: no run is to blame."""
    return open_elsewhere(error) or StoreError(
        f"The runs in {home.runs} cannot be gathered in {home.history}: {str(error).splitlines()[0]}.",
        "Make room on the disk."
        if is_full(error)
        else f"If it stays so, delete {home.history}: it is made anew from the runs.",
    )


def unreadable_runs(home: Home) -> Mapping[str, str]:
    """Return the runs that queries leave out because they cannot be read → why, and what to do."""
    return {run: reason for run, (_, reason) in read_manifest(home).unread.items()}


def gather_all(home: Home) -> Path:
    """Fold every run into ``history.duckdb``, also those that go on, for other programs; return the file.

    Raises:
        StoreError: see :func:`connect`.
    """
    refresh(home, everything=True)
    return home.history


def forget(home: Home) -> int:
    """Write the layers anew if they hold deleted runs, which readers do not see but the files keep.

    Returns the bytes that this made free.

    Raises:
        StoreError: see :func:`connect`.
    """
    files = [file for file in (home.history, recent_file(home)) if file.exists()]
    known = read_manifest(home)
    if not files or (belongs(home, known) and {*known.past, *known.live} <= current_marks(home).keys()):
        return 0
    before = sum(file.stat().st_size for file in files)
    refresh(home, everything=True)
    return max(0, before - home.history.stat().st_size - recent_file(home).stat().st_size)


def refresh(home: Home, *, everything: bool = False) -> None:
    """Bring the layers up to date; if another process does so already, and there are layers, leave it to that one."""
    import duckdb
    from filelock import FileLock, Timeout

    known = read_manifest(home)
    if known.version > newest():
        refuse_newer(known.version, home.history)
    usable = belongs(home, known) and not everything
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        if usable and is_current(known, current_marks(home)):
            return
        with FileLock(home.root / "history.lock", timeout=PATIENCE if usable else 600):
            _renew(home, everything)
    except Timeout:
        if not usable:
            raise StoreError(
                f"Another process has been gathering the runs in {home.root} for long.", "Try again later."
            ) from None
    except OSError as error:
        raise StoreError(
            f"{home.history} cannot be written: {error.strerror or error}.",
            "Make room, or choose another --home.",
        ) from error
    except duckdb.Error as error:
        raise _layer_error(home, error) from error


def _renew(home: Home, everything: bool) -> None:
    """Bring the layers up to date, under the lock."""
    for name in (home.history.name, recent_file(home).name, manifest_file(home).name, _OLDER):
        for leftover in home.root.glob(f"{name}.partial*"):  # of a process that was killed here
            leftover.unlink()
    known = read_manifest(home)
    if not belongs(home, known) or known.version != newest():
        known = Manifest()
    current = current_marks(home)
    if known.version and is_current(known, current) and not (everything and (known.live or known.stale)):
        return
    kept = {run: mark for run, mark in known.past.items() if current.get(run) == mark}
    unread = {run: found for run, found in known.unread.items() if current.get(run) == found[0]}
    fresh = {run: mark for run, mark in current.items() if run not in kept and run not in unread}
    quiet = {run: mark for run, mark in fresh.items() if everything or age_of(mark) > QUIET}
    enough = max(FOLD, len(known.past) // FOLD)
    gone = len(known.past) - len(kept)
    history = home.history
    folds = everything or not known.version or len(quiet) > enough or gone > enough
    if folds:
        history = _partial(home.history)
        unread |= _make_history(home, history, known, kept, quiet)
        past, stale = _without({**kept, **quiet}, unread), []
    else:
        past, stale = dict(known.past), sorted(known.past.keys() - kept.keys())
    live = {run: mark for run, mark in fresh.items() if not (folds and run in quiet)}
    recent = _partial(recent_file(home))
    if not folds and list(known.stale) == stale:
        unread |= _change_recent(home, recent, known, live)
    else:
        unread |= _make_recent(home, recent, history, known, live, stale)
    if folds:
        history.replace(home.history)
    recent.replace(recent_file(home))
    marks = (mark_of(home.history), mark_of(recent_file(home)))
    manifest = Manifest(newest(), *marks, past, _without(live, unread), stale, unread)
    partial = _partial(manifest_file(home))
    partial.write_text(json.dumps(asdict(manifest)), "utf-8")
    partial.replace(manifest_file(home))


def _make_history(
    home: Home, target: Path, known: Manifest, kept: Mapping[str, str], quiet: Mapping[str, str]
) -> dict[str, Sequence[str]]:
    """Write a new history from the ``kept`` runs of the last one and the ``quiet`` runs; return the unreadable ones."""
    with connect_to(target, {"threads": 2}) as connection:
        migrate(connection, target)
        if kept:
            connection.execute(f"ATTACH {literal(home.history)} AS earlier (READ_ONLY)")
            _copy(connection, "earlier.main", "main", sorted(kept))
        return _add(connection, home, "main", known, quiet)


def _make_recent(
    home: Home, target: Path, history: Path, known: Manifest, live: Mapping[str, str], stale: Sequence[str]
) -> dict[str, Sequence[str]]:
    """Write a new recent layer, whose views leave out the history's ``stale`` runs; return the unreadable runs."""
    with connect_to(target, {"threads": 2}) as connection:
        connection.execute(f"ATTACH {literal(history)} AS past (READ_ONLY)")
        connection.execute("BEGIN")
        connection.execute("CREATE SCHEMA live")
        for table in TABLES:
            connection.execute(f"CREATE TABLE live.{table} AS FROM past.main.{table} LIMIT 0")
        current_only = f" WHERE run_id NOT IN ({', '.join(map(literal, stale))})" if stale else ""
        for table in TABLES:
            connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM past.main.{table}{current_only}"
                f" UNION ALL BY NAME SELECT * FROM live.{table}"
            )
        _copy_views(connection)
        connection.execute("COMMIT")
        return _add(connection, home, "live", known, live)


def _change_recent(
    home: Home, target: Path, known: Manifest, live: Mapping[str, str]
) -> dict[str, Sequence[str]]:
    """Write the recent layer with other runs in it; its views stay. Return the unreadable runs."""
    shutil.copyfile(recent_file(home), target)
    changed = {run: mark for run, mark in live.items() if known.live.get(run) != mark}
    gone = [run for run in known.live if known.live[run] != live.get(run)]
    with connect_to(target, {"threads": 2}) as connection:
        connection.execute("BEGIN")
        for table in TABLES:
            connection.execute(f"DELETE FROM live.{table} WHERE run_id IN (SELECT unnest(?))", [gone])
        connection.execute("COMMIT")
        return _add(connection, home, "live", known, changed)


def _copy_views(connection: DuckDBPyConnection) -> None:
    """Copy the history's views, and the comments on its tables, views and columns."""
    of_past = "database_name = 'past' AND schema_name = 'main' AND NOT internal"
    for (statement,) in connection.execute(
        f"SELECT sql FROM duckdb_views() WHERE {of_past} ORDER BY view_oid"
    ).fetchall():
        connection.execute(statement)
    comments = connection.execute(
        f"SELECT view_name, comment FROM duckdb_views() WHERE {of_past} AND comment IS NOT NULL"
        f" UNION ALL SELECT table_name, comment FROM duckdb_tables() WHERE {of_past} AND comment IS NOT NULL"
    ).fetchall()
    comments += [
        (f"{table}.{column}", comment)
        for table, column, comment in connection.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns()"
            f" WHERE {of_past} AND comment IS NOT NULL"
        ).fetchall()
    ]
    connection.execute(
        "; ".join(
            f"COMMENT ON {'COLUMN' if '.' in name else 'VIEW'} {name} IS {literal(comment)}"
            for name, comment in comments
        )
    )


def _add(
    connection: DuckDBPyConnection, home: Home, schema: str, known: Manifest, runs: Mapping[str, str]
) -> dict[str, Sequence[str]]:
    """Copy runs into the tables of ``schema``: from the recent layer if it has them, else from their snapshots.

    Returns those that cannot be read, for the manifest: a bad run does not keep the others from being asked.
    """
    import duckdb

    unread: dict[str, Sequence[str]] = {}
    there = sorted(run for run, mark in runs.items() if known.live.get(run) == mark)
    if there:
        connection.execute(f"ATTACH {literal(recent_file(home))} AS layer (READ_ONLY)")
        _copy(connection, "layer.live", schema, there)
        connection.execute("DETACH layer")
    for run in sorted(runs.keys() - set(there)):
        copy = _partial(home.root / _OLDER)
        try:
            _attach_snapshot(connection, home.run(run) / PUBLISHED, copy)
            _copy(connection, "one.main", schema, [run])
        except (StoreError, duckdb.Error) as error:
            if is_full(error) or isinstance(error, duckdb.OutOfMemoryException):
                raise  # the run is not to blame
            elsewhere = open_elsewhere(error)
            unread[run] = ("" if elsewhere else runs[run], _reason(run, elsewhere or error))
        finally:
            connection.execute("DETACH DATABASE IF EXISTS one")
            copy.unlink(missing_ok=True)
    return unread


def _reason(run: str, error: Exception) -> str:
    """Return why a run is left out, and what to do."""
    if isinstance(error, StoreError):
        return f"The run {run} is left out. {error}"
    return (
        f"The run {run} is left out: its snapshot cannot be read ({str(error).splitlines()[0]})."
        f" `aide-local verify {run}` reports more; `aide-local prune {run}` deletes it."
    )


def _attach_snapshot(connection: DuckDBPyConnection, file: Path, copy: Path) -> None:
    """Attach ``file`` as ``one``; if its schema is an earlier one, a migrated ``copy`` of it."""
    connection.execute(f"ATTACH {literal(file)} AS one (READ_ONLY)")
    row = connection.execute("SELECT max(version) FROM one.schema_version").fetchone()
    version = row[0] if row else 0
    refuse_newer(version, file)
    if version == newest():
        return
    connection.execute("DETACH one")
    shutil.copyfile(file, copy)
    with connect_to(copy) as older:
        migrate(older, copy)
    connection.execute(f"ATTACH {literal(copy)} AS one (READ_ONLY)")


def _copy(connection: DuckDBPyConnection, source: str, schema: str, runs: Sequence[str]) -> None:
    """Copy all of the runs' rows, or none."""
    import duckdb

    connection.execute("BEGIN")
    try:
        for table in TABLES:
            connection.execute(
                f"INSERT INTO {schema}.{table} BY NAME SELECT * FROM {source}.{table}"
                " WHERE run_id IN (SELECT unnest(?))",
                [list(runs)],
            )
    except duckdb.Error:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _partial(path: Path) -> Path:
    partial = path.with_suffix(path.suffix + ".partial")
    partial.unlink(missing_ok=True)
    return partial


def _without(runs: Mapping[str, str], unread: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {run: mark for run, mark in runs.items() if run not in unread}
