"""Choose how the nodes of a run are put together, and score that choice on rows that it was not made by.

The out-of-fold rows are cut by the run's own folds. For each fold a combination is fitted to the other
folds' rows and applied to it; the column put together so is the honest estimate of fitting it. What is
delivered is fitted to all rows.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aide_local.evaluate.blend import Blend, Combination
from aide_local.evaluate.ensemble import Floats, select, select_by_squares
from aide_local.evaluate.evidence import Evidence
from aide_local.evaluate.stack import class_offsets, linear, log_odds
from aide_local.task import Predict

Fit = Callable[[Evidence], Blend]

_ERRORS = 2.0  # standard errors by which another kind must be better than the greedy average
_LEAST_GAIN = 1e-4  # of the metric's scale: less is noise of the last digits
_PSEUDO_FOLDS = 5  # if the run has a single fold
_MOST_TRIED = 25  # models that the metric itself is asked about in every round
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """A combination as fitted to all rows, and what fitting it is worth.

    ``column`` (n, width) holds each row as put together by a combination that never saw its fold;
    ``score`` is that column's, ``by_fold`` that of each fold's rows, nan if the metric is undefined there.
    """

    blend: Blend
    column: Floats
    score: float
    by_fold: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The combination to deliver, and all that it was chosen among, the simplest first."""

    chosen: CrossFitted
    all: tuple[CrossFitted, ...]


def choose(evidence: Evidence) -> Choice:
    """Fit and cross-fit every kind that suits the predictions.

    The greedy average is delivered, unless another kind has the better cross-fitted score by more than two
    standard errors, paired over the folds. The simplest within one standard error, the usual rule, was
    measured to lose on rows not seen: a single node is within one of the average in two of five runs, and
    the average is better in four of five (docs/decisions/0011).

    Raises:
        ValueError: no model has a score.
    """
    fitted = tuple(cross_fit(evidence, fit) for fit in fits(evidence))
    default = next(one for one in fitted if one.blend.combination is Combination.GREEDY)
    clear = [one for one in fitted if _clearly_better(evidence, one, default)]
    chosen = max([default, *clear], key=lambda one: evidence.rank(one.score))
    return Choice(chosen, fitted)


def _clearly_better(evidence: Evidence, one: CrossFitted, than: CrossFitted) -> bool:
    gains = [evidence.scorer.direction.sign * (a - b) for a, b in zip(one.by_fold, than.by_fold, strict=True)]
    defined = [gain for gain in gains if not math.isnan(gain)]
    if len(defined) < 2 or evidence.rank(one.score) <= evidence.rank(than.score):
        return False
    error = statistics.stdev(defined) / math.sqrt(len(defined))
    return statistics.fmean(defined) > max(_ERRORS * error, _LEAST_GAIN * evidence.scorer.scale)


def cross_fit(evidence: Evidence, fit: Fit) -> CrossFitted:
    """Return ``fit`` of all rows, scored fold by fold as fitted to the other folds' rows.

    Raises:
        ValueError: no model has a score.
    """
    fold = _folds(evidence)
    column = np.empty_like(evidence.parts[0])
    by_fold = []
    for k in np.unique(fold):
        mine = np.flatnonzero(fold == k)
        blend = fit(evidence.rows(np.flatnonzero(fold != k)))
        held_out = evidence.rows(mine)
        column[mine] = blend.apply(held_out.parts)
        by_fold.append(held_out.score(column[mine]))
    return CrossFitted(fit(evidence), column, evidence.score(column), tuple(by_fold))


def _folds(evidence: Evidence) -> NDArray[np.integer[Any]]:
    if len(np.unique(evidence.fold)) > 1:
        return evidence.fold
    n = len(evidence.fold)
    return np.arange(n) * min(_PSEUDO_FOLDS, n) // n


def fits(evidence: Evidence) -> Sequence[Fit]:
    """Return the kinds of combination that suit the predictions, the simplest first."""
    found: list[Fit] = [greedy]
    if not evidence.always:
        found.insert(0, single)
    if len(evidence.parts) > 1:
        match evidence.form.predict:
            case Predict.VALUE if evidence.of_squares:
                found.append(_above_greedy(linear))
            case Predict.VALUE if evidence.scorer.quick:
                found.append(greedy_by_metric)
            case Predict.PROBABILITY:
                found.append(_above_greedy(log_odds))
            case Predict.LABEL if evidence.scorer.quick:
                found.append(_above_greedy(class_offsets))
    return found


def single(evidence: Evidence) -> Blend:
    """Return the model with the best score, alone; of equals the first."""
    ranks = [evidence.rank(score) for score in evidence.scores(evidence.parts)]
    return Blend(Combination.SINGLE, tuple(np.eye(len(ranks))[int(np.argmax(ranks))]))


def greedy(evidence: Evidence) -> Blend:
    """Return the greedy average by squared error, on the scale of the metric."""
    scale = evidence.scale
    weights = select_by_squares(evidence.scaled(scale), evidence.soft_truth(scale), evidence.always)
    return Blend(Combination.GREEDY, weights, scale)


def greedy_by_metric(evidence: Evidence) -> Blend:
    """Return the greedy average by the metric itself, for values and a metric that is not of squares."""
    ranks = np.array([evidence.rank(score) for score in evidence.scores(evidence.parts)])
    best = np.argsort(-ranks, kind="stable")[:_MOST_TRIED]
    tried = sorted({*best.tolist(), *evidence.always})
    chosen = select(
        [evidence.parts[at] for at in tried],
        evidence.scores,
        evidence.scorer.direction,
        _ROUNDS,
        always=[tried.index(at) for at in evidence.always],
    )
    weights = np.zeros(len(evidence.parts))
    weights[tried] = chosen.weights
    return Blend(Combination.GREEDY, tuple(map(float, weights)))


def _above_greedy(second: Callable[[Evidence, Blend], Blend]) -> Fit:
    return lambda evidence: second(evidence, greedy(evidence))
