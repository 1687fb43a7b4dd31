"""Scores of predicted probabilities.

Clipping follows Kaggle: a row of class probabilities is divided by its sum, then every p is replaced by
max(min(p, 1 - 1e-15), 1e-15) (kaggle.com/wiki/MultiClassLogLoss and the evaluation pages of its
competitions). Rank metrics take any finite numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_TINY = 1e-15


def _two_columns(prediction: Array) -> Array:
    """Return (n, C): a single column is the positive class's."""
    values = np.asarray(prediction, dtype=float)
    return np.column_stack((1.0 - values, values)) if values.ndim == 1 else values


def _mean_of_columns(one: Any, truth: Array, prediction: Array) -> float:
    """Return the mean of ``one`` over label columns; columns without a defined score do not count."""
    if truth.ndim == 1:
        return float(one(truth, prediction))
    scores = np.array([one(truth[:, j], prediction[:, j]) for j in range(truth.shape[1])])
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if len(defined) else float("nan")


def _auc(positive: Array, ranked_by: Array) -> float:
    """Return the area under the ROC curve as the Mann-Whitney statistic, ties counted half; nan with one class."""
    chosen = np.asarray(positive) == 1
    ones = int(chosen.sum())
    zeros = len(chosen) - ones
    if ones == 0 or zeros == 0:
        return float("nan")
    _, group, size = np.unique(np.asarray(ranked_by, dtype=float), return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2.0)[group]  # counted from 1, ties share their mean
    return float((rank[chosen].sum() - ones * (ones + 1) / 2.0) / (ones * zeros))


def auc(truth: Array, prediction: Array) -> float:
    return _mean_of_columns(_auc, truth, prediction)


mean_columnwise_auc = auc


def gini(truth: Array, prediction: Array) -> float:
    """Return the normalised Gini coefficient of a binary target: 2 AUC - 1 up to ties."""
    return 2.0 * auc(truth, prediction) - 1.0


def multiclass_auc(truth: Array, prediction: Array) -> float:
    """Return the AUC of one class against the rest, mean over the classes that occur (scikit-learn: ovr, macro)."""
    values = _two_columns(prediction)
    scores = [_auc(truth == c, values[:, c]) for c in range(values.shape[1])]
    defined = [score for score in scores if not np.isnan(score)]
    return float(np.mean(defined)) if defined else float("nan")


def _logloss(truth: Array, prediction: Array) -> float:
    p = np.clip(np.asarray(prediction, dtype=float), _TINY, 1.0 - _TINY)
    return float(-np.mean(np.where(np.asarray(truth) == 1, np.log(p), np.log1p(-p))))


def logloss(truth: Array, prediction: Array) -> float:
    """Return binary cross-entropy, or the mean over several labels (Kaggle's mean column-wise log loss)."""
    return _mean_of_columns(_logloss, truth, prediction)


def multiclass_logloss(truth: Array, prediction: Array) -> float:
    values = np.clip(_two_columns(prediction), 0.0, None)
    total = values.sum(axis=1, keepdims=True)
    share = np.divide(values, total, out=np.zeros_like(values), where=total > 0)
    chosen = share[np.arange(len(truth)), np.asarray(truth, dtype=int)]
    return float(-np.mean(np.log(np.clip(chosen, _TINY, 1.0 - _TINY))))


def _average_precision(truth: Array, prediction: Array) -> float:
    """Return the sum over thresholds of (recall gained) x (precision there), not interpolated; 0 without a positive."""
    chosen = np.asarray(truth) == 1
    if not chosen.any():
        return 0.0
    values = np.asarray(prediction, dtype=float)
    order = np.argsort(-values, kind="stable")
    last = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)  # of each group of ties
    hits = np.cumsum(chosen[order])[last]
    precision = hits / (last + 1)
    return float(np.sum(np.diff(hits, prepend=0) * precision) / chosen.sum())


def average_precision(truth: Array, prediction: Array) -> float:
    return _mean_of_columns(_average_precision, truth, prediction)


def _brier(truth: Array, prediction: Array) -> float:
    p = np.asarray(prediction, dtype=float)
    outside = (p < 0) | (p > 1)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(f"The prediction of row {row} is {p[row]:g}; brier needs probabilities from 0 to 1.")
    return float(np.mean((p - (np.asarray(truth) == 1)) ** 2))


def brier(truth: Array, prediction: Array) -> float:
    return _mean_of_columns(_brier, truth, prediction)
