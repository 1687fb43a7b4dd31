"""Small made-up data sets in the candidate contract, with a known signal: to execute scripts on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from aide_local.task import ColumnKind, Kind, Predict, Task

_WORDS = [
    "late",
    "early",
    "broken",
    "fine",
    "slow",
    "quick",
    "refund",
    "delivery",
    "great",
    "poor",
    "battery",
    "screen",
    "price",
    "support",
    "order",
    "missing",
    "wrong",
    "happy",
    "again",
    "never",
    "box",
    "paint",
    "cold",
    "warm",
    "loud",
    "quiet",
]


def write_input(task: Task, folder: Path, seed: int, rows: int, test_rows: int) -> np.ndarray:
    """Write task.json, train.csv, test.csv, sample_submission.csv; returns the truth of the test rows.

    The truth is (test_rows, targets): class indices, or values.
    """
    rng = np.random.default_rng(seed)
    total = rows + test_rows
    frame, signals = _columns(task, rng, total)
    truth = np.column_stack([_target(task, rng, signals, total) for _ in task.targets])
    _punch_holes(task, rng, frame)
    return write_files(task, frame, truth, folder, rows, rng)


def write_files(
    task: Task, frame: pd.DataFrame, truth: np.ndarray, folder: Path, rows: int, rng: np.random.Generator
) -> np.ndarray:
    """The files of the contract from features and truth of all rows; the first ``rows`` are for training.

    Returns the truth of the test rows.
    """
    key = task.id_column
    frame.insert(0, key, [f"r{n:06d}" for n in rng.permutation(len(frame))])
    shown = pd.DataFrame(
        {
            name: np.array(task.classes)[truth[:, n].astype(int)] if task.classes else truth[:, n]
            for n, name in enumerate(task.targets)
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    train = pd.concat([frame[:rows], shown[:rows]], axis=1)
    train.to_csv(folder / "train.csv", index=False)
    frame[rows:].to_csv(folder / "test.csv", index=False)
    sample = pd.DataFrame({key: frame[key][rows:]})
    for output in task.outputs:
        sample[output] = task.classes[0] if task.predict is Predict.LABEL and task.classes else 0.5
    sample.to_csv(folder / "sample_submission.csv", index=False)
    (folder / "task.json").write_text(json.dumps(_card(task), indent=1))
    return truth[rows:]


def _card(task: Task) -> dict[str, object]:
    def named(*kinds: ColumnKind) -> list[str]:
        return [column.name for column in task.columns if column.kind in kinds]

    return {
        "name": task.name,
        "kind": task.kind,
        "target": task.target,
        "targets": list(task.targets),
        "id": task.id_column,
        "metric": task.metric,
        "direction": task.direction,
        "predict": task.predict,
        "outputs": list(task.outputs),
        "classes": list(task.classes),
        "numeric": named(ColumnKind.NUMERIC),
        "categorical": named(ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN),
        "datetime": named(ColumnKind.DATETIME),
        "text": named(ColumnKind.TEXT),
        "group": None,
        "time": None,
        "n_train": task.n_train,
        "n_test": task.n_test,
    }


def _columns(task: Task, rng: np.random.Generator, total: int) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """The feature columns and, for each, what it says about the target (standardised)."""
    values: dict[str, object] = {}
    signals = []
    for column in task.columns:
        if column.kind is ColumnKind.NUMERIC:
            x = rng.normal(size=total)
            signals.append(x if rng.random() < 0.5 else np.sin(2 * x))
            values[column.name] = rng.choice([x, np.exp(x), 50 + 20 * x, np.round(10 * x)])
        elif column.kind is ColumnKind.CATEGORICAL:
            code = rng.integers(0, min(column.unique, 40), total)
            signals.append(rng.normal(size=code.max() + 1)[code])
            values[column.name] = np.array([f"level {c}" for c in code])
        elif column.kind is ColumnKind.BOOLEAN:
            x = rng.random(total) < 0.4
            signals.append(x - 0.4)
            values[column.name] = x
        elif column.kind is ColumnKind.DATETIME:
            hours = rng.integers(0, 24 * 900, total)
            signals.append(np.sin(2 * np.pi * hours / (24 * 365)))
            values[column.name] = (pd.Timestamp("2021-01-01") + pd.to_timedelta(hours, "h")).astype(str)
        else:
            words = rng.integers(0, len(_WORDS), (total, 6))
            signals.append((words == 3).sum(axis=1) - (words == 7).sum(axis=1) * 1.0)
            values[column.name] = [" ".join(_WORDS[w] for w in row) for row in words]
    return pd.DataFrame(values), signals


def _target(task: Task, rng: np.random.Generator, signals: list[np.ndarray], total: int) -> np.ndarray:
    chosen = rng.permutation(len(signals))[:8]
    score = np.zeros(total)
    for n in chosen:
        score = score + rng.uniform(0.5, 1.5) * signals[n]
    if len(chosen) > 2:
        score = score + signals[chosen[0]] * signals[chosen[1]]
    score = (score - score.mean()) / (score.std() + 1e-9) + rng.normal(size=total) * rng.uniform(0.1, 0.6)
    if task.kind is Kind.REGRESSION:
        values = np.exp(score) * 10 if task.metric in ("rmsle", "mape", "smape") else 100 + 20 * score
        return np.round(values) if rng.random() < 0.4 else values
    if task.kind is Kind.MULTILABEL:
        return (score > np.quantile(score, rng.uniform(0.4, 0.8))).astype(float)
    count = len(task.classes)
    edges = np.quantile(score, np.linspace(0, 1, count + 1)[1:-1])
    return rng.permutation(count)[np.searchsorted(edges, score)].astype(float)


def _punch_holes(task: Task, rng: np.random.Generator, frame: pd.DataFrame) -> None:
    for column in task.columns:
        if column.missing and column.kind is not ColumnKind.BOOLEAN:
            frame.loc[rng.random(len(frame)) < column.missing, column.name] = None
