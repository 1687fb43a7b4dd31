"""What the competitors' scripts share: read the tables that are given, write the submission and what it took.

    python -m benchmarks.systems.NAME GIVEN.json

``GIVEN.json`` holds the fields of :class:`Given` that are no tables, and paths. Nothing of this project but this package is
imported: the environment is the competitors'.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class Given:
    """A task as a competitor sees it.

    ``y`` is the target as numbers: the class's place in ``classes``, or the value (its log1p where the metric is rmsle).
    ``metric`` is auc, accuracy, rmse or mae. Text columns of ``train`` and ``test`` are categories, those of ``train``.
    """

    train: pd.DataFrame
    y: pd.Series
    test: pd.DataFrame
    metric: str
    classes: list[str]  # for auc the second is the one whose probability is asked
    group: str | None
    time: str | None
    seconds: float
    cores: int
    seed: int
    work: Path  # an empty folder

    @property
    def kind(self) -> str:
        if not self.classes:
            return "regression"
        return "binary" if len(self.classes) == 2 else "multiclass"

    def folds(self, count: int) -> pd.Series | None:
        """The fold of each row where rows belong together: whole groups, or blocks of time. None: as the system likes."""
        if self.group is not None:
            names = self.train[self.group].astype(str)
            every = np.random.default_rng(self.seed).permutation(names.unique())
            return names.map({name: at % count for at, name in enumerate(every)}).astype(int)
        if self.time is not None:
            order = self.train[self.time].astype(str).rank(method="first") - 1
            return (order * count // len(order)).astype(int)
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """Predictions for the test rows in ``y``'s terms (for auc: the second class's probability), and models fitted."""

    predictions: Any
    fits: int
    note: str = ""


def main(solve: Callable[[Given], Found]) -> None:
    """Let a system solve the task whose description the command line names."""
    spec: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    given, ids, rmsle = read(spec)
    began = time.monotonic()
    found = solve(given)
    taken = time.monotonic() - began
    predictions = np.asarray(found.predictions).reshape(-1)
    if len(predictions) != len(ids):
        raise ValueError(f"{len(predictions)} predictions for {len(ids)} rows")
    if given.metric == "accuracy":
        predictions = np.array([given.classes[int(code)] for code in predictions])
    elif rmsle:
        predictions = np.expm1(predictions).clip(0)
    pd.DataFrame({spec["id"]: ids, spec["target"]: predictions}).to_csv(spec["submission"], index=False)
    info = {"fits": found.fits, "fit_seconds": round(taken, 2), "note": found.note}
    Path(spec["info"]).write_text(json.dumps(info))


def read(spec: dict[str, Any]) -> tuple[Given, list[Any], bool]:
    """The task, the ids of its test rows, and whether the target's logarithm is learned."""
    identifier, target = spec["id"], spec["target"]
    as_text = {target: str} if spec["classes"] else {}
    train = pd.read_csv(spec["train"], dtype=as_text, low_memory=False)
    test = pd.read_csv(spec["test"], low_memory=False)
    ids = test.pop(identifier).tolist() if identifier in test else list(range(len(test)))
    if spec["classes"]:
        names = pd.read_csv(spec["train"], usecols=[target], dtype=str, keep_default_na=False)[target]
        y = names.map({name: code for code, name in enumerate(spec["classes"])}).astype(int)
    else:
        y = train[target].astype(float)
    rmsle = spec["metric"] == "rmsle"
    features = train[[name for name in test.columns if name in train.columns]].copy()
    test = test[list(features.columns)].copy()
    as_categories(features, test)
    given = Given(
        train=features,
        y=np.log1p(y) if rmsle else y,
        test=test,
        metric="rmse" if rmsle else spec["metric"],
        **{key: spec[key] for key in ("classes", "group", "time", "seconds", "cores", "seed")},
        work=Path(spec["work"]),
    )
    return given, ids, rmsle


def as_categories(train: pd.DataFrame, test: pd.DataFrame) -> None:
    """Make text columns of both tables categories of the training rows' values; a new value in ``test`` is missing."""
    for name in train.columns:
        if all(pd.api.types.is_numeric_dtype(one[name]) and one[name].dtype != bool for one in (train, test)):
            continue
        known = sorted(train[name].dropna().astype(str).unique())
        for one in (train, test):
            one[name] = pd.Categorical(one[name].astype(str).where(one[name].notna()), categories=known)
