"""Files as people have them, in a line or two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from aide_local.task import Task
from aide_local.tasks.files import TaskOverrides
from aide_local.tasks.load import check_task
from aide_local.tasks.problems import Severity

Cell = Callable[[int], object]

NUMBER: Cell = lambda n: f"{(n * 37) % 101 / 7:.3f}"  # noqa: E731 - a table of columns reads better


def table(path: Path, rows: int = 60, /, **columns: Cell) -> Path:
    """A CSV file; each column is a function of the row's number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(str(make(n)) for make in columns.values()) for n in range(rows)]
    path.write_text("\n".join([",".join(columns), *lines]) + "\n", encoding="utf-8")
    return path


def understood(path: Path, **overrides: object) -> Task:
    """The task, which has no error."""
    report = check_task(path, TaskOverrides(**overrides))  # type: ignore[arg-type]
    assert report.task is not None, [str(problem) for problem in report.problems]
    return report.task


def problems(path: Path, severity: Severity = Severity.ERROR, **overrides: object) -> Sequence[str]:
    """Errors (or warnings) as the person reads them; every one has a place, and every error a fix."""
    found = check_task(path, TaskOverrides(**overrides)).problems  # type: ignore[arg-type]
    for problem in found:
        assert problem.where
        assert problem.fix or problem.severity is Severity.WARNING
    return [str(problem) for problem in found if problem.severity is severity]


def error(path: Path, **overrides: object) -> str:
    """The only error."""
    (only,) = problems(path, Severity.ERROR, **overrides)
    return only


def warnings(path: Path, **overrides: object) -> Sequence[str]:
    return problems(path, Severity.WARNING, **overrides)
