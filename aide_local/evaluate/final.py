"""What a run delivers: the ensemble over the tree's nodes, the best single script, and the honest score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aide_local.basics.files import write_whole
from aide_local.basics.tables import Table, read_table, write_table
from aide_local.evaluate import stored
from aide_local.evaluate.ensemble import Floats, average, select
from aide_local.evaluate.prepare import Prepared
from aide_local.evaluate.score import ScoreError
from aide_local.evaluate.stored import Predictions
from aide_local.search.tree import Tree
from aide_local.types import Node

SUBMISSION, SOLUTION, SOLUTION_SUBMISSION = "submission.csv", "solution.py", "solution_submission.csv"

_MOST_MODELS = 50  # the best of the tree; more cost time and add nothing
_MOST_BYTES = 2**30  # of their out-of-fold predictions together


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """The choice and its scores; every score is the task's metric, None where there is none.

    ``best_score`` and ``ensemble_score`` are out-of-fold and what the choice was made by.
    ``report_score`` is the ensemble's on the report slice, which nothing was chosen by;
    ``best_report_score`` the best single script's on the same rows.
    """

    weights: tuple[tuple[int, float], ...]  # (node, weight), the heaviest first; they sum to 1
    best: int
    best_score: float
    ensemble_score: float | None = None
    report_score: float | None = None
    best_report_score: float | None = None
    constant_score: float | None = None
    report_rows: int = 0
    files: tuple[Path, ...] = ()  # written
    notes: tuple[str, ...] = ()  # what could not be used, one sentence each


def finalise(prepared: Prepared, tree: Tree, out: Path | None = None) -> Final | None:
    """Choose the ensemble, score the choice on the report slice, and write the deliverables into ``out``.

    ``submission.csv`` (ensemble), ``solution.py`` and ``solution_submission.csv`` (best single script).
    A task without test rows gets no submissions. None where the tree has no complete valid node.

    Raises:
        OSError: ``out`` cannot be written.
    """
    best = tree.best
    if best is None or best.metric is None:
        return None
    nodes, loaded, notes = _load(prepared, tree)
    made = prepared.split
    scorer, form = prepared.scorer, prepared.form
    weights: tuple[tuple[int, float], ...] = ((best.id, 1.0),)
    ensemble_score: float | None = None
    if nodes:
        truth = prepared.truth[made.scored]
        chosen = select(
            [one.oof for one in loaded],
            lambda many: scorer.score_many(truth, [form.decide(one) for one in many]),
            scorer.direction,
            always=[at for at, node in enumerate(nodes) if node.id in tree.pinned],
        )
        ensemble_score = chosen.score
        pairs = [(node.id, share) for node, share in zip(nodes, chosen.weights, strict=True) if share > 0]
        weights = tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
    of_node = dict(zip((node.id for node in nodes), loaded, strict=True))
    mixed = _mix(of_node, weights) if of_node else None
    files = _write(prepared, best, mixed, of_node.get(best.id), out) if out is not None else ()
    return Final(
        weights=weights,
        best=best.id,
        best_score=best.metric,
        ensemble_score=ensemble_score,
        report_score=_report_score(prepared, mixed),
        best_report_score=_report_score(prepared, of_node.get(best.id)),
        constant_score=prepared.constant_score,
        report_rows=len(made.report),
        files=files,
        notes=tuple(notes),
    )


def _load(prepared: Prepared, tree: Tree) -> tuple[list[Node], list[Predictions], list[str]]:
    """The pinned and the best nodes whose predictions can be read, best first."""
    nodes: list[Node] = []
    loaded: list[Predictions] = []
    notes: list[str] = []
    used = 0
    ranked = tree.ranked()
    for node in (*ranked[:_MOST_MODELS], *(one for one in ranked[_MOST_MODELS:] if one.id in tree.pinned)):
        if node.predictions is None:
            continue
        try:
            one = stored.load(prepared, node.predictions)
        except (OSError, ValueError) as error:  # Arrow's errors of damaged files are ValueErrors
            notes.append(f"The predictions of node #{node.id} are left out: {error}")
            continue
        used += one.oof.nbytes
        if loaded and used > _MOST_BYTES:
            notes.append(f"The ensemble was chosen among the {len(nodes)} best nodes, to bound memory.")
            break
        nodes.append(node)
        loaded.append(one)
    return nodes, loaded, notes


def _mix(of_node: dict[int, Predictions], weights: Sequence[tuple[int, float]]) -> Predictions:
    parts = [of_node[node] for node, _ in weights]
    shares = [share for _, share in weights]
    return Predictions(
        average([part.oof for part in parts], shares),
        average([part.report for part in parts], shares),
        average([part.test for part in parts], shares),
    )


def _report_score(prepared: Prepared, predictions: Predictions | None) -> float | None:
    rows = prepared.split.report
    if predictions is None or len(rows) == 0:
        return None
    try:
        value = prepared.scorer.score(prepared.truth[rows], prepared.form.decide(predictions.report))
    except ScoreError:  # outside the metric's domain on these rows: there is no honest number to show
        return None
    return None if np.isnan(value) else value


# ---- files ----


def _write(
    prepared: Prepared, best: Node, mixed: Predictions | None, single: Predictions | None, out: Path
) -> tuple[Path, ...]:
    files = [write_solution(best, out)]
    if prepared.n_test:
        for name, predictions in ((SUBMISSION, mixed), (SOLUTION_SUBMISSION, single)):
            if predictions is not None:
                files.append(_write_submission(prepared, predictions.test, out / name))
    return tuple(files)


def write_solution(best: Node, out: Path) -> Path:
    """The best script, as it was run."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / SOLUTION
    write_whole(path, best.code, errors="replace")
    return path


def _write_submission(prepared: Prepared, test: Floats, path: Path) -> Path:
    """With the task's own ids, and columns and rows in the order of its sample submission, if it has one."""
    task = prepared.task
    sample = read_table(task.sample_submission) if task.sample_submission is not None else None
    name, ids = _test_ids(prepared, sample)
    columns = {name: ids, **prepared.form.cells(test)}
    if sample is not None and set(sample.columns) == set(columns):
        columns = {one: columns[one] for one in sample.columns}
        order = pc.index_in(sample.columns[name].combine_chunks(), value_set=ids)
        if sample.rows == len(ids) and order.null_count == 0 and len(order.unique()) == len(ids):
            columns = {one: pc.take(column, order) for one, column in columns.items()}
    partial = path.with_name(path.name + ".partial")
    write_table(partial, columns)
    partial.replace(path)
    return path


def _test_ids(prepared: Prepared, sample: Table | None) -> tuple[str, pa.Array]:
    """The name of the submission's id column and its cells, in the order of the test file.

    Where training rows have no id, the test file or, row by row, the sample submission may have one
    (Kaggle, Digit Recognizer); else rows are counted from 0.
    """
    task = prepared.task
    assert task.test is not None
    test = read_table(task.test)
    names = [task.id] if task.id is not None else []
    if sample is not None:
        names += [name for name in sample.columns if name not in prepared.form.outputs][:1]
    for name in names:
        for table in (test, sample):
            if table is not None and table.rows == test.rows and name in table.columns:
                return name, table.columns[name].combine_chunks()
    return task.id_column, pc.cast(pa.array(np.arange(prepared.n_test)), pa.large_string())
