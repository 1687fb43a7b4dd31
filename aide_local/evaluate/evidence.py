"""The material that an ensemble is chosen by: out-of-fold predictions, their truth, their folds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aide_local.evaluate.blend import Scale
from aide_local.evaluate.form import Floats, Form
from aide_local.evaluate.score import Scorer
from aide_local.task import Kind, Predict

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The out-of-fold predictions (n, width) of each model, and what they are scored against.

    ``fold`` (n,) is the fold that validated on the row. Models in ``always`` are in every ensemble.
    ``metric`` is the task's, by name.
    """

    parts: tuple[Floats, ...]
    truth: Array
    fold: NDArray[np.integer[Any]]
    scorer: Scorer
    form: Form
    metric: str
    always: tuple[int, ...] = ()

    def rows(self, chosen: Array) -> Evidence:
        """Return the evidence of some of the rows."""
        parts = tuple(part[chosen] for part in self.parts)
        return Evidence(
            parts,
            self.truth[chosen],
            self.fold[chosen],
            self.scorer,
            self.form,
            self.metric,
            self.always,
        )

    def scores(self, soft: Sequence[Floats]) -> list[float]:
        """Return the scores of predictions (n, width) of these rows; nan if there is none."""
        return self.scorer.score_many(self.truth, [self.form.decide(one) for one in soft])

    def score(self, soft: Floats) -> float:
        return self.scores([soft])[0]

    def rank(self, score: float) -> float:
        """Return a number that is higher for the better score; nan is worst."""
        return -math.inf if math.isnan(score) else self.scorer.direction.sign * score

    @property
    def scale(self) -> Scale:
        """The scale on which a plain average suits the metric."""
        return Scale.LOG1P if self.metric == "rmsle" else Scale.PLAIN

    def scaled(self, scale: Scale) -> Floats:
        """Return all parts (models, n, width) on a scale."""
        return scale.of(np.stack(self.parts))

    def soft_truth(self, scale: Scale) -> Floats:
        """Return the truth (n, width) as perfect predictions would be, on a scale."""
        form = self.form
        if self.truth.ndim == 1 and form.width > 1:
            return np.eye(form.width)[self.truth]
        plain = np.asarray(self.truth, dtype=np.float64).reshape(len(self.truth), form.width)
        return scale.of(plain) if form.kind is Kind.REGRESSION else plain

    @property
    def of_squares(self) -> bool:
        """Tell whether a smaller squared error is a better score: of values by metrics of squares alone.

        Of probabilities and votes it is, nearly: their squared error is lowest for the true probabilities.
        """
        return self.form.predict is not Predict.VALUE or self.metric in _OF_SQUARES


_OF_SQUARES = frozenset({"rmse", "mse", "rmsle", "mcrmse", "r2"})
