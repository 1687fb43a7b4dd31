"""The value that describes a metric. Formulas live in one module per family and are imported when first used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aide_local.task import Direction, Kind, Predict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_FAMILY = {Predict.VALUE: "values", Predict.PROBABILITY: "probabilities", Predict.LABEL: "labels"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A named score.

    Shapes, for n rows: the truth of classes is an array of indices into the task's classes, ``(n,)``
    (several 0/1 labels: ``(n, t)``); of a regression, floats ``(n,)`` or ``(n, t)``. A prediction is

    - ``Predict.VALUE``: as the truth;
    - ``Predict.PROBABILITY``: of the positive class ``(n,)``; of each class ``(n, C)``; of each label ``(n, t)``;
    - ``Predict.LABEL``: class indices ``(n,)``; several labels: 0/1 ``(n, t)``.
    """

    name: str
    title: str  # as people write it
    direction: Direction
    predict: Predict
    kinds: frozenset[Kind]
    guess: str  # function in ``constants`` that gives the best constant prediction
    bounded: bool  # its values span an interval of length about 1

    def score(self, truth: Array, prediction: Array) -> float:
        """Return the metric's value; nan if this truth leaves it undefined (AUC of a single class).

        Raises:
            ValueError: the shapes differ, a prediction is not finite, or it lies outside the metric's
                domain. The message is fit for a person (or a model) to act on.
        """
        import numpy as np

        formula: Callable[[Array, Array], float] = getattr(self._module(_FAMILY[self.predict]), self.name)
        truth, prediction = np.asarray(truth), np.asarray(prediction)
        self._module("shapes").require(self, truth, prediction)
        return float(formula(truth, prediction))

    def constant(self, truth: Array, rows: int | None = None, classes: int | None = None) -> Array:
        """Return the constant prediction that scores best on ``truth``, repeated for ``rows`` rows.

        ``rows`` defaults to the truth's own number; ``classes`` (the number of probability columns of
        a multi-class task) to the largest index in ``truth`` plus one.
        """
        import numpy as np

        guess: Callable[[Array, int | None], Array] = getattr(self._module("constants"), self.guess)
        row = guess(np.asarray(truth), classes)
        return np.repeat(row[None, ...], len(truth) if rows is None else rows, axis=0)

    def scale(self, truth: Array) -> float:
        """Return the size of a whole unit of progress: 1 for a bounded metric, else the constant guess's score."""
        if self.bounded:
            return 1.0
        return abs(self.score(truth, self.constant(truth))) or 1.0

    def least_gain(self, truth: Array) -> float:
        """Return the gain below which differences are noise of the last digits: 1e-4 of the scale."""
        return 1e-4 * self.scale(truth)

    def better(self, score: float, than: float) -> bool:
        """Return whether ``score`` is strictly better; a nan never is."""
        return self.direction.sign * score > self.direction.sign * than

    @staticmethod
    def _module(name: str) -> Any:
        return import_module(f"aide_local.metrics.{name}")
