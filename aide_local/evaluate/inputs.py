"""Write what a candidate finds in ``input/`` beside the tables: ``task.json`` and the task's further files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from aide_local.basics.files import files_below, sha256_of
from aide_local.basics.tables import same_time
from aide_local.errors import TaskError
from aide_local.task import ColumnKind, Mode, SplitKind, Task

TRAIN, TEST, SAMPLE, FACTS = "train.csv", "test.csv", "sample_submission.csv", "task.json"
RESERVED = frozenset({TRAIN, TEST, SAMPLE, FACTS})


def facts(task: Task, n_train: int, n_test: int) -> dict[str, object]:
    """The keys of ``input/task.json``.

    The lists of features name neither id, target, constant nor group columns, nor columns that
    test.csv lacks: a script may use them all.
    """
    group = task.split.column if task.split.kind is SplitKind.GROUP else None
    time = task.split.column if task.split.kind is SplitKind.TIME else None

    def names_of(*kinds: ColumnKind) -> list[str]:
        left_out = {task.id_column, group, *task.targets}
        usable = (column for column in task.columns if column.in_test and column.name not in left_out)
        return [column.name for column in usable if column.kind in kinds]

    return {
        "name": task.name,
        "kind": task.kind.value,
        "target": task.targets[0] if task.targets else None,
        "targets": list(task.targets),
        "id": task.id_column,
        "metric": task.metric,
        "direction": task.direction.value,
        "predict": task.predict.value,
        "outputs": list(task.outputs),
        "classes": list(task.classes),
        "numeric": names_of(ColumnKind.NUMERIC),
        "categorical": names_of(ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN),
        "datetime": names_of(ColumnKind.DATETIME),
        "text": names_of(ColumnKind.TEXT),
        "group": group,
        "time": time,
        "n_train": n_train,
        "n_test": n_test,
    }


def write_facts(path: Path, task: Task, n_train: int, n_test: int) -> None:
    path.write_text(json.dumps(facts(task, n_train, n_test), indent=2, ensure_ascii=False) + "\n", "utf-8")


def make_whole_input(task: Task, folder: Path) -> Path:
    """``folder`` with the task's own files, linked, for the modes in which no rows are held back.

    In ``Mode.COMMAND`` nothing of the training file is hidden but what the task keeps out of it: labels
    that the grader scores by must not be among the task's train, test and extra files.

    Made anew each time, which is cheap; the folder's content is the same each time.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for source, name in ((task.train, TRAIN), (task.test, TEST), (task.sample_submission, SAMPLE)):
        if source is not None:
            link_or_copy(source, partial / name)
    write_facts(partial / FACTS, task, task.n_train, task.n_test)
    same_time(partial / FACTS)
    link_all(extra_files(task), partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return folder


def extra_files(task: Task) -> list[tuple[Path, str]]:
    """(file, its path inside ``input/``) for each further file of the task, links followed, in order.

    Raises:
        TaskError: one of them has the name of a file that the harness writes, or is gone.
    """
    found: list[tuple[Path, str]] = []
    for path in task.extra:
        if path.name in RESERVED and task.mode is Mode.FOLDS:
            raise TaskError(
                f"The extra file {path} has the name of a file that the candidates get from us.",
                "Rename it, or leave it out of `extra` in task.toml.",
            )
        if path.is_dir():
            found += [(file.resolve(), str(path.name / file.relative_to(path))) for file in files_below(path)]
        elif path.is_file():
            found.append((path.resolve(), path.name))
        else:
            raise TaskError(f"The extra file {path} does not exist.", "Fix `extra` in task.toml.")
    return found


def further_mark(task: Task) -> str:
    """Checksum of the further files' paths, sizes and, as far as that is quick, contents.

    A file that is gone changes it. Raises TaskError as :func:`extra_files` does for a reserved name.
    """
    there = tuple(path for path in task.extra if path.exists())
    mark = hashlib.sha256("\0".join(path.name for path in task.extra).encode())
    left = _MOST_HASHED
    for path, inside in extra_files(replace(task, extra=there)):
        size = path.stat().st_size
        mark.update(f"\0{inside}\0{size}".encode())
        if size <= min(_MOST_OF_ONE, left):
            mark.update(sha256_of(path).encode())
            left -= size
    return mark.hexdigest()


_MOST_OF_ONE, _MOST_HASHED = 1 << 22, 1 << 26  # bytes: of one file, and of all


def link_all(files: Iterable[tuple[Path, str]], folder: Path, copies: dict[Path, Path] | None = None) -> None:
    """Hard links: nothing is copied where the run's folder is on the files' own file system.

    A file that must be copied is copied once for all calls that share ``copies``, and linked then.
    """
    copies = {} if copies is None else copies
    for source, inside in files:
        target = folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() and not link_or_copy(copies.get(source, source), target):
            copies[source] = target


def link_or_copy(source: Path, target: Path) -> bool:
    """A hard link; a copy, and False, where the file system or the file's owner does not allow one.

    The link's mode and time are the person's file's: only a sandbox that mounts ``input/`` read-only
    keeps a script from writing to it.
    """
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
        return False
    return True
