"""Tasks without folds: a command of their own grades them, or their scripts report their score.

Nothing is cut, so little is needed: a metric's name and what is better. Where there are tables they are
described all the same, so that the model and ``input/task.json`` know the columns.
"""

from __future__ import annotations

from dataclasses import replace

from aide_local import metrics
from aide_local.basics.tables import Table
from aide_local.errors import TaskError
from aide_local.task import Direction, Kind, Mode, Task
from aide_local.tasks import columns, reading
from aide_local.tasks.files import TaskSpec
from aide_local.tasks.infer import Target, infer, task_of
from aide_local.tasks.problems import Problems


def load_without_folds(given: TaskSpec, problems: Problems) -> Task | None:
    """Load a task without folds. Raises CannotGoOn if the target of its tables cannot be used."""
    if given.mode is Mode.COMMAND and not given.grader:
        problems.error(
            "task.toml", "A task of mode `command` names its grader.", 'Say grader = ["python", "grade.py"].'
        )
    if not given.metric:
        problems.error(
            "task.toml", "A task of this mode names its metric.", 'Say metric = "seconds", for example.'
        )
    direction = given.direction or _known_direction(given.metric)
    if direction not in ("minimize", "maximize"):
        problems.error(
            "task.toml",
            "A task of this mode says what is better.",
            'Say direction = "minimize" or "maximize".',
        )
    train = reading.read_checked(given.train, problems) if given.train is not None else None
    test = reading.read_checked(given.test, problems) if given.test is not None else None
    if problems.errors or given.metric is None or direction is None:
        return None
    found = _target(given, train, test, problems)
    tables = train.columns.items() if train is not None else ()
    return replace(
        task_of(given, found, train, test),
        metric=given.metric,
        direction=Direction(direction),
        columns=tuple(
            columns.describe_column(name, values, in_test=test is None or name in test.columns)
            for name, values in tables
            if name not in (found.id, *found.targets)
        ),
        grader=given.grader,
    )


def _known_direction(metric: str | None) -> str | None:
    """Return the direction of a metric of ours, by its name; None for a task's own metric."""
    try:
        return metrics.get(metric).direction.value if metric else None
    except TaskError:  # a name of the task's own
        return None


def _target(given: TaskSpec, train: Table | None, test: Table | None, problems: Problems) -> Target:
    """Infer the target as for a task with folds, if one is named; the metric may be one that only the grader knows."""
    if train is None or not given.target:
        return Target(given.id, given.target, given.kind or Kind.REGRESSION)
    ours = given.metric if _known_direction(given.metric) is not None else None
    found = infer(replace(given, metric=ours, direction=None), train, test, problems)
    found.notes = [note for note in found.notes if not note.startswith("The metric is")]
    return found
