"""When a script of the playbook fits a task: the language of its ``fits`` line.

Clauses are separated by ``;`` and must all hold:

- ``any``: always;
- ``kind binary multiclass``, ``predict label``, ``metric rmse rmsle``: the task's is one of these;
- ``rows 50..2000``, ``columns ..300``, ``classes ..20``, ``targets 1``: the number is in the range, ends included;
- ``has text``, ``no categories``, ``has group/time``: of numbers, categories, dates, text, missing, group, time;
  a slash stands between parts of which one is enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aide_local.errors import SettingsError
from aide_local.task import ColumnKind, Kind, Predict, SplitKind, Task

_RANGE = re.compile(r"^(\d*)\.\.(\d*)$|^(\d+)$")

_CHOICES: dict[str, Callable[[Task], str]] = {
    "kind": lambda task: task.kind.value,
    "predict": lambda task: task.predict.value,
    "metric": lambda task: task.metric,
}
_COUNTS: dict[str, Callable[[Task], int]] = {
    "rows": lambda task: task.n_train,
    "columns": lambda task: sum(column.in_test for column in task.columns),
    "classes": lambda task: len(task.classes),
    "targets": lambda task: len(task.targets),
}
_ALLOWED = {"kind": frozenset(Kind), "predict": frozenset(Predict)}


def _of_kind(*kinds: ColumnKind) -> Callable[[Task], bool]:
    return lambda task: any(column.kind in kinds and column.in_test for column in task.columns)


_PARTS: dict[str, Callable[[Task], bool]] = {
    "numbers": _of_kind(ColumnKind.NUMERIC),
    "categories": _of_kind(ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN),
    "dates": _of_kind(ColumnKind.DATETIME),
    "text": _of_kind(ColumnKind.TEXT),
    "missing": lambda task: any(column.missing > 0 and column.in_test for column in task.columns),
    "group": lambda task: task.split.kind is SplitKind.GROUP,
    "time": lambda task: task.split.kind is SplitKind.TIME,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One clause: ``word`` and what follows it."""

    word: str
    values: tuple[str, ...]

    def holds(self, task: Task) -> bool:
        if self.word in _CHOICES:
            return _CHOICES[self.word](task) in self.values
        if self.word in _COUNTS:
            low, high = _bounds(self.values[0])
            return low <= _COUNTS[self.word](task) <= high
        there = (any(_PARTS[part](task) for part in value.split("/")) for value in self.values)
        return all(one is (self.word == "has") for one in there)


def parse_conditions(text: str, path: Path) -> tuple[Condition, ...]:
    """Read a ``fits`` line.

    Raises:
        SettingsError: a clause is not understood; ``path`` is named.
    """
    found = []
    for clause in text.split(";"):
        word, *values = clause.split() or ["any"]
        if word == "any" and not values:
            continue
        condition = Condition(word, tuple(values))
        if not _is_understood(condition):
            raise SettingsError(
                f"The header of the playbook's script {path} says `fits: {text}`; `{clause.strip()}` is not understood.",
                "Clauses are like `kind binary multiclass`, `rows 50..2000`, `has text`, `no group`, with ; between them.",
            )
        found.append(condition)
    return tuple(found)


def _is_understood(condition: Condition) -> bool:
    word, values = condition.word, condition.values
    if not values:
        return False
    if word in _CHOICES:
        return word not in _ALLOWED or set(values) <= _ALLOWED[word]
    if word in _COUNTS:
        return len(values) == 1 and _RANGE.match(values[0]) is not None and values[0] != ".."
    return word in ("has", "no") and {part for value in values for part in value.split("/")} <= set(_PARTS)


def _bounds(text: str) -> tuple[float, float]:
    low, _, high = text.partition("..") if ".." in text else (text, "", text)
    return float(low or 0), float(high or "inf")
