"""Small made-up data sets in the candidate contract, with a known signal: to execute scripts on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

from aide_local.task import Column, ColumnKind, Kind, Predict, Task

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
    """Write task.json, train.csv, test.csv and sample_submission.csv; return the truth of the test rows.

    The truth is (test_rows, targets): class indices, or values. Behind the columns lies one hidden quantity, which some of
    them show well, some a little, some not at all; a target is a sum of what the former say, a product of two, and noise. So
    a few hundred rows tell something, whatever the columns are and whichever of them a script leaves out.
    """
    rng = np.random.default_rng(seed)
    total = rows + test_rows
    telling = _telling_columns(task, rng)
    hidden = rng.normal(size=total)
    signals = [_mix(rng, hidden, share) for share in _shares(len(task.columns), telling, rng)]
    frame = pd.DataFrame(
        {
            column.name: _values(column, signal, n in telling, rng)
            for n, (column, signal) in enumerate(zip(task.columns, signals, strict=True))
        }
    )
    causes = [signals[n] for n in telling]
    truth = np.column_stack([_target(task, rng, causes, total) for _ in task.targets])
    _punch_holes(task, rng, frame)
    return write_files(task, frame, truth, folder, rows, rng)


def write_files(
    task: Task, frame: pd.DataFrame, truth: np.ndarray, folder: Path, rows: int, rng: np.random.Generator
) -> np.ndarray:
    """Write the files of the contract from features and truth of all rows; the first ``rows`` are for training.

    Return the truth of the test rows.
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


def _telling_columns(task: Task, rng: np.random.Generator) -> list[int]:
    """Return the places of at most four columns; dates and texts, which scripts may leave out, only if there is nothing else."""
    order = [int(n) for n in rng.permutation(len(task.columns))]
    late = (ColumnKind.DATETIME, ColumnKind.TEXT)
    return sorted(order, key=lambda n: task.columns[n].kind in late)[:4]


def _shares(columns: int, telling: list[int], rng: np.random.Generator) -> np.ndarray:
    """Return how much of each column is the hidden quantity, from 0 to 1."""
    shares = rng.uniform(0.2, 0.6, columns) * (rng.random(columns) < 0.6)
    shares[telling] = rng.uniform(0.8, 0.9, len(telling))
    return shares


def _mix(rng: np.random.Generator, hidden: np.ndarray, share: float) -> np.ndarray:
    mixed: np.ndarray = share * hidden + np.sqrt(1 - share**2) * rng.normal(size=len(hidden))
    return mixed


def _values(
    column: Column, signal: np.ndarray, telling: bool, rng: np.random.Generator
) -> np.ndarray | pd.Series:
    """Return a column of its kind that shows ``signal`` (standard normal)."""
    total = len(signal)
    level = norm.cdf(signal)
    match column.kind:
        case ColumnKind.NUMERIC:
            return rng.choice([signal, np.exp(signal), 50 + 20 * signal, np.round(10 * signal)])
        case ColumnKind.CATEGORICAL:
            count = min(column.unique, 8 if telling else 40)
            names = rng.permutation(count)
            return np.array([f"level {names[n]}" for n in np.minimum(level * count, count - 1).astype(int)])
        case ColumnKind.BOOLEAN:
            return signal > 0.2
        case ColumnKind.DATETIME:  # a season, of one of three years
            hours = 24 * 365 * (rng.integers(0, 3, total) + level) + rng.integers(0, 24, total)
            stamps = pd.Timestamp("2021-01-01") + pd.to_timedelta(hours.astype(int), "h")
            return pd.Series(stamps.astype(str))
        case _:
            chance = rng.random((total, 6))
            words = rng.integers(0, len(_WORDS), (total, 6))
            words[chance < 0.7 * level[:, None]] = 3
            words[chance > 1 - 0.7 * (1 - level[:, None])] = 7
            return np.array([" ".join(_WORDS[w] for w in row) for row in words])


def _target(task: Task, rng: np.random.Generator, signals: list[np.ndarray], total: int) -> np.ndarray:
    score: np.ndarray = sum((rng.uniform(0.7, 1.3) * signal for signal in signals), np.zeros(total))
    if len(signals) > 1:
        score = score + 0.5 * signals[0] * signals[1]
    score = (score - score.mean()) / score.std() + rng.normal(size=total) * rng.uniform(0.1, 0.4)
    if task.kind is Kind.REGRESSION:
        # if errors are relative, few values are many times the others
        values: np.ndarray = (
            100 * np.exp(score / 2) if task.metric in ("rmsle", "mape", "smape") else 100 + 20 * score
        )
        return np.round(values) if rng.random() < 0.4 else values
    if task.kind is Kind.MULTILABEL:
        high: np.ndarray = score > np.quantile(score, rng.uniform(0.4, 0.7))
        return high.astype(float)
    count = len(task.classes)
    edges = np.quantile(score, np.linspace(0, 1, count + 1)[1:-1])
    ordered = task.metric == "qwk"  # by which classes far apart are worse
    places = np.arange(count) if ordered else rng.permutation(count)
    found: np.ndarray = places[np.searchsorted(edges, score)]
    return found.astype(float)


def _punch_holes(task: Task, rng: np.random.Generator, frame: pd.DataFrame) -> None:
    for column in task.columns:
        if column.missing and column.kind is not ColumnKind.BOOLEAN:
            frame.loc[rng.random(len(frame)) < column.missing, column.name] = None
