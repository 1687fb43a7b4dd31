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
from aide_local.tasks.files import Given
from aide_local.tasks.infer import Target, infer, task_of
from aide_local.tasks.problems import Problems


def without_folds(given: Given, problems: Problems) -> Task | None:
    """Raises GaveUp where the target of the tables cannot be used."""
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
    train = reading.read(given.train, problems) if given.train is not None else None
    test = reading.read(given.test, problems) if given.test is not None else None
    if problems.errors or given.metric is None or direction is None:
        return None
    found = _target(given, train, test, problems)
    shown = train.columns.items() if train is not None else ()
    return replace(
        task_of(given, found, train, test),
        metric=given.metric,
        direction=Direction(direction),
        columns=tuple(
            columns.describe(name, values, in_test=test is None or name in test.columns)
            for name, values in shown
            if name not in (found.id, *found.targets)
        ),
        grader=given.grader,
    )


def _known_direction(metric: str | None) -> str | None:
    """What is better by a metric of ours."""
    try:
        return metrics.get(metric).direction.value if metric else None
    except TaskError:  # a name of the task's own
        return None


def _target(given: Given, train: Table | None, test: Table | None, problems: Problems) -> Target:
    """As for a task with folds where a target is named; the metric may be one that only the grader knows."""
    if train is None or not given.target:
        return Target(given.id, given.target, given.kind or Kind.REGRESSION)
    ours = given.metric if _known_direction(given.metric) is not None else None
    found = infer(replace(given, metric=ours, direction=None), train, test, problems)
    found.notes = [note for note in found.notes if not note.startswith("The metric is")]
    return found
