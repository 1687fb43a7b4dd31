"""Check that a run's files are whole and agree. Nothing is written; a live run is judged by its snapshot."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aide_local.basics.files import sha256_of
from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store.connection import connect_to
from aide_local.store.layout import DATABASE, LOCK, PUBLISHED
from aide_local.store.locks import is_locked
from aide_local.store.read import DAMAGED, RunView, snapshot, view_from, view_of
from aide_local.store.rows import read_info
from aide_local.store.schema import TABLES, migrate, migrations, refuse_newer, version_of
from aide_local.types import RunInfo, RunState

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: ``problems`` is empty if all is well; ``notes`` say what could not be checked."""

    run_id: str
    nodes: int
    files: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def verify(home: Home, run_id: str) -> Verification:
    """Check a run's files.

    The database and its snapshot can be read to the last row; every node's parents came before it; each prediction
    file is the one that was recorded; the delivered best is the best; all nodes were scored on the same folds; and
    the columns that are kept to answer questions hold what would be computed.
    """
    folder = home.run(run_id)
    problems, notes = _database(folder)
    if not (folder / PUBLISHED).exists():
        if not problems:
            notes.append(f"It has no snapshot yet; `aide-local resume {run_id}` writes it.")
        return Verification(run_id, 0, 0, tuple(problems), tuple(notes))
    nodes = files = 0
    try:
        with snapshot(home, run_id) as connection:
            _read_all(connection, run_id)
            view = view_of(connection, home, run_id)
            nodes = len(view.tree)
            problems += _orphans(connection)
            files, wrong, unknown = _predictions(home, run_id, connection)
            derived = list(_derived(view, connection)) if version_of(connection) > 1 else []
            problems += [*wrong, *_best(view), *_folds(view), *derived]
            notes += unknown
    except (StoreError, OSError, *DAMAGED) as error:
        problems.append(f"The snapshot cannot be read: {error}")
    return Verification(run_id, nodes, files, tuple(problems), tuple(notes))


def check_snapshot(file: Path, run_id: str) -> RunInfo:
    """Return the snapshot's info, after reading everything that any reader will read.

    Raises:
        StoreError: it is damaged, of a newer version, or of another run.
    """
    import duckdb

    try:
        with duckdb.connect(str(file), read_only=True, config={"threads": 1}) as connection:
            refuse_newer(version_of(connection), file)
            _read_all(connection, run_id)
            info = read_info(connection, run_id, file.parent)
            view_from(connection, info)
            return info
    except (duckdb.Error, *DAMAGED) as error:
        raise StoreError(f"The snapshot cannot be read: {_first(error)}.") from error


def _read_all(connection: DuckDBPyConnection, run_id: str) -> None:
    """Read every value of every table; DuckDB compares the checksums of its blocks on the way.

    Raises:
        duckdb.Error: a block is damaged.
        ValueError: the tables are not those of the schema, or of another run.
    """
    version = version_of(connection)
    wanted = _schema(version)
    if _columns(connection) != wanted:
        raise ValueError(f"its tables are not those of the schema's version {version}")
    runs = [run for (run,) in connection.execute("SELECT run_id FROM runs").fetchall()]
    if runs != [run_id]:
        raise ValueError(f"it holds the runs {runs}, not {run_id}")
    for table in sorted({table for table, *_ in wanted}):
        connection.execute(f"SELECT max(hash({table})) FROM {table}").fetchone()


def _columns(connection: DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Return table, name and type of the columns of tables; a view in a table's place could hold anything."""
    return connection.execute(
        "SELECT c.table_name, column_name, data_type FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid)"
        " WHERE NOT c.internal AND list_contains(?, c.table_name) ORDER BY ALL",
        [list(TABLES)],
    ).fetchall()


@functools.cache
def _schema(version: int) -> list[tuple[str, str, str]]:
    """Return the columns that a database of this version has."""
    import duckdb

    with duckdb.connect(config={"threads": 1}) as model:
        for number, sql in migrations():
            if number <= version:
                model.execute(sql)
        return _columns(model)


def _database(folder: Path) -> tuple[list[str], list[str]]:
    """Return problems and notes of the database that `resume` would open; none if a process holds it.

    A copy is opened: opening the database itself would keep a process that begins from it.
    """
    import duckdb

    if is_locked(folder / LOCK):
        return [], []
    files = sorted(folder.glob(f"{DATABASE}*"))
    if folder / DATABASE not in files:
        return [f"{DATABASE} is gone: the run cannot be gone on with."], []
    try:
        with tempfile.TemporaryDirectory(prefix="aide-local-") as place:
            for file in files:
                shutil.copyfile(file, Path(place, file.name))
            copy = Path(place, DATABASE)
            with connect_to(copy) as connection:
                migrate(connection, folder / DATABASE)
                _read_all(connection, folder.name)
    except OSError as error:
        return [], [f"{DATABASE} could not be checked: {error}"]
    except (StoreError, ValueError, duckdb.Error) as error:
        if is_locked(folder / LOCK):  # it was being written while it was copied
            return [], []
        return [f"{DATABASE} cannot be read, so that the run cannot be gone on with: {_first(error)}"], []
    return [], []


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _orphans(connection: DuckDBPyConnection) -> Iterator[str]:
    """Report rows that belong to no node, and second parents that do not come before their child.

    First parents are checked when the tree is made.
    """
    for table in ("folds", "errors", "ensembles"):
        for (node,) in connection.execute(
            f"SELECT DISTINCT node FROM {table} WHERE node NOT IN (SELECT node FROM nodes) ORDER BY node"
        ).fetchall():
            yield f"The table {table} speaks of node #{node}, which does not exist."
    for node, other in connection.execute(
        "SELECT node, other FROM nodes WHERE other IS NOT NULL AND (other >= node OR other NOT IN (SELECT node FROM nodes))"
    ).fetchall():
        yield f"Node #{node} has the second parent #{other}, which does not come before it."


def _predictions(home: Home, run_id: str, connection: DuckDBPyConnection) -> tuple[int, list[str], list[str]]:
    """Return how many files are named, what is wrong with them, and what could not be checked."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    recorded: dict[int, tuple[int, str]] = {}
    if version_of(connection) > 1:
        recorded = {
            node: (size, checksum)
            for node, size, checksum in connection.execute(
                "SELECT node, bytes, sha256 FROM predictions"
            ).fetchall()
        }
    problems = []
    unknown = 0
    named = connection.execute(
        "SELECT node, predictions FROM nodes WHERE predictions IS NOT NULL ORDER BY node"
    ).fetchall()
    for node, name in named:
        file = home.run(run_id) / name
        if not file.is_file():
            problems.append(f"The predictions of node #{node} are gone: {name}.")
        elif node not in recorded:
            unknown += 1
            try:
                pq.read_table(file, partitioning=None)
            except (OSError, pa.ArrowException) as error:
                problems.append(f"The predictions of node #{node} cannot be read: {error}")
        elif (file.stat().st_size, sha256_of(file)) != recorded[node]:
            problems.append(
                f"The predictions of node #{node} are not those that were recorded: {name} has another checksum."
            )
    notes = [f"{unknown} prediction files were written without a checksum; they can be read."]
    return len(named), problems, notes if unknown else []


def _best(view: RunView) -> Iterator[str]:
    """Compare the delivered best with the tree, unless nodes came or marks changed since."""
    summary, best = view.summary, view.tree.best
    if summary is None or summary.nodes != len(view.tree) or view.info.state is RunState.RUNNING:
        return
    delivered = summary.best_node
    if best is not None and delivered != best.id and best.id not in view.tree.pinned and not view.tree.banned:
        yield f"The delivered best is node #{delivered}, but node #{best.id} is better."
    if best is not None and delivered == best.id and summary.best_score != best.metric:
        yield f"The delivered best score is {summary.best_score}, but node #{best.id} has {best.metric}."
    weights = summary.ensemble
    if weights and abs(sum(weights.values()) - 1) > 1e-6:
        yield f"The ensemble's weights sum to {sum(weights.values()):.6g}, not to 1."
    for name in weights:
        if int(name) not in view.tree or not view.tree[int(name)].complete:
            yield f"The ensemble holds node #{name}, which is not a complete node."


def _folds(view: RunView) -> Iterator[str]:
    """Report complete nodes that do not have one score for each of the same folds."""
    complete = [node for node in view.tree.nodes if node.complete]
    sets = Counter(tuple(fold.fold for fold in node.folds) for node in complete)
    if not sets:
        return
    usual = sets.most_common(1)[0][0]
    for node in complete:
        folds = tuple(fold.fold for fold in node.folds)
        if folds != usual:
            yield f"Node #{node.id} was scored on the folds {list(folds)}, others on {list(usual)}."
        if node.metric is None:
            yield f"Node #{node.id} is complete and has no metric."


def _derived(view: RunView, connection: DuckDBPyConnection) -> Iterator[str]:
    """Report derived columns that hold something else than would be computed."""
    tree = view.tree
    for node, path, parent_metric in connection.execute(
        "SELECT node, path, parent_metric FROM nodes ORDER BY node"
    ).fetchall():
        if path != [one.id for one in tree.lineage(node)]:
            yield f"The recorded path of node #{node} is {path}, but its ancestors are others."
        parent = tree[node].parent
        above = tree[parent].metric if parent is not None and tree[parent].complete else None
        if parent_metric != above:
            yield f"Node #{node} was recorded with {parent_metric} as its parent's metric, which is {above}."
