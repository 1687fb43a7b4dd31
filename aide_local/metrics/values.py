"""Errors of predicted values. Several target columns: the mean of the columns' own scores.

Definitions as in scikit-learn's ``multioutput="uniform_average"``; the column-wise mean of RMSE is
Kaggle's MCRMSE.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _columns(array: Array) -> Array:
    """Return floats, (n, t) with t >= 1."""
    values = np.asarray(array, dtype=float)
    return values[:, None] if values.ndim == 1 else values


def _gap(truth: Array, prediction: Array) -> Array:
    return _columns(prediction) - _columns(truth)


def mse(truth: Array, prediction: Array) -> float:
    return float(np.mean(np.mean(_gap(truth, prediction) ** 2, axis=0)))


def rmse(truth: Array, prediction: Array) -> float:
    return float(np.mean(np.sqrt(np.mean(_gap(truth, prediction) ** 2, axis=0))))


mcrmse = rmse  # Kaggle's name for it with several columns


def rmsle(truth: Array, prediction: Array) -> float:
    """Return the root mean squared difference of log(1 + value).

    Raises:
        ValueError: a value is -1 or less, for which the logarithm does not exist.
    """
    for what, array in (("truth", truth), ("prediction", prediction)):
        low = _columns(array).min(axis=1)
        if (low <= -1).any():
            row = int(np.argmax(low <= -1))
            raise ValueError(
                f"The {what} of row {row} is {low[row]:g}; rmsle needs values above -1 (clip predictions at 0)."
            )
    gap = np.log1p(_columns(prediction)) - np.log1p(_columns(truth))
    return float(np.mean(np.sqrt(np.mean(gap**2, axis=0))))


def mae(truth: Array, prediction: Array) -> float:
    return float(np.mean(np.abs(_gap(truth, prediction))))


def mape(truth: Array, prediction: Array) -> float:
    """Return a fraction, not per cent; a true 0 counts with scikit-learn's denominator, the machine epsilon."""
    size = np.maximum(np.abs(_columns(truth)), np.finfo(np.float64).eps)
    return float(np.mean(np.abs(_gap(truth, prediction)) / size))


def smape(truth: Array, prediction: Array) -> float:
    """Return the symmetric MAPE in per cent, 0 to 200; 0 if both values are 0 (Kaggle, web traffic forecasting)."""
    size = np.abs(_columns(truth)) + np.abs(_columns(prediction))
    gap = 2.0 * np.abs(_gap(truth, prediction))
    return float(100.0 * np.mean(np.divide(gap, size, out=np.zeros_like(gap), where=size > 0)))


def medae(truth: Array, prediction: Array) -> float:
    return float(np.mean(np.median(np.abs(_gap(truth, prediction)), axis=0)))


def r2(truth: Array, prediction: Array) -> float:
    """Return the share of variance explained, nan for fewer than two rows.

    A constant truth scores 1 if predicted exactly, else 0, as in scikit-learn.
    """
    values = _columns(truth)
    if len(values) < 2:
        return float("nan")
    residual = np.sum(_gap(truth, prediction) ** 2, axis=0)
    total = np.sum((values - values.mean(axis=0)) ** 2, axis=0)
    scores = np.where(residual == 0, 1.0, 0.0)
    np.divide(residual, total, out=residual, where=total != 0)
    return float(np.mean(np.where(total != 0, 1.0 - residual, scores)))
