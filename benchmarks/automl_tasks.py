"""The tasks of :mod:`benchmarks.automl`: what they ask, a copy of one without its answers, and the score of a submission.

A data folder holds ``NAME/{task.toml,train.csv,test.csv,sample_submission.csv,description.md}`` and ``_answers/NAME.csv``:
the id and the target of each test row, for auc as 0 and 1.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

HIGHER_IS_BETTER = {"auc": True, "accuracy": True, "rmse": False, "rmsle": False, "mae": False}
FILES = ("task.toml", "train.csv", "test.csv", "sample_submission.csv", "description.md")
ANSWERS = "_answers"


class TaskError(Exception):
    """A task or a submission that cannot be used, with the reason."""


@dataclass(frozen=True, slots=True)
class BenchTask:
    """One task of a data folder. ``answers`` is read by :func:`score` alone."""

    name: str
    folder: Path
    answers: Path
    target: str
    id: str
    metric: str
    group: str | None = None
    time: str | None = None


def names(data: Path) -> list[str]:
    """The tasks of a data folder that have answers."""
    found = (path.parent.name for path in data.glob("*/task.toml"))
    return sorted(name for name in found if (data / ANSWERS / f"{name}.csv").exists())


def load(data: Path, name: str) -> BenchTask:
    """Read what a task asks.

    Raises:
        TaskError: There is no such task, or its metric is not one of ours.
    """
    folder, answers = data / name, data / ANSWERS / f"{name}.csv"
    if not (folder / "task.toml").exists() or not answers.exists():
        raise TaskError(f"{data} has no task {name} with answers")
    told = tomllib.loads((folder / "task.toml").read_text())
    if told["metric"] not in HIGHER_IS_BETTER:
        raise TaskError(f"{name}: the metric {told['metric']} is none of {', '.join(HIGHER_IS_BETTER)}")
    return BenchTask(
        name=name,
        folder=folder,
        answers=answers,
        target=told["target"],
        id=told.get("id", "id"),
        metric=told["metric"],
        group=told.get("group"),
        time=told.get("time"),
    )


def classes(task: BenchTask) -> list[str]:
    """The classes as the training file spells them; for auc the last is the one whose probability is asked. Else none."""
    if task.metric not in ("auc", "accuracy"):
        return []
    column = pd.read_csv(task.folder / "train.csv", usecols=[task.target], dtype=str, keep_default_na=False)
    found = sorted(column[task.target].unique())
    if all(re.fullmatch(r"-?\d+(\.\d+)?", one) for one in found):
        found.sort(key=float)
    if task.metric != "auc":
        return found
    description = task.folder / "description.md"
    text = description.read_text() if description.exists() else ""
    asked = re.search(r"probability that `[^`]*` is `([^`]*)`", text)
    if asked and asked[1] in found:
        found.sort(key=lambda one: one == asked[1])
    return found


def stage(task: BenchTask, place: Path) -> Path:
    """Copy what a system may see to ``place``; the answers stay where they are."""
    place.mkdir(parents=True)
    for name in FILES:
        if (task.folder / name).exists():
            shutil.copyfile(task.folder / name, place / name)
    return place


def score(task: BenchTask, submission: Path) -> float:
    """The score of a submission against the answers.

    Raises:
        TaskError: Rows are missing or there twice, or predictions are no numbers.
    """
    as_text = task.metric == "accuracy"
    truth, given = (
        pd.read_csv(path, dtype={task.target: str} if as_text else None, keep_default_na=not as_text)
        for path in (task.answers, submission)
    )
    if task.id not in given or task.target not in given:
        raise TaskError(f"the submission's columns are {', '.join(given.columns)}")
    if given[task.id].duplicated().any():
        raise TaskError("rows of the submission have the same id")
    both = truth.merge(given, on=task.id, suffixes=("", "_given"))
    if len(both) != len(truth):
        raise TaskError(f"{len(truth) - len(both)} rows are missing in the submission")
    right, predicted = both[task.target], both[f"{task.target}_given"]
    if as_text:
        return float((right == predicted).mean())
    values = pd.to_numeric(predicted, errors="coerce").to_numpy(float)
    if not np.isfinite(values).all():
        raise TaskError("predictions are no finite numbers")
    return measure(task.metric, right.to_numpy(float), values)


def measure(metric: str, right: np.ndarray, predicted: np.ndarray) -> float:
    """The metric of numbers."""
    if metric == "auc":
        return float(roc_auc_score(right, predicted))
    if metric == "rmsle":
        right, predicted = np.log1p(right), np.log1p(predicted.clip(0))
    errors = predicted - right
    return float(np.abs(errors).mean() if metric == "mae" else np.sqrt((errors**2).mean()))
