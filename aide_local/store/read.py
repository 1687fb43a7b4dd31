"""What readers see of runs: published snapshots, never the file that a run is writing."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store.database import EXAM, INFO, PUBLISHED
from aide_local.store.rows import read_nodes
from aide_local.store.schema import refuse_newer, version_of
from aide_local.store.values import settings_from_json, task_from_json
from aide_local.task import Task
from aide_local.tree import MARKS, Tree
from aide_local.types import RunInfo, RunSettings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class SavedGeneration:
    node: int
    attempt: int
    purpose: str
    prompt: str
    reply: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as of its last snapshot. ``summary`` is empty until something was delivered; ``sandbox`` is the level."""

    info: RunInfo
    settings: RunSettings
    task: Task
    tree: Tree
    summary: dict[str, Any]
    generations: tuple[SavedGeneration, ...]
    sandbox: str


def list_runs(home: Home, *, exams: bool = False, latest: int | None = None) -> tuple[RunInfo, ...]:
    """The searches, the latest first, at most so many of the ``latest``; with ``exams`` the parts of models'
    examinations in their place. A run whose process is gone without an end is "interrupted".

    Raises:
        StoreError: a run's info cannot be read.
    """
    found: list[RunInfo] = []
    for run_id in reversed(run_ids(home, exams=exams)):
        if len(found) == latest:
            break
        path = home.run(run_id) / INFO
        try:
            found.append(_info(path))
        except (FileNotFoundError, NotADirectoryError):
            continue  # not published yet, or deleted in this moment
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{path} cannot be read: {error}.",
                "Delete the file; the next `resume` of the run writes it anew.",
            ) from error
    return tuple(found)


def run_ids(home: Home, *, exams: bool = False) -> list[str]:
    """Ids of the searches, or of the parts of examinations, in the order in which they began."""
    try:
        names = [path.name for path in home.runs.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name[0] != "." and name.startswith(EXAM) == exams)


def _info(path: Path) -> RunInfo:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    pid = content.pop("pid")
    content["folder"] = path.parent
    if content["state"] in ("running", "paused") and not _alive(path.parent, pid):
        content["state"] = "interrupted"
    return RunInfo(**content)


def _alive(folder: Path, pid: int) -> bool:
    """Whether the process that wrote the snapshot still is; a recycled number is told by its working files."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"aide" in command or b"python" in command


def stamp(home: Home, run_id: str) -> tuple[int, int]:
    """Changes whenever the snapshot of the run does.

    Raises:
        StoreError: it has none.
    """
    try:
        state = (home.run(run_id) / PUBLISHED).stat()
    except OSError as error:
        raise StoreError(f"The run {run_id} has no snapshot yet.", "Try again in a few seconds.") from error
    return state.st_mtime_ns, state.st_size


def read_run(home: Home, run_id: str) -> RunView:
    """The last snapshot of a run.

    Raises:
        StoreError: it has none, or one of a newer version.
    """
    with snapshot(home, run_id) as connection:
        return view_of(connection, home, run_id)


@contextlib.contextmanager
def snapshot(home: Home, run_id: str) -> Iterator[DuckDBPyConnection]:
    """A read-only connection to the last snapshot: it stays the same, whatever is published meanwhile.

    Raises:
        StoreError: there is none, or one of a newer version.
    """
    import duckdb

    file = home.run(run_id) / PUBLISHED
    if not file.exists():
        raise StoreError(f"The run {run_id} has no snapshot yet.", "Try again in a few seconds.")
    try:
        connection = duckdb.connect(str(file), read_only=True, config={"threads": 1})
    except duckdb.Error as error:
        raise StoreError(
            f"{file} cannot be read: {str(error).splitlines()[0]}.", "`aide-local resume` writes it anew."
        ) from error
    try:
        refuse_newer(version_of(connection), file)
        yield connection
    finally:
        connection.close()


def view_of(connection: DuckDBPyConnection, home: Home, run_id: str) -> RunView:
    """The run as a snapshot holds it."""
    row = connection.execute("SELECT settings, task_definition, summary, sandbox FROM runs").fetchone()
    assert row is not None
    task = task_from_json(row[1])
    generations = connection.execute(
        "SELECT node, attempt, purpose, prompt, reply FROM generations ORDER BY moment"
    ).fetchall()
    return RunView(
        _info(home.run(run_id) / INFO),
        settings_from_json(row[0]),
        task,
        _marked(Tree.of(read_nodes(connection, run_id), task.direction), connection),
        json.loads(row[2]) if row[2] else {},
        tuple(SavedGeneration(*generation) for generation in generations),
        row[3],
    )


def _marked(tree: Tree, connection: DuckDBPyConnection) -> Tree:
    """With the person's bans and pins."""
    rows = connection.execute(
        "SELECT kind, (payload->>'node')::INTEGER FROM events WHERE list_contains(?, kind) ORDER BY rowid",
        [list(MARKS)],
    ).fetchall()
    return functools.reduce(lambda made, mark: made.marked(*mark), rows, tree)
