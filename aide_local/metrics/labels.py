"""Scores of predicted classes, all from the confusion matrix. Empty denominators count 0, as in scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def confusion(truth: Array, prediction: Array) -> Array:
    """Return counts (C, C): row the true class, column the predicted one; C is the largest index plus one."""
    rows, columns = np.asarray(truth, dtype=int), np.asarray(prediction, dtype=int)
    size = int(max(rows.max(), columns.max())) + 1
    return np.bincount(rows * size + columns, minlength=size * size).reshape(size, size).astype(float)


def _ratio(top: Array, bottom: Array) -> Array:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def _f1_of_classes(matrix: Array) -> Array:
    return _ratio(2.0 * np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1))


def accuracy(truth: Array, prediction: Array) -> float:
    """Return the share of rows that are right; of several labels all must be."""
    right = np.asarray(truth) == np.asarray(prediction)
    return float(np.mean(right if right.ndim == 1 else right.all(axis=1)))


def balanced_accuracy(truth: Array, prediction: Array) -> float:
    """Return the mean recall of the classes that occur in the truth."""
    matrix = confusion(truth, prediction)
    present = matrix.sum(axis=1) > 0
    return float(_ratio(np.diag(matrix), matrix.sum(axis=1))[present].mean())


def f1(truth: Array, prediction: Array) -> float:
    """Return F1 of the positive class, index 1."""
    actual, predicted = np.asarray(truth) == 1, np.asarray(prediction) == 1
    total = int(actual.sum() + predicted.sum())
    return float(2.0 * (actual & predicted).sum() / total) if total else 0.0


def macro_f1(truth: Array, prediction: Array) -> float:
    """Return the plain mean of F1 over the classes that occur in truth or prediction, or over several labels."""
    if truth.ndim == 2:
        return float(np.mean([f1(truth[:, j], prediction[:, j]) for j in range(truth.shape[1])]))
    matrix = confusion(truth, prediction)
    occurs = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    return float(_f1_of_classes(matrix)[occurs].mean())


def weighted_f1(truth: Array, prediction: Array) -> float:
    """Return the mean of the classes' F1, weighted by how often each occurs in the truth."""
    matrix = confusion(truth, prediction)
    return float(np.average(_f1_of_classes(matrix), weights=matrix.sum(axis=1)))


def mcc(truth: Array, prediction: Array) -> float:
    """Return the Matthews correlation of any number of classes (Gorodkin 2004); 0 if a side is constant."""
    matrix = confusion(truth, prediction)
    n, right = matrix.sum(), np.trace(matrix)
    true, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    spread = (n * n - true @ true) * (n * n - predicted @ predicted)
    return float((n * right - true @ predicted) / np.sqrt(spread)) if spread > 0 else 0.0


def qwk(truth: Array, prediction: Array) -> float:
    """Return Cohen's kappa with quadratic weights of the distance between class indices.

    The distance counts the task's classes in their order, also those that do not occur in these rows
    (Kaggle: ratings 1 to N); scikit-learn's equals it when given all ``labels``. It is nan if truth and
    prediction are one and the same class throughout.
    """
    matrix = confusion(truth, prediction)
    index = np.arange(len(matrix))
    weight = (index[:, None] - index[None, :]) ** 2
    expected = np.outer(matrix.sum(axis=1), matrix.sum(axis=0)) / matrix.sum()
    by_chance = float((weight * expected).sum())
    return 1.0 - float((weight * matrix).sum()) / by_chance if by_chance > 0 else float("nan")
