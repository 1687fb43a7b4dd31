"""The files that a run delivers: submissions with the task's own ids, and the best script as it was run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aide_local.basics.files import write_whole
from aide_local.basics.tables import Table, read_table, write_table
from aide_local.evaluate.form import Floats
from aide_local.evaluate.prepared import Prepared
from aide_local.types import Node

SUBMISSION, SOLUTION, SOLUTION_SUBMISSION = "submission.csv", "solution.py", "solution_submission.csv"


def write_solution(best: Node, out: Path) -> Path:
    """Write the best script into the folder ``out``, as it was run."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / SOLUTION
    write_whole(path, best.code, errors="replace")
    return path


def write_submission(prepared: Prepared, test: Floats, path: Path) -> Path:
    """Write predictions (n_test, width) with the task's own ids; columns and rows are in the order of its
    sample submission, if it has one."""
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
    """Return the name of the submission's id column and its cells, in the order of the test file.

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
