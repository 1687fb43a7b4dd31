"""A task cut into folds: the values that the rest of the evaluation goes by.

All of it is a pure function of the task's files and the run's settings, so a resumed run computes it again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aide_local.basics.tables import Table
from aide_local.errors import TaskError
from aide_local.evaluate.form import Form, truth_of
from aide_local.evaluate.keys import split_keys
from aide_local.evaluate.score import ScoreError, Scorer, open_scorer
from aide_local.evaluate.splits import REPORT, Rows, Split, codes_of, permutation, split
from aide_local.task import SplitKind, Task
from aide_local.types import RunSettings

Array = NDArray[Any]

_TRAIN_STREAM, _TEST_STREAM = 3, 4  # apart from those of aide_local.evaluate.splits


class Part(IntEnum):
    """The place that a row of a candidate's test.csv comes from."""

    OOF = 0  # the training file, this fold
    REPORT = 1  # the training file, the report slice
    TEST = 2  # the task's test file


@dataclass(frozen=True, slots=True)
class Origin:
    """For each row of a fold's test.csv, in its order: its part, and its row there, counted from 0."""

    part: NDArray[np.int8]
    row: Rows

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class Prepared:
    """A task cut into folds. ``truth`` (n_train, …) is in the shape the metric takes.

    ``keys`` (n_train,) are what the rows are split by, None with a random split. ``test_units`` is the number
    of test rows, or of their groups if the task splits by group.
    """

    task: Task
    folder: Path
    seed: int
    form: Form
    scorer: Scorer
    truth: Array
    split: Split
    n_test: int
    constant_score: float
    keys: Array | None = None
    test_units: int = 0

    @property
    def folds(self) -> int:
        return self.split.folds

    def input(self, k: int) -> Path:
        return self.folder / "folds" / str(k) / "input"

    def origin(self, k: int) -> Origin:
        """Return the shuffled rows of fold ``k``'s test.csv."""
        return _test_rows(self.split.validation(k), self.split.report, self.n_test, self.seed, k)

    def ids(self, k: int) -> pa.Array:
        """Return the ids of fold ``k``'s test.csv in its order, as candidates see them."""
        return self.view(k).test_ids

    def train_order(self, k: int) -> Rows:
        """Return rows of the training file in the order of fold ``k``'s train.csv."""
        return self._in_order(self.split.training(k), k)

    @property
    def whole(self) -> View:
        """The rows of a script that learns from every training row, the report slice too."""
        k = self.folds  # the number after the last fold's, for the order of rows
        nothing = np.empty(0, dtype=np.int64)
        everything = np.arange(len(self.truth))
        return View(self._in_order(everything, k), _test_rows(nothing, nothing, self.n_test, self.seed, k))

    def view(self, k: int) -> View:
        """Return the rows that fold ``k``'s script sees."""
        return View(self.train_order(k), self.origin(k))

    def _in_order(self, rows: Rows, k: int) -> Rows:
        if self._moments is not None:
            return rows[np.argsort(self._moments[rows], kind="stable")]
        return rows[permutation(len(rows), self.seed, _TRAIN_STREAM, k)]

    @cached_property
    def _moments(self) -> Rows | None:
        if self.split.kind is not SplitKind.TIME or self.keys is None:
            return None
        return codes_of(SplitKind.TIME, self.keys)


@dataclass(frozen=True, slots=True)
class View:
    """The rows of a train.csv and a test.csv as candidates see them, in the files' order."""

    train: Rows
    test: Origin

    @property
    def train_ids(self) -> pa.Array:
        return new_ids(0, len(self.train))

    @property
    def test_ids(self) -> pa.Array:
        return new_ids(len(self.train), len(self.test))


def _test_rows(validation: Rows, report: Rows, n_test: int, seed: int, k: int) -> Origin:
    rows = (validation, report, np.arange(n_test))
    part = np.repeat(np.array(list(Part), dtype=np.int8), [len(some) for some in rows])
    order = permutation(len(part), seed, _TEST_STREAM, k)
    return Origin(part[order], np.concatenate(rows)[order])


def new_ids(first: int, count: int) -> pa.Array:
    """Return ids such as ``r000123``: always text, so no script takes the id for a feature that means something."""
    digits = pc.cast(pa.array(np.arange(first, first + count)), pa.large_string())
    padded = pc.utf8_lpad(digits, width=6, padding="0")
    return pc.binary_join_element_wise(
        pa.scalar("r", pa.large_string()), padded, pa.scalar("", pa.large_string())
    )


@dataclass(frozen=True, slots=True)
class Cut:
    """The results of reading the training rows, before anything is written."""

    form: Form
    truth: Array
    scorer: Scorer
    keys: Array | None
    split: Split
    constant_score: float


def cut(task: Task, train: Table, settings: RunSettings) -> Cut:
    """Read the targets, open the metric, deal the rows to folds: all that the training rows can be refused for.

    Raises:
        TaskError: the task's targets, metric, scorer or split cannot be used.
        SettingsError: the number of folds or the report slice cannot be used.
    """
    form = Form.of(task)
    if train.rows == 0:
        raise TaskError(f"{task.train} has no rows.", "Give a training file with rows.")
    truth = truth_of(task, train)
    scorer = open_scorer(task, form, truth)
    keys = split_keys(task, train, truth)
    made = split(
        task.split.kind,
        train.rows,
        folds=settings.folds,
        seed=settings.seed,
        report_fraction=settings.report_fraction,
        keys=keys,
    )
    return Cut(form, truth, scorer, keys, made, _constant_score(task, scorer, truth, made))


def _constant_score(task: Task, scorer: Scorer, truth: Array, made: Split) -> float:
    """Return the score of the best constant guess, on the rows that the nodes' out-of-fold metric is on."""
    known = truth[made.fold != REPORT]
    try:
        score = scorer.score(truth[made.scored], scorer.constant(known, len(made.scored)))
    except ScoreError as error:
        score, reason = math.nan, error.message
    else:
        reason = "the rows that are validated on are too few, or of a single class"
    if math.isnan(score):
        raise TaskError(
            f"The metric {task.metric} is not defined on these training rows: {reason}.",
            "Choose another --metric or another --split.",
        )
    return score
