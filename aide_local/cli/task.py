"""``aide-local task``: check a task, or begin one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aide_local.cli.options import takes, task_overrides

if TYPE_CHECKING:
    from aide_local.task import Task

app = typer.Typer(help="Check a task, or begin one.", no_args_is_help=True)


def print_task(task: Task) -> None:
    """Print how a task is understood, a fact a line."""
    from aide_local.tasks.describe import describe_task

    for label, text in describe_task(task):
        print(f"{label:<13}{text}")
    for note in task.notes:
        print(f"{'note':<13}{note}")


@app.command()
@takes(overrides=task_overrides)
def check(
    path: Annotated[Path, typer.Argument(help="A task folder, a Kaggle folder, or a CSV file.")],
    overrides: Any = None,
) -> None:
    """Print how a task is understood, and every problem of its files."""
    from aide_local.tasks.load import check_task

    report = check_task(path, overrides)
    if report.task is not None:
        print_task(report.task)
    for problem in report.problems:
        print(problem)
    if report.task is None:
        raise typer.Exit(2)
    print("ok" if not report.problems else "ok, with warnings")


@app.command()
@takes(overrides=task_overrides)
def new(
    folder: Annotated[Path, typer.Argument(help="The task folder to make.")],
    train: Annotated[Path, typer.Option(help="CSV file with the target.")],
    test: Annotated[Path | None, typer.Option(help="CSV file without it.", show_default=False)] = None,
    overrides: Any = None,
) -> None:
    """Begin a task folder from CSV files: task.toml with what was inferred, and a description to fill in."""
    from aide_local.tasks.new import new_task

    print_task(new_task(folder, train, test, overrides))
    print(f"written: {folder}/task.toml, description.md, data/")
