"""Load a :class:`aide_local.task.Task` from a path, or report every problem that its files have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aide_local.basics.tables import Table
from aide_local.errors import TaskError
from aide_local.evaluate.prepared import cut
from aide_local.task import ColumnKind, Kind, Mode, SplitKind, SplitRule, Task
from aide_local.tasks import columns, reading
from aide_local.tasks.cells import check_ids
from aide_local.tasks.files import TaskOverrides, TaskSpec, find
from aide_local.tasks.infer import Target, infer, list_names, suggest, task_of
from aide_local.tasks.modes import load_without_folds
from aide_local.tasks.problems import CannotGoOn, Problem, Problems
from aide_local.types import RunSettings

NOTHING = TaskOverrides()


@dataclass(frozen=True, slots=True)
class CheckReport:
    """A task and its problems; ``task`` is None if it cannot be run."""

    task: Task | None
    problems: tuple[Problem, ...]


def load_task(path: Path, overrides: TaskOverrides = NOTHING) -> Task:
    """Load the task of a folder or a CSV file.

    Raises:
        TaskError: it cannot be run; the message holds the first problem and the number of the others.
    """
    problems = Problems()
    task = _load(path, overrides, problems)
    if task is None or problems.errors:
        raise problems.as_error()
    return task


def check_task(path: Path, overrides: TaskOverrides = NOTHING) -> CheckReport:
    """Return the task as it was understood, and every problem found."""
    problems = Problems()
    task = _load(path, overrides, problems)
    return CheckReport(None if problems.errors else task, tuple(problems.found))


def _load(path: Path, overrides: TaskOverrides, problems: Problems) -> Task | None:
    try:
        given = find(path, overrides, problems)
        if given.mode is not Mode.FOLDS:
            return load_without_folds(given, problems)
        if given.train is None:
            problems.error(path, "There is no training file.", "Add train.csv, or say `train` in task.toml.")
            return None
        train = reading.read_checked(given.train, problems)
        test = reading.read_checked(given.test, problems) if given.test is not None else None
        if train is None or (given.test is not None and test is None):
            return None
        found = infer(given, train, test, problems)
        task = _task(given, found, train, test, problems)
        if not problems.errors:
            cut(task, train, RunSettings())  # whatever a run would refuse is reported here
        return task
    except CannotGoOn:
        return None
    except TaskError as error:
        problems.error(path, error.message, error.fix)
        return None


def _task(given: TaskSpec, found: Target, train: Table, test: Table | None, problems: Problems) -> Task:
    features = [name for name in train.columns if name not in (found.id, *found.targets)]
    if not features:
        problems.error(
            str(given.train),
            "There is no column to learn from beside the target and the id.",
            "Check --target and --id.",
        )
    _check_test(given, found, features, test, problems)
    if found.id is not None:
        check_ids(found.id, ((given.train, train), (given.test, test)), problems)
    _check_sample(given, found, test, problems)
    described = tuple(
        columns.describe_column(name, train.columns[name], in_test=test is None or name in test.columns)
        for name in features
    )
    constant = [column.name for column in described if column.kind is ColumnKind.CONSTANT]
    if constant:
        problems.warn(
            str(given.train),
            f"These columns hold one value only: {list_names(constant)}.",
            "They are left out.",
        )
    return replace(
        task_of(given, found, train, test),
        metric=found.metric,
        direction=found.direction,
        split=_split(given, found, train, problems),
        columns=described,
        scorer=given.scorer,
    )


def _check_test(
    given: TaskSpec, found: Target, features: Sequence[str], test: Table | None, problems: Problems
) -> None:
    if test is None:
        problems.warn("test.csv", "There are no rows to predict; the run only searches and reports.")
        return
    absent = [name for name in features if name not in test.columns]
    if features and len(absent) == len(features):
        problems.error(
            str(given.test),
            "It has none of the feature columns of the training file.",
            "Check that the files belong together.",
        )
    elif absent:
        problems.warn(
            str(given.test),
            f"It lacks these columns of the training file: {list_names(absent)}.",
            "Scripts cannot use them for prediction.",
        )
    leaked = [name for name in found.targets if name in test.columns]
    if leaked:
        problems.warn(
            str(given.test), f"It holds the target {leaked[0]!r}.", "The column is not shown to scripts."
        )


def _check_sample(given: TaskSpec, found: Target, test: Table | None, problems: Problems) -> None:
    path = given.sample_submission
    if path is None or test is None:
        return
    sample = reading.read_checked(path, problems)
    if sample is None:
        return
    missing = [name for name in found.outputs if name not in sample.columns]
    if missing:
        problems.error(
            f"{path}, line 1",
            f"It has no column {missing[0]!r}, but predictions are {list_names(list(found.outputs))}.",
            "Check --target, --kind and --metric against it, or leave the file out.",
        )
    if found.id is not None and found.id in sample.columns and found.id in test.columns:
        wanted = set(test.columns[found.id].to_pylist())
        given_ids = set(sample.columns[found.id].to_pylist())
        if wanted != given_ids:
            odd = sorted(wanted ^ given_ids)[0]
            side = "test.csv but not in it" if odd in wanted else "it but not in test.csv"
            problems.error(
                str(path),
                f"Its ids are not those of test.csv: {odd!r} is in {side}.",
                "Check that the files belong together.",
            )
    elif sample.rows != test.rows:
        problems.error(
            str(path),
            f"It has {sample.rows:,} rows, test.csv has {test.rows:,}, and there are no ids to match them by.",
            "Check that the files belong together, or leave the file out.",
        )


def _split(given: TaskSpec, found: Target, train: Table, problems: Problems) -> SplitRule:
    column = {SplitKind.GROUP: given.group, SplitKind.TIME: given.time}.get(given.split or SplitKind.RANDOM)
    if column is not None and column not in train.columns:
        problems.error(
            f"--{given.split}",
            f"{given.train} has no column {column!r}.",
            suggest(column, list(train.columns)),
        )
    if given.split is not None:
        return SplitRule(given.split, column)
    classes = found.kind in (Kind.BINARY, Kind.MULTICLASS)
    return SplitRule(SplitKind.STRATIFIED if classes else SplitKind.RANDOM)
