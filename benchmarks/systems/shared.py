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

DATE = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"
EPOCH = pd.Timestamp("1970-01-01")


@dataclass(frozen=True, slots=True)
class Given:
    """A task as a competitor sees it.

    ``y`` is the target as numbers: the class's place in ``classes``, or the value (its log1p where the metric is rmsle).
    ``metric`` is auc, accuracy, rmse or mae. Columns are as in the file, but the id; what is no number is text or missing.
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
    for column in features.columns:
        if not all(is_number(one[column]) for one in (features, test)):
            for one in (features, test):
                one[column] = one[column].astype(str).where(one[column].notna(), None).astype(object)
    given = Given(
        train=features,
        y=np.log1p(y) if rmsle else y,
        test=test,
        metric="rmse" if rmsle else spec["metric"],
        **{key: spec[key] for key in ("classes", "group", "time", "seconds", "cores", "seed")},
        work=Path(spec["work"]),
    )
    return given, ids, rmsle


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers, which true and false are not."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def typed(given: Given, *, dates_as_numbers: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables for systems that take no text: dates as such or as days, other text as categories.

    The categories are those of the training rows; a new value in the test rows is missing. Where dates are numbers, the
    column by which rows are split in time is left out: every test row lies beyond what a tree has seen.
    """
    train, test = given.train.copy(), given.test.copy()
    for name in train.columns:
        if is_number(train[name]):
            continue
        values = train[name].dropna()
        dates = len(values) > 0 and bool(values.str.fullmatch(DATE).all())
        known = sorted(values.unique())
        for one in (train, test):
            if dates:
                moments = pd.to_datetime(
                    one[name], format="ISO8601", errors="coerce", utc=True
                ).dt.tz_localize(None)
                one[name] = (moments - EPOCH) / pd.Timedelta(days=1) if dates_as_numbers else moments
            else:
                one[name] = pd.Categorical(one[name].where(one[name].isin(known), None), categories=known)
    if dates_as_numbers and given.time in train:
        train, test = train.drop(columns=given.time), test.drop(columns=given.time)
    return train, test
