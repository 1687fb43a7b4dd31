"""Greedy ensemble selection with replacement, started from the best (Caruana et al., ICML 2004).

The models are sorted by their own score and the ensemble starts as the best prefix of them; then the
model that helps most is added, again and again, a model as often as it helps. How often it was added is
its weight. Only predictions on rows that the models did not train on may be given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aide_local.task import Direction

Floats = NDArray[np.float64]
ScoreMany = Callable[[Sequence[Floats]], list[float]]

MOST_AT_START = 5  # a prefix longer than this only dilutes the best
ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Selection:
    """``weights`` (models,) sum to 1; ``score`` is the weighted average's."""

    weights: tuple[float, ...]
    score: float


def select(
    predictions: Sequence[Floats],
    score_many: ScoreMany,
    direction: Direction,
    rounds: int = ROUNDS,
    always: Sequence[int] = (),
) -> Selection:
    """Weights for ``predictions``, each (n, width), averaged as they are (labels: as votes).

    ``score_many`` scores averages; nan counts as worse than any number. Of equals the earliest is taken,
    so the result depends on the arguments alone. Models in ``always`` are in it whether they help or not;
    without them the result is never worse than the best single model.

    Raises:
        ValueError: no predictions, or none of them has a score.
    """
    alone = _ranked(score_many(list(predictions)), direction)
    order = [at for at in sorted(range(len(alone)), key=lambda at: (-alone[at], at)) if alone[at] > -math.inf]
    if not order:
        raise ValueError("There is no model with a score to select from.")
    prefixes = np.cumsum([predictions[at] for at in order[:MOST_AT_START]], axis=0)
    sizes = range(1, len(prefixes) + 1)
    scores = _ranked(
        score_many([total / size for total, size in zip(prefixes, sizes, strict=True)]), direction
    )
    start = _first_best(scores)
    counts = np.zeros(len(predictions), dtype=np.int64)
    counts[order[: start + 1]] = 1
    total, best = np.array(prefixes[start]), scores[start]
    if added := [at for at in always if counts[at] == 0]:
        counts[added] = 1
        total = total + np.sum([predictions[at] for at in added], axis=0)
        best = _ranked(score_many([total / int(counts.sum())]), direction)[0]
    for _ in range(rounds):
        size = int(counts.sum()) + 1
        scores = _ranked(score_many([(total + predictions[at]) / size for at in order]), direction)
        helps = _first_best(scores)
        if scores[helps] <= best:
            break
        best = scores[helps]
        counts[order[helps]] += 1
        total += predictions[order[helps]]
    return Selection(tuple(float(share) for share in counts / counts.sum()), direction.sign * best)


def average(predictions: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Weighted sum of arrays of one shape."""
    total = np.zeros_like(np.asarray(predictions[0], dtype=np.float64))
    for one, weight in zip(predictions, weights, strict=True):
        total += weight * one
    return total


def _ranked(scores: Sequence[float], direction: Direction) -> list[float]:
    """Higher is better; nan is worst."""
    return [-math.inf if math.isnan(score) else direction.sign * score for score in scores]


def _first_best(scores: Sequence[Any]) -> int:
    return int(np.argmax(np.asarray(scores, dtype=np.float64)))
