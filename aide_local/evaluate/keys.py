"""The keys that the rows of a training file are split by: their class, their group, their moment."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aide_local.basics.tables import Table
from aide_local.errors import TaskError
from aide_local.evaluate.form import to_numbers
from aide_local.task import Kind, SplitKind, Task

_BINS = 10  # quantiles of a numeric target that stratification evens out


def split_keys(task: Task, table: Table, truth: NDArray[Any]) -> NDArray[Any] | None:
    """Return the keys (n,) for :func:`aide_local.evaluate.splits.split`; None for a random split.

    Raises:
        TaskError: there is no such column, or a time cannot be read.
    """
    kind, name = task.split.kind, task.split.column
    if kind is SplitKind.RANDOM:
        return None
    if kind is SplitKind.STRATIFIED:
        return _strata(task, truth)
    if name is None or name not in table.columns:
        raise TaskError(
            f"The split by {kind} needs a column of the training file; {name!r} is none.",
            f"Name it with --{kind}.",
        )
    column = table.columns[name].combine_chunks()
    if kind is SplitKind.GROUP:
        return np.asarray(column.dictionary_encode().indices.to_numpy())
    return times(column, name)


def _strata(task: Task, truth: NDArray[Any]) -> NDArray[Any]:
    if task.kind is Kind.MULTILABEL:
        return np.unique(truth, axis=0, return_inverse=True)[1].reshape(-1)
    if task.kind is Kind.REGRESSION:
        values = truth if truth.ndim == 1 else truth[:, 0]
        return np.searchsorted(np.quantile(values, np.arange(1, _BINS) / _BINS), values)
    return truth


def times(column: pa.Array, name: str) -> NDArray[Any]:
    """Return moments that sort as time does: numbers as they are, dates as nanoseconds since 1970.

    Raises:
        TaskError: a cell is empty, or is neither a number nor a date.
    """
    import pandas as pd

    try:
        values = to_numbers(column)
    except ValueError:
        encoded = column.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        parsed = _dates(texts, name)
        values = parsed[np.asarray(encoded.indices.to_numpy())]
        missing = np.asarray(pd.isna(values))
    else:
        missing = np.isnan(values)
    if missing.any():
        raise TaskError(
            f"Time {name!r} of row {int(np.argmax(missing)) + 1} of the training file is empty.",
            "Fill or remove that row, or choose another --split.",
        )
    return values


def _dates(texts: list[str], name: str) -> NDArray[Any]:
    """Read dates in one format for all, the day first where the month first does not fit all, else each by itself."""
    import pandas as pd

    reason: Exception | None = None
    for options in ({}, {"dayfirst": True}, {"format": "mixed"}, {"format": "mixed", "utc": True}):
        try:
            with warnings.catch_warnings():  # pandas warns that it reads cell by cell
                warnings.simplefilter("ignore", UserWarning)
                found = pd.to_datetime(pd.Series(texts), **options)
        except (ValueError, TypeError) as error:
            reason = error
            continue
        if getattr(found.dt, "tz", None) is not None:
            found = found.dt.tz_convert("UTC").dt.tz_localize(None)
        return np.asarray(found.to_numpy(dtype="datetime64[ns]"))
    raise TaskError(
        f"Time {name!r} of the training file cannot be read: {reason}.",
        "Write times as 2024-05-31 or 2024-05-31 18:00, or choose another --split.",
    )
