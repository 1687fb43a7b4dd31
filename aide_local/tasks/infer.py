"""Infer what is to be predicted, and how, from the files if the person did not say it.

Every inference leaves a note, so that a person can see it and contradict it.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.compute as pc

from aide_local import metrics
from aide_local.basics.tables import Table, header
from aide_local.errors import TaskError
from aide_local.task import Direction, Kind, Predict, Task
from aide_local.tasks.cells import check_classes, check_targets, warn_of_lost_id
from aide_local.tasks.columns import to_numbers
from aide_local.tasks.files import TaskSpec
from aide_local.tasks.further import Visible, choose_visible, note_of
from aide_local.tasks.problems import CannotGoOn, Problems

_ID_NAMES = re.compile(r"^(row_?id|id|index|key|.*_?id)$", re.IGNORECASE)
_FEW_CLASSES = 20  # integers with at most so many values, each often, are classes
_METRIC_HINTS = (
    ("mean column-wise roc auc", "mean_columnwise_auc"), ("column-wise roc auc", "mean_columnwise_auc"),
    ("mean columnwise root mean squared", "mcrmse"), ("mcrmse", "mcrmse"),
    ("quadratic weighted kappa", "qwk"), ("root mean squared logarithmic", "rmsle"), ("rmsle", "rmsle"),
    ("root mean squared error", "rmse"), ("root mean square error", "rmse"), ("rmse", "rmse"),
    ("mean absolute percentage error", "mape"), ("mean absolute error", "mae"), ("matthews correlation", "mcc"),
    ("area under the roc", "auc"), ("roc auc", "auc"), ("roc-auc", "auc"), ("auc-roc", "auc"), ("auroc", "auc"),
    ("balanced accuracy", "balanced_accuracy"), ("macro f1", "macro_f1"), ("macro-f1", "macro_f1"),
    ("f1 score", "f1"), ("f1-score", "f1"), ("log loss", "logloss"), ("logloss", "logloss"), ("log-loss", "logloss"),
    ("cross-entropy", "logloss"), ("categorization accuracy", "accuracy"), ("classification accuracy", "accuracy"),
)  # fmt: skip


@dataclass(slots=True)
class Target:
    """The target with what belongs to it; see :class:`aide_local.task.Task` for the fields."""

    id: str | None
    targets: tuple[str, ...]
    kind: Kind
    classes: tuple[str, ...] = ()
    predict: Predict = Predict.VALUE
    outputs: tuple[str, ...] = ()
    metric: str = ""
    direction: Direction = Direction.MINIMIZE
    notes: list[str] = field(default_factory=list)


def task_of(given: TaskSpec, found: Target, train: Table | None, test: Table | None) -> Task:
    """Return the task as both say it, still without columns, metric and what belongs to the mode."""
    further = _further(given, found, train)
    return Task(
        name=given.name,
        root=given.root,
        mode=given.mode,
        description=given.description,
        kind=found.kind,
        train=given.train,
        test=given.test,
        sample_submission=given.sample_submission,
        id=found.id,
        targets=found.targets,
        classes=found.classes,
        predict=found.predict,
        outputs=found.outputs,
        n_train=train.rows if train is not None else 0,
        n_test=test.rows if test is not None else 0,
        extra=(*given.extra, *further.paths),
        notes=(*given.notes, *found.notes, *further.notes),
    )


def _further(given: TaskSpec, found: Target, train: Table | None) -> Visible:
    """Choose the further files. Without a training table nothing is known to be a label: scripts see them all."""
    if train is None:
        return Visible(given.beside, note_of(given.beside))
    return choose_visible(given.beside, (*found.targets, *found.outputs), train.columns)


def infer(given: TaskSpec, train: Table, test: Table | None, problems: Problems) -> Target:
    """Infer the target. Raises CannotGoOn after a problem that hides all others."""
    sample = header(given.sample_submission) if given.sample_submission is not None else []
    identity = _id(given, train, test, sample, problems)
    targets, class_columns = _targets(given, train, test, sample, identity, problems)
    check_targets(_path(given), train, targets, problems)
    found = Target(identity, targets, _kind(given, train, targets, class_columns))
    if identity is None:
        warn_of_lost_id(_path(given), train, problems)
    found.notes += _notes_of(given, found, class_columns)
    if found.kind in (Kind.BINARY, Kind.MULTICLASS):
        found.classes = _classes(train, found, class_columns, problems, given)
        if found.kind is Kind.BINARY:
            found.notes.append(f"The positive class is {found.classes[1]!r}: the second in order.")
    _metric(given, found, sample, class_columns, problems)
    _outputs(found, sample, class_columns)
    return found


def _id(
    given: TaskSpec, train: Table, test: Table | None, sample: list[str], problems: Problems
) -> str | None:
    names = list(train.columns)
    if given.id is not None:
        if given.id not in train.columns:
            problems.error("id", f"{given.train} has no column {given.id!r}.", suggest(given.id, names))
            raise CannotGoOn
        return given.id
    if sample:
        first = sample[0]
        if test is None or first in test.columns:
            return first if first in train.columns else None
    for name in names:
        if _ID_NAMES.match(name) and name not in given.target and (test is None or name in test.columns):
            values = train.columns[name]
            if pc.count_distinct(values).as_py() == train.rows:
                return name
    return None


def _targets(
    given: TaskSpec,
    train: Table,
    test: Table | None,
    sample: list[str],
    identity: str | None,
    problems: Problems,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the target columns, and the submission's columns if they are one for each class."""
    names = list(train.columns)
    submitted = tuple(name for name in sample if name != (identity or sample[0])) if sample else ()
    if given.target:
        for name in given.target:
            if name not in train.columns:
                problems.error("target", f"{given.train} has no column {name!r}.", suggest(name, names))
                raise CannotGoOn
        targets = given.target
    elif submitted and all(name in train.columns for name in submitted):
        targets = submitted
    else:
        absent = [
            name for name in names if test is not None and name not in test.columns and name != identity
        ]
        if len(absent) == 1:
            targets = (absent[0],)
        elif test is None or not absent:
            problems.error(
                "target",
                "Which column is to be predicted is not clear from the files.",
                f"Say --target COLUMN; the columns are {list_names(names)}.",
            )
            raise CannotGoOn
        else:
            problems.error(
                "target",
                f"Several columns of train.csv are not in test.csv: {list_names(absent)}.",
                "Say --target COLUMN (once for each, if several are to be predicted).",
            )
            raise CannotGoOn
    if len(targets) == 1 and len(submitted) > 1 and targets[0] not in submitted:
        return targets, submitted
    return targets, ()


def _kind(given: TaskSpec, train: Table, targets: tuple[str, ...], class_columns: tuple[str, ...]) -> Kind:
    if given.kind is not None:
        return given.kind
    numbers = [to_numbers(train.columns[name]) for name in targets]
    if len(targets) > 1:
        zero_one = all(
            found is not None and set(pc.unique(found).to_pylist()) <= {0.0, 1.0} for found in numbers
        )
        return Kind.MULTILABEL if zero_one else Kind.REGRESSION
    distinct = pc.count_distinct(train.columns[targets[0]]).as_py()
    if class_columns:
        return Kind.BINARY if distinct == 2 else Kind.MULTICLASS
    hinted = _hinted(given)
    if hinted is not None and Kind.REGRESSION not in hinted.kinds:
        return Kind.BINARY if distinct == 2 else Kind.MULTICLASS
    if hinted is not None and hinted.kinds <= {Kind.REGRESSION}:
        return Kind.REGRESSION
    if distinct == 2:
        return Kind.BINARY
    if numbers[0] is None:
        return Kind.MULTICLASS
    whole = pc.all(pc.equal(numbers[0], pc.floor(numbers[0]))).as_py()
    if whole and distinct <= _FEW_CLASSES and distinct * 20 <= train.rows:
        return Kind.MULTICLASS
    return Kind.REGRESSION


def _hinted(given: TaskSpec) -> metrics.Metric | None:
    """Return the metric that the person or the description names."""
    name = given.metric or _metric_of(given.description)
    if name is None or given.scorer is not None:
        return None
    try:
        return metrics.get(name)
    except TaskError:
        return None  # reported with its fix when the metric is looked up for the kind


def _metric_of(description: str) -> str | None:
    """Return the name of the first metric that a description speaks of, if any."""
    text = " ".join(description.lower().split())
    found = [(text.find(words), name) for words, name in _METRIC_HINTS if words in text]
    return min(found)[1] if found else None


def _notes_of(given: TaskSpec, found: Target, class_columns: tuple[str, ...]) -> list[str]:
    notes = []
    if not given.target:
        where = "class columns of the sample submission" if class_columns else "files"
        notes.append(f"The target is {list_names(list(found.targets))}: read from the {where}.")
    if given.id is None:
        notes.append(
            f"Rows are identified by {found.id!r}."
            if found.id
            else "Training rows have no id; the submission has those of the sample submission."
            if given.sample_submission
            else "Rows have no id; submissions count them from 0."
        )
    if given.kind is None:
        notes.append(f"The task is {found.kind.value}: read from the target's values.")
    return notes


def _classes(
    train: Table, found: Target, class_columns: tuple[str, ...], problems: Problems, given: TaskSpec
) -> tuple[str, ...]:
    values = [str(value) for value in pc.unique(train.columns[found.targets[0]]).to_pylist()]
    try:
        ordered = sorted(values, key=float)
    except ValueError:
        ordered = sorted(values)
    if found.kind is Kind.BINARY and len(ordered) != 2:
        problems.error(
            f"{given.train}, column {found.targets[0]!r}",
            f"A binary target has 2 values; this one has {len(ordered)}: {list_names(ordered)}.",
            "Say --kind multiclass, or fix the column.",
        )
        raise CannotGoOn
    if len(ordered) > 1000:
        problems.error(
            f"{given.train}, column {found.targets[0]!r}",
            f"The target has {len(ordered):,} different values: that many classes cannot be told apart.",
            "Say --kind regression if it is a number.",
        )
        raise CannotGoOn
    check_classes(_path(given), train, found.targets[0], ordered, problems)
    matched = _in_order_of(class_columns, ordered)
    if matched is None and len(class_columns) == len(ordered):
        pairs = ", ".join(
            f"{column!r} for {one!r}" for column, one in zip(class_columns, ordered, strict=True)
        )
        problems.warn(
            f"{given.sample_submission}, line 1",
            f"Which column is which class is not clear from their names; taken in order: {pairs}.",
            "If that is wrong, name the columns after the classes.",
        )
    return tuple(matched or ordered)


def _path(given: TaskSpec) -> Path:
    assert given.train is not None, "there are rows"
    return given.train


def _in_order_of(columns: tuple[str, ...], classes: list[str]) -> list[str] | None:
    """Return the classes in the order of the submission's columns, which may be named ``Class_1`` for ``1``."""
    if len(columns) != len(classes):
        return None
    if set(columns) == set(classes):
        return list(columns)
    by_ending: list[str] = []
    for column in columns:
        ends = [one for one in classes if re.search(rf"(^|[^0-9A-Za-z]){re.escape(one)}$", column)]
        if len(ends) != 1:
            return None
        by_ending.append(ends[0])
    return by_ending if len(set(by_ending)) == len(classes) else None


def _metric(
    given: TaskSpec, found: Target, sample: list[str], class_columns: tuple[str, ...], problems: Problems
) -> None:
    predict = _predict_of_sample(given, found, sample, class_columns)
    if given.scorer is not None:
        _own_scorer(given, found, predict, problems)
        return
    name = given.metric
    if name is None:
        name = _metric_of(given.description)
        if name is not None:
            found.notes.append(f"The metric is {name}: the description names it.")
    if name is None:
        name = metrics.default_for(found.kind, predict, len(found.targets))
        found.notes.append(f"The metric is {name}: the usual one for the kind.")
    try:
        metric = metrics.get(name, found.kind)
    except TaskError as error:
        problems.error("metric", error.message, error.fix)
        raise CannotGoOn from error
    found.metric, found.direction, found.predict = metric.name, metric.direction, metric.predict
    if given.direction and given.direction != metric.direction.value:
        problems.error(
            "direction",
            f"{metric.name} is to be {metric.direction.value}d; task.toml says {given.direction!r}.",
            "Leave `direction` out: it is only for a scorer of your own.",
        )


def _own_scorer(given: TaskSpec, found: Target, predict: Predict | None, problems: Problems) -> None:
    found.metric = given.metric or "score"
    try:
        found.direction = Direction((given.direction or "").lower())
    except ValueError:
        problems.error(
            "direction",
            "With a scorer of its own a task must say what is better.",
            'Say direction = "minimize" or "maximize".',
        )
        raise CannotGoOn from None
    usual = Predict.VALUE if found.kind is Kind.REGRESSION else Predict.PROBABILITY
    found.predict = predict or usual


def _predict_of_sample(
    given: TaskSpec, found: Target, sample: list[str], class_columns: tuple[str, ...]
) -> Predict | None:
    """Return what the sample submission's cells look like; None if they do not say it."""
    if found.kind is Kind.REGRESSION:
        return Predict.VALUE
    if class_columns:
        return Predict.PROBABILITY
    if given.sample_submission is None:
        return None
    from aide_local.basics.tables import read_table

    try:
        values = read_table(given.sample_submission).columns.get(found.targets[0])
    except TaskError:
        return None  # reported when the sample submission is checked
    if values is None:
        return None
    cells = {str(value) for value in pc.unique(values).to_pylist()}
    numbers = to_numbers(values)
    if numbers is not None and not cells <= set(found.classes):
        return Predict.PROBABILITY
    return Predict.LABEL if cells <= set(found.classes) and cells != {"0"} else None


def _outputs(found: Target, sample: list[str], class_columns: tuple[str, ...]) -> None:
    """Set the submission's columns beside the id."""
    if found.kind is Kind.MULTICLASS and found.predict is Predict.PROBABILITY:
        found.outputs = class_columns if len(class_columns) == len(found.classes) else found.classes
    elif found.kind is Kind.BINARY and found.predict is Predict.PROBABILITY and len(class_columns) == 2:
        found.outputs = class_columns
    else:
        found.outputs = found.targets


def suggest(name: str, names: list[str]) -> str:
    """Return what to do about an unknown column: the one that was probably meant, and all that there are."""
    near = difflib.get_close_matches(name, names, 1, 0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}The columns are {list_names(names)}."


def list_names(names: list[str], most: int = 12) -> str:
    """Return the names in a sentence, the first ``most`` of them."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
