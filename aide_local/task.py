"""What a prediction task is: an immutable value, read from files by :mod:`aide_local.tasks`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What is predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"  # several target columns of 0/1
    REGRESSION = "regression"  # one or several numeric target columns


class Predict(StrEnum):
    """What a submission's cells hold."""

    VALUE = "value"  # regression
    PROBABILITY = "probability"  # of the positive class, or one column per class or label
    LABEL = "label"  # a class, spelled as in the training file


class Direction(StrEnum):
    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"

    @property
    def sign(self) -> int:
        """+1 where higher is better, else -1: ``sign * score`` is always to be maximised."""
        return 1 if self is Direction.MAXIMIZE else -1


class SplitKind(StrEnum):
    RANDOM = "random"
    STRATIFIED = "stratified"
    GROUP = "group"
    TIME = "time"


class Mode(StrEnum):
    """How a node gets its number (design, contract 1)."""

    FOLDS = "folds"  # the harness cuts folds and scores predictions
    COMMAND = "command"  # a grader command of the task scores what the script left behind
    REPORTED = "reported"  # the script prints its validation score; the model reviews the output


class ColumnKind(StrEnum):
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class Column:
    """One feature column, as seen in the training rows."""

    name: str
    kind: ColumnKind
    missing: float = 0.0  # share of rows in [0, 1]
    unique: int = 0
    low: str = ""  # smallest value as text (numeric, datetime)
    high: str = ""  # largest value as text
    examples: tuple[str, ...] = ()  # most frequent values (categorical, text), at most 5
    in_test: bool = True


@dataclass(frozen=True, slots=True)
class SplitRule:
    kind: SplitKind
    column: str | None = None  # the group or the time column


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Everything known of a task before the search starts.

    ``outputs`` are the submission's columns beside the id, in order. For ``Predict.PROBABILITY`` on
    a multi-class task there is one per class, in the order of ``classes``.
    """

    name: str
    root: Path
    mode: Mode = Mode.FOLDS
    description: str = ""
    kind: Kind = Kind.REGRESSION
    train: Path | None = None
    test: Path | None = None  # None: no rows to predict; the run only searches and reports
    sample_submission: Path | None = None
    id: str | None = None  # None: rows have no id; submissions then use "row_id", counted from 0
    targets: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()  # labels as text, sorted; binary: the second is the positive one
    predict: Predict = Predict.VALUE
    outputs: tuple[str, ...] = ()
    metric: str = ""
    direction: Direction = Direction.MINIMIZE
    split: SplitRule = field(default_factory=lambda: SplitRule(SplitKind.RANDOM))
    columns: tuple[Column, ...] = ()  # features only: neither id nor targets
    n_train: int = 0
    n_test: int = 0
    extra: tuple[Path, ...] = ()  # further files and folders shown to candidates read-only
    scorer: Path | None = None  # Python file with score(y_true, y_pred) -> float, run apart
    grader: tuple[str, ...] = ()  # Mode.COMMAND: the command that prints the score
    notes: tuple[str, ...] = ()  # what was inferred and how, one sentence each, for people

    @property
    def id_column(self) -> str:
        """The id column's name in the files that candidates and the person see."""
        return self.id or "row_id"

    @property
    def target(self) -> str:
        return self.targets[0]
