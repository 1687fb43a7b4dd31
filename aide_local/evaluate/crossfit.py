"""Choose how the nodes of a run are put together, and score that choice on rows that it was not made by.

The out-of-fold rows are cut by the run's own folds. For each fold the weights are selected on the other
folds' rows and applied to it; the column put together so is the honest estimate of the whole selection
(Wolpert 1992; Breiman 1996 for weights that are not negative). What is delivered gets weights that are
selected on all rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aide_local.evaluate.ensemble import Floats, average, select
from aide_local.evaluate.form import Form
from aide_local.evaluate.score import Scorer

Array = NDArray[Any]
Weights = tuple[float, ...]

_PSEUDO_FOLDS = 5  # if the run has a single fold


class Combination(StrEnum):
    """Kinds of putting nodes together, the simplest first."""

    SINGLE = "single"
    GREEDY = "greedy"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The out-of-fold predictions (n, width) of each model, and what they are scored against.

    ``fold`` (n,) is the fold that validated on the row. Models in ``always`` are in every ensemble.
    """

    parts: tuple[Floats, ...]
    truth: Array
    fold: NDArray[np.integer[Any]]
    scorer: Scorer
    form: Form
    always: tuple[int, ...] = ()

    def rows(self, chosen: Array) -> Evidence:
        """Of some of the rows."""
        parts = tuple(part[chosen] for part in self.parts)
        return Evidence(parts, self.truth[chosen], self.fold[chosen], self.scorer, self.form, self.always)

    def scores(self, soft: Sequence[Floats]) -> list[float]:
        return self.scorer.score_many(self.truth, [self.form.decide(one) for one in soft])


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """A way to combine models: ``weights`` as selected on all rows, and what it is worth.

    ``column`` (n, width) holds each row as put together by weights that never saw its fold; ``score`` is
    that column's, ``by_fold`` that of each fold's rows, nan if the metric is undefined there.
    """

    combination: Combination
    weights: Weights
    column: Floats
    score: float
    by_fold: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    chosen: CrossFitted
    all: tuple[CrossFitted, ...]


def choose(evidence: Evidence) -> Choice:
    """The combination to deliver, and the others that it was chosen among.

    Raises:
        ValueError: no model has a score.
    """
    rules: list[tuple[Combination, Callable[[Evidence], Weights]]] = [(Combination.GREEDY, _greedy)]
    if not evidence.always:
        rules.insert(0, (Combination.SINGLE, _single))
    fitted = tuple(cross_fit(evidence, combination, rule) for combination, rule in rules)
    best = max(range(len(fitted)), key=lambda at: (_rank(fitted[at].score, evidence.scorer), -at))
    return Choice(fitted[best], fitted)


def cross_fit(
    evidence: Evidence, combination: Combination, rule: Callable[[Evidence], Weights]
) -> CrossFitted:
    """``rule`` selects weights from the rows that it is given, and never sees those that it is scored on.

    Raises:
        ValueError: no model has a score.
    """
    fold = _folds(evidence)
    column = np.empty_like(evidence.parts[0])
    by_fold = []
    for k in np.unique(fold):
        mine = np.flatnonzero(fold == k)
        weights = rule(evidence.rows(np.flatnonzero(fold != k)))
        column[mine] = average([part[mine] for part in evidence.parts], weights)
        by_fold += evidence.rows(mine).scores([column[mine]])
    return CrossFitted(combination, rule(evidence), column, evidence.scores([column])[0], tuple(by_fold))


def _folds(evidence: Evidence) -> NDArray[np.integer[Any]]:
    if len(np.unique(evidence.fold)) > 1:
        return evidence.fold
    n = len(evidence.fold)
    return np.arange(n) * min(_PSEUDO_FOLDS, n) // n


def _single(evidence: Evidence) -> Weights:
    scores = [_rank(score, evidence.scorer) for score in evidence.scores(evidence.parts)]
    return tuple(np.eye(len(scores))[int(np.argmax(scores))])


def _greedy(evidence: Evidence) -> Weights:
    chosen = select(evidence.parts, evidence.scores, evidence.scorer.direction, always=evidence.always)
    return chosen.weights


def _rank(score: float, scorer: Scorer) -> float:
    """Higher is better; nan is worst."""
    return -math.inf if math.isnan(score) else scorer.direction.sign * score
