"""Know the form of a task's predictions: from cells of text to arrays, to what the metric takes, and back to cells.

Three shapes are kept apart, for n rows:

- *truth*: class indices (n,), or 0/1 (n, t), or floats (n,) or (n, t), as :class:`~aide_local.metrics.Metric` says;
- *soft* (n, width): what is stored and averaged: values, probabilities, or votes for labels;
- *decided*: what the metric scores, made from soft: for labels the class with most votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aide_local.basics.tables import Table, number_texts, text_array
from aide_local.errors import TaskError
from aide_local.task import Kind, Predict, Task

Array = NDArray[Any]
Floats = NDArray[np.float64]

MISSING = ("", "nan", "na", "n/a", "<na>", "nat", "none", "null")  # lower case


@dataclass(frozen=True, slots=True)
class Form:
    """The look of a task's predictions; ``outputs`` are the submission's columns beside the id."""

    kind: Kind
    predict: Predict
    outputs: tuple[str, ...]
    classes: tuple[str, ...]
    targets: int

    @classmethod
    def of(cls, task: Task) -> Form:
        """Raise TaskError where the number of submission columns does not fit kind and classes."""
        form = cls(task.kind, task.predict, task.outputs, task.classes, len(task.targets))
        if len(task.outputs) != form.columns:
            raise TaskError(
                f"The submission has {len(task.outputs)} columns beside the id ({', '.join(task.outputs)}),"
                f" but a {task.kind} task that predicts a {task.predict} has {form.columns}.",
                "Check kind, target and sample_submission.csv with `aide-local task check`.",
            )
        return form

    @property
    def several(self) -> bool:
        """Predictions are (n, t), one column for each target."""
        return self.kind is Kind.MULTILABEL or self.targets > 1

    @property
    def both_classes(self) -> bool:
        """A binary task whose submission has a probability column for each of the two classes."""
        return (
            self.kind is Kind.BINARY
            and self.predict is Predict.PROBABILITY
            and len(self.outputs) == len(self.classes) == 2
        )

    @property
    def per_class(self) -> bool:
        """One probability column for each class: a row's cells sum to 1."""
        return self.predict is Predict.PROBABILITY and (self.kind is Kind.MULTICLASS or self.both_classes)

    @property
    def columns(self) -> int:
        """Number of submission columns beside the id."""
        return len(self.classes) if self.per_class else self.targets

    @property
    def width(self) -> int:
        """Number of soft columns."""
        if self.predict is Predict.LABEL and not self.several:
            return len(self.classes)
        return 1 if self.both_classes else self.columns

    def soft(self, decided: Array) -> Floats:
        """Return predictions as the metric takes them as (n, width); labels become votes."""
        values = np.asarray(decided)
        if self.predict is Predict.LABEL and not self.several:
            return np.eye(self.width)[values.astype(np.int64)]
        return values.astype(np.float64).reshape(len(values), self.width)

    def decide(self, soft: Floats) -> Array:
        """Return (n, width), perhaps an average, as predictions that the metric takes."""
        if self.predict is Predict.LABEL:
            # Of equal votes the first class wins, so the decision does not depend on chance.
            return (soft > 0.5).astype(np.int64) if self.several else np.argmax(soft, axis=1)
        return soft if self.several or (self.per_class and not self.both_classes) else soft[:, 0]

    def cells(self, soft: Floats) -> dict[str, pa.Array]:
        """Return (n, width) as the submission's columns of text, in order."""
        decided = self.decide(soft)
        if self.predict is Predict.LABEL and not self.several:
            return {self.outputs[0]: pc.take(text_array(self.classes), pa.array(decided))}
        if self.both_classes:
            decided = np.column_stack((1.0 - decided, decided))
        elif decided.ndim == 1:
            decided = decided[:, None]
        return {name: number_texts(decided[:, at]) for at, name in enumerate(self.outputs)}


def class_index(classes: Sequence[str]) -> dict[str, int]:
    """Return the index of every spelling of a class that is accepted.

    A script that reads "001" or "true" with pandas writes back 1, 1.0 or True, so a class is also met
    by the same number, and by the same letters in another case, wherever that is unambiguous.
    """
    index: dict[str, int] = {}
    for spell in (_as_number, str.lower):
        spelled = [spell(name) for name in classes]
        for at, name in enumerate(spelled):
            if name and spelled.count(name) == 1:
                index.setdefault(name, at)
    index.update({name: at for at, name in enumerate(classes)})
    return index


def find_class(text: str, index: dict[str, int]) -> int | None:
    """Return the index of the class that ``text`` spells, see :func:`class_index`; None for no class."""
    plain = text.strip()
    for spelling in (text, plain, plain.lower(), _as_number(plain)):
        if spelling in index:
            return index[spelling]
    return None


def _as_number(text: str) -> str:
    try:
        return repr(float(text))
    except ValueError:
        return ""


def to_numbers(column: pa.Array | pa.ChunkedArray) -> Floats:
    """Return cells of text as floats; a missing cell is nan.

    Raises:
        ValueError: the first argument names the first cell that is no number, the second its row.
    """
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    trimmed = pc.utf8_trim_whitespace(flat)
    missing = pc.is_in(pc.utf8_lower(trimmed), text_array(MISSING))
    known = pc.if_else(missing, pa.scalar(None, pa.large_string()), trimmed)
    try:
        values = pc.cast(known, pa.float64())
    except pa.ArrowInvalid:
        values = pa.array([_number(text, row) for row, text in enumerate(known.to_pylist())], pa.float64())
    return np.asarray(pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False), dtype=np.float64)


def _number(text: str | None, row: int) -> float | None:
    if text is None:
        return None
    truth = {"true": 1.0, "false": 0.0}.get(text.lower())
    if truth is not None:
        return truth
    try:
        return float(text.replace("_", "?"))  # Python alone reads 1_000 as a number
    except ValueError:
        raise ValueError(text, row) from None


def truth_of(task: Task, table: Table) -> Array:
    """Return the target columns of the training file, in the shape the metric takes.

    Raises:
        TaskError: a target is missing or is neither a number nor one of the classes.
    """
    if task.kind in (Kind.BINARY, Kind.MULTICLASS):
        return _classes(task, table)
    columns = []
    for name in task.targets:
        try:
            values = to_numbers(_column(task, table, name))
        except ValueError as error:
            text, row = error.args
            raise _bad_target(name, row, f"{text!r} is not a number") from None
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise _bad_target(name, row, "there is no finite number")
        if task.kind is Kind.MULTILABEL and not np.isin(values, (0.0, 1.0)).all():
            row = int(np.argmin(np.isin(values, (0.0, 1.0))))
            raise _bad_target(name, row, f"{values[row]:g} is neither 0 nor 1")
        columns.append(values)
    if task.kind is Kind.MULTILABEL:
        return np.column_stack(columns).astype(np.int64)
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _classes(task: Task, table: Table) -> Array:
    index = class_index(task.classes)
    encoded = _column(task, table, task.target).combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    of_name = [find_class(name, index) for name in names]
    codes = np.asarray(encoded.indices.to_numpy(), dtype=np.int64)
    for at, found in enumerate(of_name):
        if found is None:
            row = int(np.argmax(codes == at))
            shown = ", ".join(task.classes[:10])
            raise _bad_target(task.target, row, f"{names[at]!r} is none of the classes ({shown})")
    return np.asarray(of_name, dtype=np.int64)[codes]


def _column(task: Task, table: Table, name: str) -> pa.ChunkedArray:
    if name not in table.columns:
        raise TaskError(
            f"The training file has no column {name!r}; it has {', '.join(list(table.columns)[:20])}.",
            "Name the target with --target.",
        )
    return table.columns[name]


def _bad_target(name: str, row: int, what: str) -> TaskError:
    return TaskError(
        f"Target {name!r} of row {row + 1} of the training file: {what}.",
        "Fix or remove that row; `aide-local task check` lists all of them.",
    )
