"""Whether one node is better than another beyond noise: their scores on the same folds, paired."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from aide_local.task import Direction
from aide_local.types import FoldScore

LEAST_GAIN = 1e-4  # of the metric's scale: smaller gains are noise of the last digits
RACING_MARGIN = 0.01  # of the metric's scale


@dataclass(frozen=True, slots=True)
class Comparison:
    """``mean`` is the mean gain over the folds that both have; positive is better, nan without any."""

    mean: float
    standard_error: float
    threshold: float
    counts: bool
    folds: int  # that were compared


def compare(
    folds: Sequence[FoldScore], other_folds: Sequence[FoldScore], direction: Direction, scale: float
) -> Comparison:
    """Gain of ``folds`` over ``other_folds``; it counts above max(1e-4 of ``scale``, one standard error)."""
    other = _by_fold(other_folds)
    gains = [
        direction.sign * (score - other[fold]) for fold, score in _by_fold(folds).items() if fold in other
    ]
    if not gains:
        return Comparison(math.nan, math.nan, LEAST_GAIN * scale, False, 0)
    mean = statistics.fmean(gains)
    error = standard_error(gains)
    threshold = max(LEAST_GAIN * scale, error)
    return Comparison(mean, error, threshold, mean > threshold, len(gains))


def standard_error(values: Sequence[float]) -> float:
    """Of the mean; 0 for a single value, which shows no spread."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def clearly_behind(
    score: float, fold: int, incumbent: Sequence[FoldScore], direction: Direction, scale: float
) -> bool:
    """Racing: worse than the incumbent on the same fold by more than its own folds vary.

    The margin is two standard errors of the incumbent's fold scores, at least 1 % of the metric's scale.
    """
    scores = _by_fold(incumbent)
    if fold not in scores:
        return False
    margin = max(2.0 * standard_error(list(scores.values())), RACING_MARGIN * scale)
    return direction.sign * (scores[fold] - score) > margin


def _by_fold(folds: Sequence[FoldScore]) -> dict[int, float]:
    return {fold.fold: fold.score for fold in folds if fold.score is not None}
