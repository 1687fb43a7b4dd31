"""Whether a run's files are whole and agree with each other. Reads only; a live run is judged by its snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aide_local.errors import StoreError
from aide_local.files import sha256_of
from aide_local.home import Home
from aide_local.store.database import PUBLISHED
from aide_local.store.read import RunView, read_run
from aide_local.store.schema import version_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Checked:
    """``problems`` is empty where all is well; ``notes`` are what could not be checked."""

    run_id: str
    nodes: int
    files: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def verify(home: Home, run_id: str) -> Checked:
    """Check that the snapshot can be read, that every node's parents came before it, that each prediction file is the
    one that was recorded, that the delivered best is the best, that all nodes were scored on the same folds, and
    that what is kept with nodes to answer questions is what would be computed."""
    import duckdb

    file = home.run(run_id) / PUBLISHED
    try:
        view = read_run(home, run_id)
        with duckdb.connect(str(file), read_only=True, config={"threads": 1}) as connection:
            orphans = list(_orphans(connection))
            predictions, notes = _predictions(home, run_id, connection)
            kept = list(_kept(view, connection)) if version_of(connection) > 1 else []
    except (StoreError, ValueError, AssertionError, duckdb.Error) as error:
        return Checked(run_id, 0, 0, (f"The snapshot cannot be read: {error}",), ())
    files, wrong = predictions
    problems = [*orphans, *wrong, *_best(view), *_folds(view), *kept]
    return Checked(run_id, len(view.tree), files, tuple(problems), notes)


def _orphans(connection: DuckDBPyConnection) -> Iterator[str]:
    """Rows that belong to no node, and second parents that do not come before their child; first parents are
    checked where the tree is made."""
    for table in ("folds", "errors", "ensembles"):
        for (node,) in connection.execute(
            f"SELECT DISTINCT node FROM {table} WHERE node NOT IN (SELECT node FROM nodes) ORDER BY node"
        ).fetchall():
            yield f"The table {table} speaks of node #{node}, which does not exist."
    for node, other in connection.execute(
        "SELECT node, other FROM nodes WHERE other IS NOT NULL AND (other >= node OR other NOT IN (SELECT node FROM nodes))"
    ).fetchall():
        yield f"Node #{node} has the second parent #{other}, which does not come before it."


def _predictions(
    home: Home, run_id: str, connection: DuckDBPyConnection
) -> tuple[tuple[int, list[str]], tuple[str, ...]]:
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
    notes = (
        (f"{unknown} prediction files were written without a checksum; they can be read.",) if unknown else ()
    )
    return (len(named), problems), notes


def _best(view: RunView) -> Iterator[str]:
    """The delivered best against the tree, unless nodes came or marks changed since."""
    delivered = view.summary.get("best_node")
    best = view.tree.best
    if not view.summary or view.summary.get("nodes") != len(view.tree) or view.info.state == "running":
        return
    if best is not None and delivered != best.id and best.id not in view.tree.pinned and not view.tree.banned:
        yield f"The delivered best is node #{delivered}, but node #{best.id} is better."
    if best is not None and delivered == best.id and view.summary.get("best_score") != best.metric:
        yield f"The delivered best score is {view.summary.get('best_score')}, but node #{best.id} has {best.metric}."
    weights = view.summary.get("ensemble") or {}
    if weights and abs(sum(weights.values()) - 1) > 1e-6:
        yield f"The ensemble's weights sum to {sum(weights.values()):.6g}, not to 1."
    for name in weights:
        if int(name) not in view.tree or not view.tree[int(name)].complete:
            yield f"The ensemble holds node #{name}, which is not a complete node."


def _folds(view: RunView) -> Iterator[str]:
    """Complete nodes have one score for each fold, and the same folds."""
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


def _kept(view: RunView, connection: DuckDBPyConnection) -> Iterator[str]:
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
