"""Checks of a prediction before any formula reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aide_local.task import Predict

if TYPE_CHECKING:
    from aide_local.metrics.metric import Metric


def require(metric: Metric, truth: NDArray[Any], prediction: NDArray[Any]) -> None:
    """Check length, shape and finiteness.

    Raises:
        ValueError: a check fails; the message names what differs, and the first row concerned.
    """
    if len(truth) == 0:
        raise ValueError(f"{metric.name} needs at least one row.")
    if len(prediction) != len(truth):
        raise ValueError(f"{len(prediction)} predictions for {len(truth)} rows.")
    wide = metric.predict is Predict.PROBABILITY and truth.ndim == 1 and prediction.ndim == 2
    if not wide and prediction.shape != truth.shape:
        raise ValueError(f"Predictions have shape {prediction.shape}; {metric.name} needs {truth.shape}.")
    if wide and int(truth.max()) >= prediction.shape[1]:
        raise ValueError(
            f"Predictions have {prediction.shape[1]} probability columns, but the truth"
            f" holds class index {int(truth.max())}."
        )
    if metric.predict is not Predict.LABEL:
        bad = ~np.isfinite(np.asarray(prediction, dtype=float))
        if bad.any():
            row = int(np.argwhere(bad)[0][0])
            raise ValueError(
                f"{int(bad.sum())} predictions are not finite numbers; the first is in row {row}."
            )
