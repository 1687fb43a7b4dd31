"""All runs in one place for SQL, in two layers, so that a change costs what changed and not what there is.

``history.duckdb`` holds the runs that have been quiet for a minute, each folded in once. ``recent.duckdb`` holds
the others' snapshots, and the views over both. Both are made anew beside the old ones and renamed, under a lock;
``history.json``, renamed last, says which two files belong together and what is in them. Everything here is made
from the runs' own files: a missing, damaged or older layer is made anew. Readers never wait for a fold.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store.database import PUBLISHED, quoted
from aide_local.store.schema import TABLES, migrate, newest, refuse_newer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

QUIET = 60.0  # seconds without a new snapshot, after which a run is folded in
FOLD = 20  # so many runs wait for being folded in together, or a twentieth of those that are
_OLDER = "older.duckdb"  # a snapshot of an earlier schema, copied to be migrated
PATIENCE = 0.5  # seconds that a reader waits for another that brings the layers up to date


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the layers hold: run id → mark of its snapshot. ``stale`` runs of the history are not to be looked at:
    they changed, or are gone. ``history`` and ``recent`` are the files' own marks."""

    version: int = 0
    history: str = ""
    recent: str = ""
    past: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)
    stale: Sequence[str] = ()


def connect(home: Home, config: dict[str, Any]) -> DuckDBPyConnection:
    """A connection that reads all runs as of their last snapshots, brought up to date before.

    One at a time in a process: another thread's is waited for, ten seconds at most.

    Raises:
        StoreError: the home folder cannot be written, a run was written by a newer version, or another thread asks.
    """
    for _ in range(100):
        refresh(home)
        before = _manifest(home)
        if not _belongs(home, before):
            continue  # between another process's two renames
        connection = _opened(home, config)
        if connection is None:
            time.sleep(0.1)
            continue
        if _belongs(home, before):
            return connection
        connection.close()
    raise StoreError(
        f"{home.history} changes all the time, or another query of this program does not end.", "Try again."
    )


def _opened(home: Home, config: dict[str, Any]) -> DuckDBPyConnection | None:
    """Both layers. None where another thread of this process has them: DuckDB would give us that one's, locked."""
    import duckdb

    try:
        connection = duckdb.connect(str(_recent(home)), read_only=True, config=config)
    except duckdb.ConnectionException:  # with other limits
        return None
    try:
        connection.execute(f"ATTACH {quoted(home.history)} AS past (READ_ONLY)")
    except (duckdb.BinderException, duckdb.PermissionException):
        connection.close()
        return None
    return connection


def whole(home: Home) -> Path:
    """``history.duckdb`` with every run in it, also those that go on: for other programs.

    Raises:
        StoreError: see :func:`connect`.
    """
    refresh(home, everything=True)
    return home.history


def refresh(home: Home, *, everything: bool = False) -> None:
    """Bring the layers up to date; where another process is at it, and there are layers, leave it to that one."""
    import duckdb
    from filelock import FileLock, Timeout

    known = _manifest(home)
    if known.version > newest():
        refuse_newer(known.version, home.history)
    usable = _belongs(home, known) and not everything
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        if usable and _is_current(known, _current(home)):
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
        raise StoreError(
            f"The runs in {home.runs} cannot be gathered: {str(error).splitlines()[0]}.",
            "`aide-local verify` tells which run is damaged.",
        ) from error


def _renew(home: Home, everything: bool) -> None:
    """Under the lock."""
    for name in (home.history.name, _recent(home).name, _manifest_file(home).name, _OLDER):
        for leftover in home.root.glob(f"{name}.partial*"):  # of a process that was killed here
            leftover.unlink()
    known = _manifest(home)
    if not _belongs(home, known) or known.version != newest():
        known = Manifest()
    current = _current(home)
    if known.version and _is_current(known, current) and not (everything and (known.live or known.stale)):
        return
    kept = {run: mark for run, mark in known.past.items() if current.get(run) == mark}
    fresh = {run: mark for run, mark in current.items() if run not in kept}
    quiet = {run: mark for run, mark in fresh.items() if everything or _age(mark) > QUIET}
    enough = max(FOLD, len(known.past) // FOLD)
    gone = len(known.past) - len(kept)
    history = home.history
    folds = everything or not known.version or len(quiet) > enough or gone > enough
    if folds:
        history = _partial(home.history)
        _make_history(home, history, known, kept, quiet)
        past, stale = {**kept, **quiet}, []
    else:
        past, stale = dict(known.past), sorted(known.past.keys() - kept.keys())
    live = {run: mark for run, mark in fresh.items() if not (folds and run in quiet)}
    recent = _partial(_recent(home))
    if not folds and list(known.stale) == stale:
        _change_recent(home, recent, known, live)
    else:
        _make_recent(home, recent, history, known, live, stale)
    if folds:
        history.replace(home.history)
    recent.replace(_recent(home))
    marks = (_mark(home.history), _mark(_recent(home)))
    manifest = Manifest(newest(), *marks, past, live, stale)
    partial = _partial(_manifest_file(home))
    partial.write_text(json.dumps(asdict(manifest)), "utf-8")
    partial.replace(_manifest_file(home))


def _make_history(
    home: Home, target: Path, known: Manifest, kept: Mapping[str, str], quiet: Mapping[str, str]
) -> None:
    import duckdb

    with duckdb.connect(str(target), config={"threads": 2}) as connection:
        migrate(connection, target)
        if kept:
            connection.execute(f"ATTACH {quoted(home.history)} AS earlier (READ_ONLY)")
            _copy(connection, "earlier.main", "main", sorted(kept))
        _add(connection, home, "main", known, quiet)


def _make_recent(
    home: Home, target: Path, history: Path, known: Manifest, live: Mapping[str, str], stale: Sequence[str]
) -> None:
    import duckdb

    with duckdb.connect(str(target), config={"threads": 2}) as connection:
        connection.execute(f"ATTACH {quoted(history)} AS past (READ_ONLY)")
        connection.execute("BEGIN")
        connection.execute("CREATE SCHEMA live")
        for table in TABLES:
            connection.execute(f"CREATE TABLE live.{table} AS FROM past.main.{table} LIMIT 0")
        but = f" WHERE run_id NOT IN ({', '.join(_text(run) for run in stale)})" if stale else ""
        for table in TABLES:
            connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM past.main.{table}{but}"
                f" UNION ALL BY NAME SELECT * FROM live.{table}"
            )
        _copy_views(connection)
        connection.execute("COMMIT")
        _add(connection, home, "live", known, live)


def _change_recent(home: Home, target: Path, known: Manifest, live: Mapping[str, str]) -> None:
    """The recent layer with other runs in it; its views stay."""
    import duckdb

    shutil.copyfile(_recent(home), target)
    changed = {run: mark for run, mark in live.items() if known.live.get(run) != mark}
    gone = [run for run in known.live if known.live[run] != live.get(run)]
    with duckdb.connect(str(target), config={"threads": 2}) as connection:
        connection.execute("BEGIN")
        for table in TABLES:
            connection.execute(f"DELETE FROM live.{table} WHERE run_id IN (SELECT unnest(?))", [gone])
        connection.execute("COMMIT")
        _add(connection, home, "live", known, changed)


def _copy_views(connection: DuckDBPyConnection) -> None:
    """The history's views, and what its tables, views and columns mean."""
    of_past = "database_name = 'past' AND schema_name = 'main' AND NOT internal"
    for (statement,) in connection.execute(
        f"SELECT sql FROM duckdb_views() WHERE {of_past} ORDER BY view_oid"
    ).fetchall():
        connection.execute(statement)
    meanings = connection.execute(
        f"SELECT view_name, comment FROM duckdb_views() WHERE {of_past} AND comment IS NOT NULL"
        f" UNION ALL SELECT table_name, comment FROM duckdb_tables() WHERE {of_past} AND comment IS NOT NULL"
    ).fetchall()
    meanings += [
        (f"{table}.{column}", comment)
        for table, column, comment in connection.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns()"
            f" WHERE {of_past} AND comment IS NOT NULL"
        ).fetchall()
    ]
    connection.execute(
        "; ".join(
            f"COMMENT ON {'COLUMN' if '.' in name else 'VIEW'} {name} IS {_text(comment)}"
            for name, comment in meanings
        )
    )


def _add(
    connection: DuckDBPyConnection, home: Home, schema: str, known: Manifest, runs: Mapping[str, str]
) -> None:
    """Copy runs into the tables of ``schema``: from the recent layer where it has them, else from their snapshots."""
    there = sorted(run for run, mark in runs.items() if known.live.get(run) == mark)
    if there:
        connection.execute(f"ATTACH {quoted(_recent(home))} AS layer (READ_ONLY)")
        _copy(connection, "layer.live", schema, there)
        connection.execute("DETACH layer")
    for run in sorted(runs.keys() - set(there)):
        older = _attach_snapshot(connection, home.run(run) / PUBLISHED, home)
        _copy(connection, "one.main", schema, [run])
        connection.execute("DETACH one")
        if older is not None:
            older.unlink()


def _attach_snapshot(connection: DuckDBPyConnection, file: Path, home: Home) -> Path | None:
    """Attach it as ``one``. One of an earlier schema is copied and migrated; then returns the copy."""
    import duckdb

    connection.execute(f"ATTACH {quoted(file)} AS one (READ_ONLY)")
    row = connection.execute("SELECT max(version) FROM one.schema_version").fetchone()
    version = row[0] if row else 0
    refuse_newer(version, file)
    if version == newest():
        return None
    connection.execute("DETACH one")
    copy = _partial(home.root / _OLDER)
    shutil.copyfile(file, copy)
    with duckdb.connect(str(copy)) as older:
        migrate(older, copy)
    connection.execute(f"ATTACH {quoted(copy)} AS one (READ_ONLY)")
    return copy


def _copy(connection: DuckDBPyConnection, source: str, schema: str, runs: Sequence[str]) -> None:
    connection.execute("BEGIN")
    for table in TABLES:
        connection.execute(
            f"INSERT INTO {schema}.{table} BY NAME SELECT * FROM {source}.{table} WHERE run_id IN (SELECT unnest(?))",
            [list(runs)],
        )
    connection.execute("COMMIT")


# ---- files and their marks ----


def _recent(home: Home) -> Path:
    return home.root / "recent.duckdb"


def _manifest_file(home: Home) -> Path:
    return home.root / "history.json"


def _partial(path: Path) -> Path:
    partial = path.with_suffix(path.suffix + ".partial")
    partial.unlink(missing_ok=True)
    return partial


def _mark(path: Path) -> str:
    state = path.stat()
    return f"{state.st_mtime_ns} {state.st_size}"


def _age(mark: str) -> float:
    return time.time() - int(mark.split()[0]) / 1e9


def _current(home: Home) -> dict[str, str]:
    """Run id → mark of its snapshot."""
    found = {}
    for folder in home.runs.iterdir() if home.runs.is_dir() else ():
        if folder.name[0] != ".":
            with suppress(FileNotFoundError, NotADirectoryError):  # not published yet, or just deleted
                found[folder.name] = _mark(folder / PUBLISHED)
    return found


def _manifest(home: Home) -> Manifest:
    try:
        return Manifest(**json.loads(_manifest_file(home).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return Manifest()  # none yet, or damaged: the layers are made anew from the runs


def _belongs(home: Home, manifest: Manifest) -> bool:
    """Whether the layers on disk are those of the manifest."""
    try:
        return (manifest.history, manifest.recent) == (_mark(home.history), _mark(_recent(home)))
    except OSError:
        return False


def _is_current(known: Manifest, current: Mapping[str, str]) -> bool:
    stale = set(known.stale)
    held = {run: mark for run, mark in known.past.items() if run not in stale}
    return known.version == newest() and {**held, **known.live} == current


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
