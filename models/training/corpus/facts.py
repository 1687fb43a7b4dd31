"""The facts of a task that a recipe depends on. All of them stand in the prompt, so a reply can depend on them, too."""

from __future__ import annotations

from dataclasses import dataclass

from aide_local.task import ColumnKind, Kind, Predict, Task

# The kinds of columns that the prompt counts, in its order.
_KINDS = tuple(kind for kind in ColumnKind if kind is not ColumnKind.CONSTANT)


@dataclass(frozen=True, slots=True)
class Facts:
    """Counts of rows, targets, classes and columns, beside kind and metric."""

    kind: Kind
    predict: Predict
    metric: str
    rows: int
    targets: int
    classes: int
    numeric: int
    categorical: int
    datetime: int
    text: int
    missing: int
    kinds: str  # as the prompt lists them: "5 numeric, 2 categorical, 1 boolean"

    @classmethod
    def of(cls, task: Task) -> Facts:
        """Return the facts of the task."""

        def count(*kinds: ColumnKind) -> int:
            return sum(1 for column in task.columns if column.kind in kinds)

        return cls(
            task.kind,
            task.predict,
            task.metric,
            task.n_train,
            len(task.targets),
            len(task.classes),
            count(ColumnKind.NUMERIC),
            count(ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN),
            count(ColumnKind.DATETIME),
            count(ColumnKind.TEXT),
            sum(1 for column in task.columns if column.missing),
            ", ".join(f"{count(kind)} {kind}" for kind in _KINDS if count(kind)),
        )

    @property
    def regression(self) -> bool:
        return self.kind is Kind.REGRESSION

    @property
    def suffix(self) -> str:
        """The end of the class names of scikit-learn's estimators for this kind of task."""
        return "Regressor" if self.regression else "Classifier"

    @property
    def multi(self) -> bool:
        """Whether there are several target columns."""
        return self.targets > 1

    @property
    def columns(self) -> int:
        return self.numeric + self.categorical + self.datetime + self.text

    @property
    def narrow(self) -> bool:
        """Whether the columns are few, also when coded."""
        return self.columns <= 15 and self.categorical <= 3
