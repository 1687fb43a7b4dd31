"""Make a task folder from CSV files: ``task.toml`` as it was inferred, and a description to fill in."""

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
    """Copy the files into ``folder/data`` and write the settings as they were understood.

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
    """Return a ``task.toml`` that says what was inferred, so that a person can read and change it."""
    import tomli_w

    settings: dict[str, object] = {
        "name": name,
        "target": task.targets[0] if len(task.targets) == 1 else list(task.targets),
        "kind": task.kind.value,
        "metric": task.metric,
    }
    hints = ["# kind: binary, multiclass, multilabel or regression"]
    if task.id:
        settings["id"] = task.id
    else:
        hints.append('# id = "column"')
    if task.split.kind in (SplitKind.GROUP, SplitKind.TIME):
        settings |= {"split": task.split.kind.value, task.split.kind.value: task.split.column}
    else:
        hints.append('# split = "time"; time = "column"     # validate on the latest rows')
        hints.append('# split = "group"; group = "column"   # keep the rows of a group together')
    return (
        "\n".join(
            ["# Every key is optional; see docs/tasks.md.", tomli_w.dumps(settings) + hints[0], *hints[1:]]
        )
        + "\n"
    )


_DESCRIPTION = """# {name}

What is a row, where do the data come from, what is the prediction for? The model reads this.
"""
