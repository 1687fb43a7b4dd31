"""The data overview of a task: one line a column, so that a wide table does not eat the context."""

from __future__ import annotations

from collections import Counter

from aide_local.task import Column, ColumnKind, Task


def describe_column(column: Column) -> str:
    """``age numeric 18..90 missing 2%`` or ``city categorical 12: Rome, Oslo, …``."""
    parts = [column.name, str(column.kind)]
    if column.kind in (ColumnKind.NUMERIC, ColumnKind.DATETIME) and column.low:
        parts.append(f"{column.low}..{column.high}")
    elif column.kind in (ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN):
        shown = ", ".join(_short(value) for value in column.examples[:3])
        more = ", …" if column.unique > 3 else ""
        parts.append(f"{column.unique}: {shown}{more}")
    elif column.kind is ColumnKind.TEXT and column.examples:
        parts.append(f"such as {_short(column.examples[0], 40)!r}")
    if column.missing > 0:
        parts.append(f"missing {max(1, round(100 * column.missing))}%")
    if not column.in_test:
        parts.append("not in test.csv")
    return " ".join(parts)


def _short(value: str, width: int = 20) -> str:
    flat = " ".join(value.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def describe_columns(task: Task, most: int) -> str:
    """At most ``most`` columns line by line, the rest counted by kind."""
    lines = [describe_column(column) for column in task.columns[:most]]
    rest = task.columns[most:]
    if rest:
        counts = Counter(str(column.kind) for column in rest)
        kinds = ", ".join(f"{n} {kind}" for kind, n in counts.most_common())
        lines.append(f"and {len(rest)} more: {kinds}")
    return "\n".join(lines)
