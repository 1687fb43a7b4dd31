"""Whether one node is better than another beyond noise: their scores on the same folds, paired."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from aide_local.task import Direction
from aide_local.types import FoldScore, Node

LEAST_GAIN = 1e-4  # of the metric's scale: smaller gains are noise of the last digits
RACING_MARGIN = 0.002  # of the metric's scale: folds never tell less apart
RACING_ERRORS = 2.0  # standard errors behind at which a node is given up


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


@dataclass(frozen=True, slots=True)
class Rival:
    """The node that a candidate is raced against: the best complete one when it was chosen.

    ``spread`` is the standard deviation of the difference between two nodes of this run on one fold,
    ``tolerance`` how far behind a node may be and still count (both in units of the metric).
    """

    node: int
    folds: tuple[FoldScore, ...]
    spread: float
    tolerance: float

    def leaves_behind(self, folds: Sequence[FoldScore], direction: Direction) -> bool:
        """Return whether a node with these first folds will not be among those that count.

        A sequential test on paired differences: after k folds it is given up when the mean difference lies below
        ``-tolerance`` by more than ``RACING_ERRORS`` standard errors, ``spread / sqrt(k)`` each (racing with a known
        variance; Maron and Moore 1994, Birattari et al. 2002).
        """
        other = _by_fold(self.folds)
        gains = [
            direction.sign * (score - other[fold]) for fold, score in _by_fold(folds).items() if fold in other
        ]
        if not gains:
            return False
        bound = self.tolerance + RACING_ERRORS * self.spread / math.sqrt(len(gains))
        return statistics.fmean(gains) < -bound


def rival_of(best: Node | None, nodes: Sequence[Node], scale: float, tolerance: float = 0.0) -> Rival | None:
    """Return what a new node is raced against; None if there is no complete node yet.

    The spread is measured on the complete nodes' paired differences to the best one. Without any, the best one's
    own folds bound it. It is at least ``RACING_MARGIN`` of the metric's scale over ``RACING_ERRORS``.
    """
    if best is None:
        return None
    mine = _by_fold(best.folds)
    deviations: list[float] = []
    for node in nodes:
        if node.id != best.id:
            gains = [score - mine[fold] for fold, score in _by_fold(node.folds).items() if fold in mine]
            if len(gains) > 1:
                deviations.append(statistics.stdev(gains))
    if not deviations and len(mine) > 1:
        deviations = [statistics.stdev(mine.values())]
    spread = max(statistics.median(deviations) if deviations else 0.0, RACING_MARGIN * scale / RACING_ERRORS)
    return Rival(best.id, best.folds, spread, tolerance)


def _by_fold(folds: Sequence[FoldScore]) -> dict[int, float]:
    return {fold.fold: fold.score for fold in folds if fold.score is not None}
