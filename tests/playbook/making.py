"""Small tasks with everything that makes a script fail: gaps, unseen levels, dates, text, columns that say nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from aide_local import metrics
from aide_local.task import Column, ColumnKind, Kind, Predict, SplitKind, SplitRule, Task

_KINDS = {
    "size": ColumnKind.NUMERIC,
    "price [€]": ColumnKind.NUMERIC,
    "same": ColumnKind.NUMERIC,
    "empty": ColumnKind.NUMERIC,
    "year": ColumnKind.NUMERIC,
    "code": ColumnKind.CATEGORICAL,
    "street": ColumnKind.CATEGORICAL,
    "new": ColumnKind.BOOLEAN,
    "when": ColumnKind.DATETIME,
    "note": ColumnKind.TEXT,
    "owner": ColumnKind.CATEGORICAL,
}
_WORDS = ("old", "roof", "garden", "near", "the", "sea", "quiet", "a", "flat", "sold")


def make_task(
    folder: Path,
    kind: Kind,
    metric: str,
    *,
    rows: int = 90,
    targets: tuple[str, ...] = ("value",),
    classes: tuple[str, ...] = (),
    split: SplitRule | None = None,
    without: frozenset[ColumnKind] = frozenset(),
) -> Task:
    """Write the files of a task whose target follows ``size`` and ``code``; 12 further rows are to be predicted."""
    rng = np.random.default_rng(5)
    total = rows + 12
    size = rng.normal(size=total)
    code = rng.integers(0, 4, total)
    signal = size + 0.5 * code + 0.2 * rng.normal(size=total)
    cells: dict[str, list[object]] = {
        "key": list(range(total)),
        "size": ["" if at % 7 == 3 else f"{value:.4f}" for at, value in enumerate(size)],
        "price [€]": [f"{value:.2f}" for value in rng.lognormal(3, 1, total)],
        "same": [1] * total,
        "empty": [""] * total,
        "year": [2000 + at // 9 for at in range(total)],
        "code": ["" if at % 11 == 5 else f"0{value}" for at, value in enumerate(code)],
        "street": [f"street {at}" for at in range(total)],  # no level of the test rows is known
        "new": [("true", "false")[at % 2] for at in range(total)],
        "when": [
            "" if at % 13 == 7 else f"2024-{1 + at // 28:02d}-{1 + at % 28:02d} 08:30" for at in range(total)
        ],
        "note": ["" if at % 9 == 4 else " ".join(rng.choice(_WORDS, 6)) for at in range(total)],
        "owner": [f"owner {at % 9}" for at in range(total)],
    }
    if split is not None and split.kind is SplitKind.TIME:
        cells["when"] = [f"2024-{1 + at // 28:02d}-{1 + at % 28:02d}" for at in range(total)]
    kinds = {name: one for name, one in _KINDS.items() if one not in without}
    cells = {name: values for name, values in cells.items() if name == "key" or name in kinds}
    cells |= _targets(kind, targets, classes, signal)
    for name, rows_of in (("train", slice(0, rows)), ("test", slice(rows, total))):
        shown = {
            key: values[rows_of] for key, values in cells.items() if name == "train" or key not in targets
        }
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(shown)
            writer.writerows(zip(*shown.values(), strict=True))
    chosen = metrics.get(metric, kind)
    several = kind is Kind.MULTICLASS and chosen.predict is Predict.PROBABILITY
    return Task(
        name="homes",
        root=folder,
        kind=kind,
        train=folder / "train.csv",
        test=folder / "test.csv",
        id="key",
        targets=targets,
        classes=classes,
        predict=chosen.predict,
        outputs=tuple(f"p_{name}" for name in classes) if several else targets,
        metric=chosen.name,
        direction=chosen.direction,
        split=split or SplitRule(SplitKind.RANDOM),
        columns=tuple(Column(name, one) for name, one in kinds.items()),
        n_train=rows,
        n_test=12,
    )


def _targets(
    kind: Kind, targets: tuple[str, ...], classes: tuple[str, ...], signal: np.ndarray
) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for at, name in enumerate(targets):
        turned = signal * (-1) ** at
        if kind is Kind.REGRESSION:
            found[name] = [f"{value:.4f}" for value in np.exp(turned)]
        elif kind is Kind.MULTILABEL:
            found[name] = [int(value > at / 2) for value in turned]
        else:
            rank = np.argsort(np.argsort(turned)) / len(turned)
            found[name] = [classes[int(len(classes) * place**2)] for place in rank]  # later classes are rarer
    return found
