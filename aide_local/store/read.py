"""Runs for readers: published snapshots, never the file that a run is writing."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.search.tree import MARKS, Tree
from aide_local.store.layout import DATABASE, EXAM, INFO, LOCK, PUBLISHED
from aide_local.store.locks import is_locked
from aide_local.store.rows import read_info, read_nodes
from aide_local.store.schema import refuse_newer, version_of
from aide_local.store.values import settings_from_json, task_from_json
from aide_local.task import Task
from aide_local.types import RunInfo, RunSettings, Summary

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DAMAGED = (ValueError, LookupError, TypeError, AttributeError)  # raised by JSON of another shape than ours


@dataclass(frozen=True, slots=True)
class SavedGeneration:
    """A reply of the model with its prompt."""

    node: int
    attempt: int
    purpose: str
    prompt: str
    reply: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as of its last snapshot.

    ``summary`` is None until something was delivered; ``sandbox`` is the level of confinement.
    """

    info: RunInfo
    settings: RunSettings
    task: Task
    tree: Tree
    summary: Summary | None
    generations: tuple[SavedGeneration, ...]
    sandbox: str


def list_runs(home: Home, *, exams: bool = False, latest: int | None = None) -> tuple[RunInfo, ...]:
    """Return the searches, the latest first, at most ``latest`` of them; with ``exams`` the runs of exams instead.

    A run whose process is gone without an end is "interrupted". A run of which neither info nor snapshot can be read
    is "damaged", and only its folder's name and age are known.
    """
    found: list[RunInfo] = []
    for run_id in reversed(run_ids(home, exams=exams)):
        if len(found) == latest:
            break
        info = _info_from_file(home.run(run_id)) or _info_from_snapshot(home, run_id)
        if info is not None:
            found.append(_with_present_state(info))
    return tuple(found)


def run_ids(home: Home, *, exams: bool = False) -> list[str]:
    """Return the ids of the searches, or of the runs of exams, in the order in which they began."""
    try:
        names = [path.name for path in home.runs.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name[0] != "." and name.startswith(EXAM) == exams)


def _info_from_file(folder: Path) -> RunInfo | None:
    """Return the run's info file; None if it is absent, as after a kill, or damaged: the snapshot says the same.

    The id is the folder's name, whatever the file says.
    """
    try:
        content: dict[str, Any] = json.loads((folder / INFO).read_text("utf-8"))
        del content["pid"]
        return RunInfo(**{**content, "id": folder.name, "folder": folder})
    except (OSError, *DAMAGED):
        return None


def _info_from(connection: DuckDBPyConnection, folder: Path) -> RunInfo:
    """Return the same from an open snapshot."""
    try:
        return read_info(connection, folder.name, folder)
    except DAMAGED as error:
        raise _unreadable(folder, error) from error


def _info_from_snapshot(home: Home, run_id: str) -> RunInfo | None:
    """Return the snapshot's info; None if none is published yet, or the run was deleted in this moment."""
    folder = home.run(run_id)
    if not (folder / PUBLISHED).exists():
        return None
    try:
        with snapshot(home, run_id) as connection:
            return _info_from(connection, folder)
    except StoreError:
        try:
            last_change = folder.stat().st_mtime
        except FileNotFoundError:
            return None
        return RunInfo(run_id, "", "", "damaged", "", "", last_change, folder=folder)


def _with_present_state(info: RunInfo) -> RunInfo:
    """Return the info, "interrupted" if the run seems to go on but no process holds its lock."""
    assert info.folder is not None, "every run that is read has one"
    if info.state in ("running", "paused") and not is_locked(info.folder / LOCK):
        return replace(info, state="interrupted")
    return info


def _unreadable(folder: Path, error: Exception) -> StoreError:
    what = str(error).splitlines()[0] if str(error) else type(error).__name__
    return StoreError(
        f"{folder / PUBLISHED} cannot be read: {what}.",
        f"`aide-local resume {folder.name}` writes it anew.",
    )


def no_snapshot(home: Home, run_id: str) -> StoreError:
    """Return the error for a run that has no snapshot."""
    folder = home.run(run_id)
    if not (folder / DATABASE).exists():
        return StoreError(f"There is no run {run_id!r} in {home.runs}.", "`aide-local runs` lists them.")
    return StoreError(
        f"The run {run_id} has no snapshot yet.",
        "Try again in a few seconds."
        if is_locked(folder / LOCK)
        else f"Its process ended before it wrote one; `aide-local resume {run_id}` writes it.",
    )


def stamp(home: Home, run_id: str) -> tuple[int, int]:
    """Return a value that changes whenever the snapshot of the run does.

    Raises:
        StoreError: it has none.
    """
    try:
        state = (home.run(run_id) / PUBLISHED).stat()
    except OSError as error:
        raise no_snapshot(home, run_id) from error
    return state.st_mtime_ns, state.st_size


def read_run(home: Home, run_id: str) -> RunView:
    """Read the last snapshot of a run.

    Raises:
        StoreError: it has none, or one that is damaged or of a newer version.
    """
    with snapshot(home, run_id) as connection:
        return view_of(connection, home, run_id)


@contextlib.contextmanager
def snapshot(home: Home, run_id: str) -> Iterator[DuckDBPyConnection]:
    """Lend a read-only connection to the last snapshot, which stays the same whatever is published meanwhile.

    Raises:
        StoreError: there is none, it is of a newer version, or it is damaged, which may show only while it is read.
    """
    import duckdb

    file = home.run(run_id) / PUBLISHED
    if not file.exists():
        raise no_snapshot(home, run_id)
    try:
        with duckdb.connect(str(file), read_only=True, config={"threads": 1}) as connection:
            refuse_newer(version_of(connection), file)
            yield connection
    except duckdb.Error as error:
        raise _unreadable(file.parent, error) from error


def view_of(connection: DuckDBPyConnection, home: Home, run_id: str) -> RunView:
    """Return the run as a snapshot holds it; its state is that of this moment.

    Raises:
        StoreError: the snapshot is damaged.
    """
    folder = home.run(run_id)
    info = _info_from_file(folder) or _info_from(connection, folder)
    try:
        return view_from(connection, _with_present_state(info))
    except DAMAGED as error:
        raise _unreadable(folder, error) from error


def view_from(connection: DuckDBPyConnection, info: RunInfo) -> RunView:
    """Return the run of a database. Raises one of ``DAMAGED`` if it holds anything that this program does not write."""
    row = connection.execute("SELECT settings, task_definition, summary, sandbox FROM runs").fetchone()
    if row is None:
        raise LookupError("it holds no run")
    task = task_from_json(row[1])
    generations = connection.execute(
        "SELECT node, attempt, purpose, prompt, reply FROM generations ORDER BY moment"
    ).fetchall()
    return RunView(
        info,
        settings_from_json(row[0]),
        task,
        _with_marks(Tree.of(read_nodes(connection, info.id), task.direction), connection),
        Summary.of(json.loads(row[2])) if row[2] else None,
        tuple(SavedGeneration(*generation) for generation in generations),
        row[3],
    )


def _with_marks(tree: Tree, connection: DuckDBPyConnection) -> Tree:
    """Return the tree with the person's bans and pins."""
    rows = connection.execute(
        "SELECT kind, (payload->>'node')::INTEGER FROM events WHERE list_contains(?, kind) ORDER BY rowid",
        [list(MARKS)],
    ).fetchall()
    return functools.reduce(lambda made, mark: made.marked(*mark), rows, tree)
