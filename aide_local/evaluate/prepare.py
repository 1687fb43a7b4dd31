"""The rows that candidates see, cut once per run: K anonymised input folders.

``<run>/folds/<k>/input/`` holds what fold k's candidate sees. Its test.csv is fold k's rows, the report
slice and the real test rows, shuffled and with new ids, so a script cannot tell them apart; no label of
any of them is in its train.csv. ``<run>/private/`` holds which row is in which fold.

All of it is a pure function of the task's files and the run's settings, so a resumed run computes it
again and only checks what is on disk; a kill in the middle leaves nothing half made.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aide_local.basics.files import sha256_of
from aide_local.basics.tables import (
    EPOCH_NS,
    Table,
    read_table,
    same_time,
    take,
    text_array,
    write_parquet,
    write_table,
)
from aide_local.errors import TaskError
from aide_local.evaluate.form import Form, truth_of
from aide_local.evaluate.inputs import (
    FACTS,
    SAMPLE,
    TEST,
    TRAIN,
    extra_files,
    further_mark,
    link_all,
    write_facts,
)
from aide_local.evaluate.keys import split_keys
from aide_local.evaluate.row_files import Named, RowFiles, match
from aide_local.evaluate.score import ScoreError, Scorer, open_scorer
from aide_local.evaluate.splits import REPORT, Rows, Split, codes_of, shuffled, split
from aide_local.task import SplitKind, Task
from aide_local.types import RunSettings

Array = NDArray[Any]

_TRAIN_STREAM, _TEST_STREAM = 3, 4  # apart from those of aide_local.evaluate.splits


class Part(IntEnum):
    """Where a row of a candidate's test.csv comes from."""

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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task cut into folds. ``truth`` (n_train, …) is in the shape the metric takes."""

    task: Task
    folder: Path
    seed: int
    form: Form
    scorer: Scorer
    truth: Array
    split: Split
    n_test: int
    constant_score: float

    @property
    def folds(self) -> int:
        return self.split.folds

    def input(self, k: int) -> Path:
        return self.folder / "folds" / str(k) / "input"

    def origin(self, k: int) -> Origin:
        return origin(self.split, self.n_test, self.seed, k)

    def ids(self, k: int) -> pa.Array:
        """Ids of fold ``k``'s test.csv in its order, as candidates see them."""
        first = len(self.split.training(k))
        return new_ids(first, len(self.origin(k)))

    def train_order(self, k: int, moments: Rows | None = None) -> Rows:
        """Rows of the training file in the order of fold ``k``'s train.csv."""
        rows = self.split.training(k)
        if moments is not None:
            return rows[np.argsort(moments[rows], kind="stable")]
        return rows[shuffled(len(rows), self.seed, _TRAIN_STREAM, k)]


def origin(made: Split, n_test: int, seed: int, k: int) -> Origin:
    """The shuffled rows of fold ``k``'s test.csv."""
    rows = (made.validation(k), made.report, np.arange(n_test))
    part = np.repeat(np.array(list(Part), dtype=np.int8), [len(some) for some in rows])
    order = shuffled(len(part), seed, _TEST_STREAM, k)
    return Origin(part[order], np.concatenate(rows)[order])


def new_ids(first: int, count: int) -> pa.Array:
    """``r000123``: always text, so no script takes the id for a feature that means something."""
    digits = pc.cast(pa.array(np.arange(first, first + count)), pa.large_string())
    padded = pc.utf8_lpad(digits, width=6, padding="0")
    return pc.binary_join_element_wise(
        pa.scalar("r", pa.large_string()), padded, pa.scalar("", pa.large_string())
    )


def prepare(task: Task, settings: RunSettings, run_folder: Path) -> Prepared:
    """Cut the folds and write what candidates see, unless it is there already, whole.

    Raises:
        TaskError: the task's files cannot be used, or changed since this run began.
        SettingsError: the number of folds or the report slice cannot be used.
        OSError: the run's folder cannot be written.
    """
    if task.train is None:
        raise TaskError("The task has no training file.", "Add train.csv, or set `mode` in task.toml.")
    train = read_table(task.train)
    test = read_table(task.test) if task.test is not None else None
    found = cut(task, train, settings)
    prepared = Prepared(
        task,
        run_folder,
        settings.seed,
        found.form,
        found.scorer,
        found.truth,
        found.split,
        test.rows if test else 0,
        found.constant_score,
    )
    mark = _fingerprint(task, settings)
    if not _is_whole(prepared, mark):
        timed = found.keys if task.split.kind is SplitKind.TIME else None
        moments = codes_of(SplitKind.TIME, timed) if timed is not None else None
        _write(prepared, train, test, moments, mark)
    return prepared


@dataclass(frozen=True, slots=True)
class Cut:
    """What is computed from the training rows before anything is written."""

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
    """Of the best constant guess, on the rows that the nodes' out-of-fold metric is on."""
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


def _fingerprint(task: Task, settings: RunSettings) -> dict[str, str]:
    """What the folds and their scores depend on: the same run must find the same."""
    parts = {"train": task.train, "test": task.test}
    mark = {name: sha256_of(path) for name, path in parts.items() if path is not None}
    rule = (
        settings.seed,
        settings.folds,
        settings.report_fraction,
        task.split.kind.value,
        task.split.column,
        task.id,
        task.targets,
        task.classes,
    )
    mark["rule"] = json.dumps(rule)
    if task.scorer is not None:
        mark["scorer"] = sha256_of(task.scorer)
    if task.extra:
        mark["extra"] = further_mark(task)
    return mark


# ---- on disk ----


def _is_whole(prepared: Prepared, mark: dict[str, str]) -> bool:
    """Everything is on disk as it was written.

    Raises:
        TaskError: it was made of other data, or by another rule.
    """
    manifest = prepared.folder / "private" / "prepared.json"
    if not manifest.is_file():
        return False
    known = json.loads(manifest.read_text())
    # Runs that an earlier version began have no mark of the scorer and the further files, and go on.
    changed = sorted(name for name, value in known["mark"].items() if mark.get(name) != value)
    if changed:
        what = {
            "train": "the training file",
            "test": "the test file",
            "rule": "how the rows are split",
            "scorer": "the task's scorer",
            "extra": "the further files that scripts see",
        }
        raise TaskError(
            f"Since this run began, {' and '.join(what[name] for name in changed)} changed:"
            " the scores of its nodes and of new ones could not be compared.",
            "Restore the files, or start a new run.",
        )
    folds = prepared.folder / "folds"
    for name, size in known["files"].items():
        path = folds / name
        if not path.is_file() or path.stat().st_size != size or path.stat().st_mtime_ns != EPOCH_NS:
            return False
    return all(_count(prepared.input(k)) == count for k, count in enumerate(known["counts"]))


def _count(folder: Path) -> int:
    """Files below ``folder``."""
    return sum(len(files) for _, _, files in os.walk(folder))


def _write(
    prepared: Prepared, train: Table, test: Table | None, moments: Rows | None, mark: dict[str, str]
) -> None:
    run = prepared.folder
    work = run / "preparing"
    shutil.rmtree(work, ignore_errors=True)
    (work / "private").mkdir(parents=True)
    further = _row_files(prepared.task, train, test)
    sizes: dict[str, int] = {}
    counts: list[int] = []
    copies: dict[Path, Path] = {}
    for k in range(prepared.folds):
        folder = work / "folds" / str(k) / "input"
        folder.mkdir(parents=True)
        _write_fold(prepared, k, folder, train, test, moments)
        for name in (TRAIN, TEST, SAMPLE, FACTS):
            path = folder / name
            path.chmod(0o444)
            same_time(path)
            sizes[str(path.relative_to(work / "folds"))] = path.stat().st_size
        link_all(_links(prepared, k, further, moments), folder, copies)
        counts.append(_count(folder))
        same_time(folder)
    write_parquet(
        work / "private" / "assignment.parquet",
        pa.table({"row": pa.array(np.arange(train.rows)), "fold": pa.array(prepared.split.fold)}),
    )
    manifest = {"mark": mark, "files": sizes, "counts": counts}
    (work / "private" / "prepared.json").write_text(json.dumps(manifest))
    for name in ("private", "folds"):
        shutil.rmtree(run / name, ignore_errors=True)
        (work / name).rename(run / name)
    work.rmdir()


def _write_fold(
    prepared: Prepared, k: int, folder: Path, train: Table, test: Table | None, moments: Rows | None
) -> None:
    task = prepared.task
    id_column = task.id_column
    features = [name for name in train.columns if name not in (task.id, *task.targets)]
    if id_column in features:
        raise TaskError(
            f"The column {id_column!r} is taken for a feature, but is also the name that row ids get.",
            f"Say that it is the id with --id {id_column}, or rename it.",
        )
    order = prepared.train_order(k, moments)
    columns = {id_column: new_ids(0, len(order))}
    columns |= {name: take(column, order) for name, column in train.columns.items() if name != task.id}
    write_table(folder / TRAIN, columns)

    rows = prepared.origin(k)
    ids = prepared.ids(k)
    shown = [name for name in features if test is None or name in test.columns]
    columns = {id_column: ids}
    columns |= {name: _gather(train, test, name, rows) for name in shown}
    write_table(folder / TEST, columns)

    guess = prepared.scorer.constant(prepared.truth[order], len(rows))
    write_table(folder / SAMPLE, {id_column: ids, **prepared.form.cells(prepared.form.soft(guess))})
    write_facts(folder / FACTS, task, len(order), len(rows))


def _row_files(task: Task, train: Table, test: Table | None) -> RowFiles:
    files = extra_files(task)
    if not files or task.id is None:
        return RowFiles(tuple(files), {}, {}, {})

    def mentioned(names: Sequence[str]) -> bool:
        ends = text_array(names)
        shorter = rf"^.*/((?:[^/]*/){{{names[0].count('/')}}}[^/]*)$"
        for name, column in train.columns.items():
            if name == task.id:
                continue
            tails = pc.replace_substring_regex(column, shorter, r"\1")
            if pc.any(pc.is_in(tails, value_set=ends), min_count=0).as_py():
                return True
        return False

    ids = [
        table.texts(task.id) if table is not None and task.id in table.columns else np.empty(0, object)
        for table in (train, test)
    ]
    return match(files, ids[0], ids[1], mentioned)


def _links(prepared: Prepared, k: int, further: RowFiles, moments: Rows | None) -> Iterator[Named]:
    if not further.train and not further.test:
        return iter(further.fixed)
    order, rows = prepared.train_order(k, moments), prepared.origin(k)
    shown = zip((rows.part == Part.TEST).tolist(), rows.row.tolist(), strict=True)
    ids = new_ids(0, len(order)).to_pylist(), prepared.ids(k).to_pylist()
    return further.of_fold(order.tolist(), shown, *ids)


def _gather(train: Table, test: Table | None, name: str, rows: Origin) -> pa.Array:
    """A feature of the rows of a fold's test.csv, from the two files they come from."""
    if test is None:
        return take(train.columns[name], rows.row)
    both = pa.chunked_array([*train.columns[name].chunks, *test.columns[name].chunks], pa.large_string())
    return take(both, np.where(rows.part == Part.TEST, rows.row + train.rows, rows.row))
