"""Describe a task, as it was understood, in words for people."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from aide_local.task import Direction, Mode, SplitKind, Task


def describe_task(task: Task) -> list[tuple[str, str]]:
    """Return (label, text), in the order in which a person would ask."""
    better = "higher" if task.direction is Direction.MAXIMIZE else "lower"
    rows = [("task", task.name)]
    if task.mode is not Mode.FOLDS:
        rows += [("mode", task.mode.value), ("metric", f"{task.metric}, {better} is better")]
        if task.grader:
            rows.append(("grader", " ".join(task.grader)))
        if task.targets:
            rows.append(("target", ", ".join(task.targets)))
        if task.columns:
            rows += _of_tables(task)
        rows.append(("visible", ", ".join(path.name for path in _visible(task)) or "nothing but task.json"))
        return rows
    rows.append(("kind", task.kind.value))
    rows.append(("target", ", ".join(task.targets)))
    if task.classes:
        shown = ", ".join(task.classes[:10]) + (", …" if len(task.classes) > 10 else "")
        rows.append(("classes", f"{len(task.classes)}: {shown}"))
    rows.append(("metric", f"{task.metric}, {better} is better"))
    outputs = ", ".join(task.outputs[:8]) + (", …" if len(task.outputs) > 8 else "")
    rows.append(("predict", f"{task.predict.value} in {outputs}"))
    rows.append(("id", task.id or "none in the training file"))
    rows += _of_tables(task)
    by = f" by {task.split.column}" if task.split.kind in (SplitKind.GROUP, SplitKind.TIME) else ""
    rows.append(("split", f"{task.split.kind.value}{by}"))
    if task.extra:
        rows.append(("also visible", ", ".join(path.name for path in task.extra[:8])))
    return rows


def _of_tables(task: Task) -> list[tuple[str, str]]:
    rows = [("rows", f"{task.n_train:,} train, {task.n_test:,} test")]
    kinds = Counter(column.kind.value for column in task.columns)
    rows.append(("columns", ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "none"))
    gaps = [column for column in task.columns if column.missing]
    if gaps:
        worst = max(gaps, key=lambda column: column.missing)
        rows.append(("missing", f"{len(gaps)} columns; most in {worst.name} ({100 * worst.missing:.1f}%)"))
    return rows


def _visible(task: Task) -> tuple[Path, ...]:
    tables = (task.train, task.test, task.sample_submission)
    return tuple(path for path in (*tables, *task.extra[:8]) if path is not None)
