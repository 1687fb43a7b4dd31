"""Begin a task folder from CSV files: ``task.toml`` with what was inferred, and a description to fill in."""

from __future__ import annotations

import shutil
from pathlib import Path

from aide_local.errors import TaskError
from aide_local.task import SplitKind, Task
from aide_local.tasks.files import SETTINGS, TaskOverrides
from aide_local.tasks.load import load_task


def new_task(
    folder: Path, train: Path, test: Path | None = None, overrides: TaskOverrides | None = None
) -> Task:
    """Copy the files into ``folder/data`` and write what was understood of them.

    Raises:
        TaskError: the folder is there already, or the files cannot be used; nothing is left then.
    """
    if folder.exists():
        raise TaskError(f"{folder} is there already.", "Choose another name.")
    for path in (train, test):
        if path is not None and not path.is_file():
            raise TaskError(f"There is no file {path}.", "Give the path of a CSV file.")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / "data").mkdir(parents=True)
        shutil.copyfile(train, partial / "data" / "train.csv")
        if test is not None:
            shutil.copyfile(test, partial / "data" / "test.csv")
        task = load_task(partial, overrides or TaskOverrides())
        (partial / SETTINGS).write_text(settings_text(task, folder.name), encoding="utf-8")
        (partial / "description.md").write_text(_DESCRIPTION.format(name=folder.name), encoding="utf-8")
        partial.rename(folder)
    except OSError as error:
        raise TaskError(f"{folder} cannot be written: {error.strerror}.", "Choose another folder.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return load_task(folder)


def settings_text(task: Task, name: str) -> str:
    """A ``task.toml`` that says what was inferred, so that it can be read and changed."""
    import json

    def quoted(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    target: object = task.targets[0] if len(task.targets) == 1 else list(task.targets)
    lines = [
        "# Every key is optional; see docs/tasks.md.",
        f"name = {quoted(name)}",
        f"target = {quoted(target)}",
        f"kind = {quoted(task.kind.value)}  # binary, multiclass, multilabel, regression",
        f"metric = {quoted(task.metric)}",
    ]
    lines.append(f"id = {quoted(task.id)}" if task.id else '# id = "column"')
    if task.split.kind in (SplitKind.GROUP, SplitKind.TIME):
        lines += [
            f"split = {quoted(task.split.kind.value)}",
            f"{task.split.kind.value} = {quoted(task.split.column)}",
        ]
    else:
        lines.append('# split = "time"; time = "column"     # validate on the latest rows')
        lines.append('# split = "group"; group = "column"   # keep the rows of a group together')
    return "\n".join(lines) + "\n"


_DESCRIPTION = """# {name}

What is a row, where do the data come from, what is the prediction for? The model reads this.
"""
