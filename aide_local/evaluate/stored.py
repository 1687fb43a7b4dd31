"""A node's predictions on disk: ``<run>/predictions/node-00007.parquet``.

Columns: ``part`` (oof, report, test), ``row`` (counted from 0 in train.csv for oof and report, in
test.csv for test), ``fold`` (-1: averaged over the folds), and ``p0`` … ``pn``: values, probabilities, or
votes for each class.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aide_local.basics.tables import write_parquet
from aide_local.evaluate.form import Floats
from aide_local.evaluate.prepared import Part, Prepared
from aide_local.task import SplitKind

AVERAGED = -1


@dataclass(frozen=True, slots=True)
class Predictions:
    """Soft predictions (n, width): of the rows that folds validated, the report slice, the test file;
    each in ascending order of row."""

    oof: Floats
    report: Floats
    test: Floats


class Assembler:
    """Puts the folds' predictions together, fold by fold.

    The test rows and the report slice get the average over folds. With a split by time each fold counts as
    many times as it had blocks of rows to learn from: later folds have seen more and later rows, and the
    earlier ones keep trends from running away (docs/decisions/0011).
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        n, width = len(prepared.truth), prepared.form.width
        self._oof = np.full((n, width), np.nan)
        self._report = np.zeros((n, width))
        self._test = np.zeros((prepared.n_test, width))
        blocks = np.ones(prepared.folds)
        if prepared.split.kind is SplitKind.TIME:
            blocks = np.arange(1.0, prepared.folds + 1.0)
        self._weights = blocks / blocks.sum()

    def add(self, k: int, soft: Floats) -> None:
        """Add fold ``k``'s predictions, in the order of its test.csv."""
        origin = self._prepared.origin(k)
        validation, report, test = (origin.part == part for part in Part)
        self._oof[origin.row[validation]] = soft[validation]
        self._report[origin.row[report]] += self._weights[k] * soft[report]
        self._test[origin.row[test]] += self._weights[k] * soft[test]

    def of_fold(self, k: int) -> Floats:
        """Return predictions of the rows that fold ``k`` validated, ascending."""
        return self._oof[self._prepared.split.validation(k)]

    def done(self) -> Predictions:
        made = self._prepared.split
        return Predictions(self._oof[made.scored], self._report[made.report], self._test)


def path_of(node: int) -> Path:
    """Return where a node's predictions lie, relative to the run's folder."""
    return Path("predictions") / f"node-{node:05d}.parquet"


def save(prepared: Prepared, node: int, predictions: Predictions) -> Path:
    """Write whole or not at all; returns the path relative to the run's folder."""
    made = prepared.split
    rows = (made.scored, made.report, np.arange(prepared.n_test))
    parts = np.repeat([part.name.lower() for part in Part], [len(some) for some in rows])
    folds = np.full(len(parts), AVERAGED, dtype=np.int16)
    folds[: len(made.scored)] = made.fold[made.scored]
    soft = np.concatenate((predictions.oof, predictions.report, predictions.test))
    columns = {
        "part": pa.array(parts).dictionary_encode(),
        "row": pa.array(np.concatenate(rows)),
        "fold": pa.array(folds),
        **{f"p{at}": pa.array(np.ascontiguousarray(soft[:, at])) for at in range(soft.shape[1])},
    }
    path = path_of(node)
    (prepared.folder / path).parent.mkdir(exist_ok=True)
    write_parquet(prepared.folder / path, pa.table(columns))
    return path


def load(prepared: Prepared, path: Path) -> Predictions:
    """Return a node's predictions; ``path`` is relative to the run's folder.

    Raises:
        OSError: the file is gone.
        ValueError: it is damaged, or of other rows than this run's.
    """
    table = pq.read_table(prepared.folder / path, partitioning=None)
    made = prepared.split
    sizes = [len(made.scored), len(made.report), prepared.n_test]
    width = prepared.form.width
    if table.num_rows != sum(sizes) or not {f"p{at}" for at in range(width)} <= set(table.column_names):
        raise ValueError(f"{path} holds predictions of other rows than this run's.")
    soft = np.column_stack([table.column(f"p{at}").to_numpy() for at in range(width)])
    oof, report, test = np.split(soft, np.cumsum(sizes)[:-1])
    return Predictions(oof, report, test)


def refit_path_of(node: int) -> Path:
    """Return where a refit's predictions lie, relative to the run's folder."""
    return Path("predictions") / f"refit-{node:05d}.parquet"


def save_refit(prepared: Prepared, node: int, test: Floats) -> None:
    """Keep test predictions (n_test, width) of a script that learnt from all rows; whole or not at all."""
    path = prepared.folder / refit_path_of(node)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, pa.table({f"p{at}": pa.array(test[:, at]) for at in range(test.shape[1])}))


def load_refit(prepared: Prepared, node: int) -> Floats | None:
    """Return what :func:`save_refit` kept; None if there is none, or none that can be read."""
    try:
        table = pq.read_table(prepared.folder / refit_path_of(node), partitioning=None)
    except (OSError, ValueError):  # Arrow's errors of damaged files are ValueErrors
        return None
    names = [f"p{at}" for at in range(prepared.form.width)]
    if table.num_rows != prepared.n_test or table.column_names != names:
        return None
    return np.column_stack([table.column(name).to_numpy() for name in names])
