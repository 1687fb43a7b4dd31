"""The best constant prediction for each metric: one row, shaped as a prediction's row.

Each function takes the truth and, for class probabilities, the number of classes (None: binary, or as
many as the truth shows).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _each_column(one: Callable[[Array], float], truth: Array) -> Array:
    values = np.asarray(truth, dtype=float)
    if values.ndim == 1:
        return np.asarray(one(values))
    return np.array([one(values[:, j]) for j in range(values.shape[1])])


def mean(truth: Array, classes: int | None) -> Array:
    return _each_column(lambda y: float(y.mean()), truth)


def median(truth: Array, classes: int | None) -> Array:
    return _each_column(lambda y: float(np.median(y)), truth)


def log_mean(truth: Array, classes: int | None) -> Array:
    """Minimise the squared error of log(1 + y)."""
    return _each_column(lambda y: float(np.expm1(np.log1p(np.maximum(y, 0.0)).mean())), truth)


def relative_median(truth: Array, classes: int | None) -> Array:
    """Minimise the mean of |y - c| / |y|: the median weighted by 1 / |y|."""

    def one(y: Array) -> float:
        weight = 1.0 / np.maximum(np.abs(y), np.finfo(np.float64).eps)
        order = np.argsort(y, kind="stable")
        total = np.cumsum(weight[order])
        return float(y[order][np.searchsorted(total, total[-1] / 2.0)])

    return _each_column(one, truth)


def shortest_half(truth: Array, classes: int | None) -> Array:
    """Minimise the median of |y - c|: the middle of the shortest interval that holds half of the values."""

    def one(y: Array) -> float:
        ordered = np.sort(y)
        span = len(y) // 2
        width = ordered[span:] - ordered[: len(y) - span]
        first = int(np.argmin(width))
        return float((ordered[first] + ordered[first + span]) / 2.0)

    return _each_column(one, truth)


def rate(truth: Array, classes: int | None) -> Array:
    """Return the share of the positive class, or of each of several labels."""
    return np.asarray(np.mean(np.asarray(truth) == 1, axis=0))


def frequencies(truth: Array, classes: int | None) -> Array:
    """Return the share of each class."""
    counts = np.bincount(np.asarray(truth, dtype=int), minlength=classes or 0)
    return np.asarray(counts / counts.sum())


def most_frequent(truth: Array, classes: int | None) -> Array:
    """Return the most frequent class; for several labels, the more frequent of 0 and 1 in each column."""
    if truth.ndim == 2:
        return np.asarray(rate(truth, classes) > 0.5, dtype=int)
    return np.asarray(int(np.argmax(np.bincount(np.asarray(truth, dtype=int)))))


def positive(truth: Array, classes: int | None) -> Array:
    """Return the positive class: never naming it scores 0 in F1."""
    return np.asarray(1)


def positive_or_most_frequent(truth: Array, classes: int | None) -> Array:
    """Return all of several labels, else the most frequent class: the guess for the mean of F1."""
    return np.ones(truth.shape[1], dtype=int) if truth.ndim == 2 else most_frequent(truth, classes)


def middle_class(truth: Array, classes: int | None) -> Array:
    """Return the median of ordered classes."""
    return np.asarray(int(np.sort(np.asarray(truth, dtype=int))[len(truth) // 2]))
