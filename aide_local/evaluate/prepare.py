"""Write the rows that candidates see, cut once per run: K anonymised input folders.

``<run>/folds/<k>/input/`` holds what fold k's candidate sees. Its test.csv is fold k's rows, the report
slice and the real test rows, shuffled and with new ids, so a script cannot tell them apart; no label of
any of them is in its train.csv. ``<run>/private/`` holds which row is in which fold.

All of it is a pure function of the task's files and the run's settings, so a resumed run computes it
again and only checks what is on disk; a kill in the middle leaves nothing half made.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
from aide_local.evaluate.prepared import Origin, Part, Prepared, View, cut
from aide_local.evaluate.row_files import Named, RowFiles, match
from aide_local.task import SplitKind, Task
from aide_local.types import RunSettings


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
        found.keys,
        _units(task, test),
    )
    mark = _fingerprint(task, settings)
    if not _is_whole(prepared, mark):
        _write(prepared, train, test, mark)
    return prepared


def _units(task: Task, test: Table | None) -> int:
    if test is None:
        return 0
    group = task.split.column if task.split.kind is SplitKind.GROUP else None
    return len(test.columns[group].unique()) if group in test.columns else test.rows


def _fingerprint(task: Task, settings: RunSettings) -> dict[str, str]:
    """Return checksums of what the folds and their scores depend on: the same run must find the same."""
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
    """Tell whether everything is on disk as it was written.

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
    """Return the number of files below ``folder``."""
    return sum(len(files) for _, _, files in os.walk(folder))


def _write(prepared: Prepared, train: Table, test: Table | None, mark: dict[str, str]) -> None:
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
        _write_input(prepared, prepared.view(k), folder, train, test, further, copies)
        for name in (TRAIN, TEST, SAMPLE, FACTS):
            sizes[f"{k}/input/{name}"] = (folder / name).stat().st_size
        counts.append(_count(folder))
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


def write_whole(prepared: Prepared, folder: Path) -> None:
    """Write what a script sees that learns from every training row: :attr:`Prepared.whole`.

    Raises:
        TaskError: the task's files cannot be read any more.
        OSError: ``folder`` cannot be written.
    """
    task = prepared.task
    assert task.train is not None
    assert task.test is not None
    train, test = read_table(task.train), read_table(task.test)
    if (train.rows, test.rows) != (len(prepared.truth), prepared.n_test):
        raise TaskError("The task's files changed since this run began.", "Restore them.")
    folder.mkdir(parents=True)
    _write_input(prepared, prepared.whole, folder, train, test, _row_files(task, train, test), {})


def _write_input(
    prepared: Prepared,
    view: View,
    folder: Path,
    train: Table,
    test: Table | None,
    further: RowFiles,
    copies: dict[Path, Path],
) -> None:
    """Write the whole of an ``input/``; no file's time or mode tells anything."""
    _write_tables(prepared, view, folder, train, test)
    for name in (TRAIN, TEST, SAMPLE, FACTS):
        (folder / name).chmod(0o444)
        same_time(folder / name)
    link_all(_links(view, further), folder, copies)
    same_time(folder)


def _write_tables(prepared: Prepared, view: View, folder: Path, train: Table, test: Table | None) -> None:
    task = prepared.task
    id_column = task.id_column
    features = [name for name in train.columns if name not in (task.id, *task.targets)]
    if id_column in features:
        raise TaskError(
            f"The column {id_column!r} is taken for a feature, but is also the name that row ids get.",
            f"Say that it is the id with --id {id_column}, or rename it.",
        )
    order, rows = view.train, view.test
    columns = {id_column: view.train_ids}
    columns |= {name: take(column, order) for name, column in train.columns.items() if name != task.id}
    write_table(folder / TRAIN, columns)

    ids = view.test_ids
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

    def is_mentioned(names: Sequence[str]) -> bool:
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
    return match(files, ids[0], ids[1], is_mentioned)


def _links(view: View, further: RowFiles) -> Iterator[Named]:
    if not further.train and not further.test:
        return iter(further.fixed)
    shown = zip((view.test.part == Part.TEST).tolist(), view.test.row.tolist(), strict=True)
    ids = view.train_ids.to_pylist(), view.test_ids.to_pylist()
    return further.of_fold(view.train.tolist(), shown, *ids)


def _gather(train: Table, test: Table | None, name: str, rows: Origin) -> pa.Array:
    """Return a feature of the rows of a fold's test.csv, from the two files they come from."""
    if test is None:
        return take(train.columns[name], rows.row)
    both = pa.chunked_array([*train.columns[name].chunks, *test.columns[name].chunks], pa.large_string())
    return take(both, np.where(rows.part == Part.TEST, rows.row + train.rows, rows.row))
