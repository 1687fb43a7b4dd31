"""``aide-local task check`` and ``task new``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aide_local.task import Task

app = typer.Typer(help="Check a task, or begin one.", no_args_is_help=True)

Target = Annotated[list[str] | None, typer.Option(help="Target column; once for each.", show_default=False)]
Metric = Annotated[str | None, typer.Option(help="Metric, such as rmse or auc.", show_default=False)]
Id = Annotated[str | None, typer.Option("--id", help="Column that names the rows.", show_default=False)]
Kind = Annotated[
    str | None, typer.Option(help="binary, multiclass, multilabel or regression.", show_default=False)
]
Split = Annotated[str | None, typer.Option(help="random, stratified, group or time.", show_default=False)]
Group = Annotated[str | None, typer.Option(help="Column whose rows stay together.", show_default=False)]
Time = Annotated[str | None, typer.Option(help="Column of the time.", show_default=False)]


def print_task(task: Task) -> None:
    """Print what was understood of a task."""
    from aide_local.tasks.describe import describe

    for label, text in describe(task):
        print(f"{label:<13}{text}")
    for note in task.notes:
        print(f"{'note':<13}{note}")


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A task folder, a Kaggle folder, or a CSV file.")],
    target: Target = None,
    metric: Metric = None,
    id_: Id = None,
    kind: Kind = None,
    split: Split = None,
    group: Group = None,
    time: Time = None,
) -> None:
    """Say what is understood of a task, and every problem that its files have."""
    from aide_local.tasks.files import TaskOverrides
    from aide_local.tasks.load import check_task

    overrides = TaskOverrides(
        target=tuple(target) if target else None,
        metric=metric,
        id=id_,
        kind=kind,
        split=split,
        group=group,
        time=time,
    )
    report = check_task(path, overrides)
    if report.task is not None:
        print_task(report.task)
    for problem in report.problems:
        print(problem)
    if report.task is None:
        raise typer.Exit(2)
    print("ok" if not report.problems else "ok, with warnings")


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="The task folder to make.")],
    train: Annotated[Path, typer.Option(help="CSV file with the target.")],
    test: Annotated[Path | None, typer.Option(help="CSV file without it.", show_default=False)] = None,
    target: Target = None,
    metric: Metric = None,
    id_: Id = None,
    kind: Kind = None,
    split: Split = None,
    group: Group = None,
    time: Time = None,
) -> None:
    """Begin a task folder from CSV files: task.toml with what was inferred, and a description to fill in."""
    from aide_local.tasks.files import TaskOverrides
    from aide_local.tasks.new import new_task

    overrides = TaskOverrides(
        target=tuple(target) if target else None,
        metric=metric,
        id=id_,
        kind=kind,
        split=split,
        group=group,
        time=time,
    )
    print_task(new_task(folder, train, test, overrides))
    print(f"written: {folder}/task.toml, description.md, data/")
