"""Data sets to learn outcomes on: those of :mod:`data` in many sizes, scikit-learn's generators, iris and wine.

The other sets that scikit-learn bundles are sample tasks, and stay unseen.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets as sk

from aide_local.metrics import get
from aide_local.task import Column, ColumnKind, Kind, Predict, Task
from models.training.corpus.data import write_files, write_input
from models.training.corpus.schemas import random_task

TEST_ROWS = 400  # enough that a difference between two programs is not luck
ROWS = (120, 200, 300, 400, 600, 900)

_METRICS = {
    Kind.REGRESSION: ("rmse", "mae", "r2"),
    Kind.BINARY: ("auc", "logloss", "accuracy", "f1"),
    Kind.MULTICLASS: ("multiclass_logloss", "accuracy", "macro_f1"),
}


@dataclass(frozen=True, slots=True)
class DataSet:
    """A task and its data: ``write(folder, seed)`` writes the files of the contract and returns the truth of the test rows."""

    task: Task
    origin: str
    write: Callable[[Path, int], np.ndarray]


def data_set(rng: random.Random) -> DataSet:
    """Return one at random: three in five from random schemas, the others from scikit-learn."""
    rows = rng.choice(ROWS)
    if rng.random() < 0.6:
        task = replace(random_task(rng), n_train=rows, n_test=TEST_ROWS)
        return DataSet(task, "schema", lambda folder, seed: write_input(task, folder, seed, rows, TEST_ROWS))
    return _generate(rng, rows)


def _generate(rng: random.Random, rows: int) -> DataSet:
    state, noise = rng.randrange(10**6), rng.choice([0.1, 0.5, 1.5])
    total, width = rows + TEST_ROWS, rng.choice([5, 8, 12, 20, 40])
    useful = max(2, width // rng.choice([1, 2, 4]))
    made: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
        "linear": lambda: sk.make_regression(
            total, width, n_informative=useful, noise=30 * noise, random_state=state
        ),
        "sparse": lambda: sk.make_sparse_uncorrelated(total, max(width, 5), random_state=state),
        "friedman 1": lambda: sk.make_friedman1(total, max(width, 5), noise=noise, random_state=state),
        "friedman 2": lambda: sk.make_friedman2(total, noise=100 * noise, random_state=state),
        "friedman 3": lambda: sk.make_friedman3(total, noise=0.1 * noise, random_state=state),
        "clusters": lambda: sk.make_classification(
            total, width, n_informative=useful, n_redundant=0, n_classes=2, n_clusters_per_class=rng.choice([1, 2]),
            flip_y=0.05 * noise, class_sep=rng.choice([0.5, 1.0]), random_state=state,
        ),
        "imbalanced": lambda: sk.make_classification(
            total, width, n_informative=useful, n_redundant=0, weights=[rng.choice([0.85, 0.93])], flip_y=0.02,
            random_state=state,
        ),
        "blobs": lambda: sk.make_blobs(total, width, centers=rng.choice([3, 5]), cluster_std=6 * noise + 2, random_state=state),
        "quantiles": lambda: sk.make_gaussian_quantiles(n_samples=total, n_features=min(width, 12), n_classes=3, random_state=state),
        "hastie": lambda: sk.make_hastie_10_2(total, random_state=state),
        "iris": lambda: sk.load_iris(return_X_y=True),
        "wine": lambda: sk.load_wine(return_X_y=True),
    }  # fmt: skip
    origin = rng.choice(sorted(made))
    x, y = made[origin]()
    order = np.random.default_rng(state).permutation(len(x))
    x, y = x[order], y[order]
    rows = min(rows, len(x) * 3 // 5)
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(x.shape[1])])
    _roughen(rng, frame, state)
    regression = origin in ("linear", "sparse", "friedman 1", "friedman 2", "friedman 3")
    labels = () if regression else tuple(f"kind {number}" for number in range(len(np.unique(y))))
    truth = y.astype(float) if regression else np.unique(y, return_inverse=True)[1].astype(float)
    task = _task(rng, frame, regression, labels, rows, len(x) - rows)

    def write(folder: Path, seed: int) -> np.ndarray:
        return write_files(task, frame.copy(), truth[:, None], folder, rows, np.random.default_rng(seed))

    return DataSet(task, origin, write)


def _roughen(rng: random.Random, frame: pd.DataFrame, state: int) -> None:
    """Turn some columns into categories, and give some gaps or heavy tails, as columns of real files have."""
    generator = np.random.default_rng(state)
    for name in list(frame.columns):
        what = rng.random()
        if what < 0.15:
            levels = pd.qcut(frame[name], rng.choice([3, 6, 20]), labels=False, duplicates="drop")
            frame[name] = "level " + levels.astype(int).astype(str)
        elif what < 0.25:
            frame[name] = np.sign(frame[name]) * np.expm1(np.abs(frame[name]).clip(upper=8))
        if rng.random() < 0.12:
            frame.loc[generator.random(len(frame)) < rng.uniform(0.02, 0.3), name] = None


def _task(
    rng: random.Random, frame: pd.DataFrame, regression: bool, labels: tuple[str, ...], rows: int, rest: int
) -> Task:
    kind = Kind.REGRESSION if regression else Kind.BINARY if len(labels) == 2 else Kind.MULTICLASS
    metric = get(rng.choice(_METRICS[kind]))
    columns = tuple(
        Column(
            str(name),
            ColumnKind.NUMERIC if pd.api.types.is_numeric_dtype(frame[name]) else ColumnKind.CATEGORICAL,
            missing=round(float(frame[name].isna().mean()), 3),
            unique=int(frame[name].nunique()),
        )
        for name in frame.columns
    )
    probabilities = kind is Kind.MULTICLASS and metric.predict is Predict.PROBABILITY
    return Task(
        name="task",
        root=Path("task"),
        kind=kind,
        targets=("y",),
        classes=labels,
        predict=metric.predict,
        outputs=labels if probabilities else ("y",),
        metric=metric.name,
        direction=metric.direction,
        columns=columns,
        n_train=rows,
        n_test=rest,
    )
