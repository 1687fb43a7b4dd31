"""Greedy ensemble selection with replacement (Caruana et al., ICML 2004): by any score, or by squared error.

:func:`select` sorts the models by their own score and starts as the best prefix of them; then the model that
helps most is added, again and again, a model as often as it helps. How often it was added is its weight.

:func:`select_by_squares` does the same with the squared error, which needs the models' products alone and
not their rows: it is a hundred times as fast, so it is repeated on resampled blocks of rows and the weights
averaged (bagging), which a score that jumps from row to row, such as an AUC of few positives, needs most.

Only predictions on rows that the models did not train on may be given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aide_local.evaluate.splits import permutation
from aide_local.task import Direction

Floats = NDArray[np.float64]
ScoreMany = Callable[[Sequence[Floats]], list[float]]

MOST_AT_START = 5  # a prefix longer than this only dilutes the best
ROUNDS = 30

_BAGS, _BLOCKS, _BAG_ROUNDS = 8, 10, 25
_LEAST_SHARE, _MOST_MEMBERS = 0.02, 10  # of the average of bags: less is chance, and each costs a refit


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
    """Return weights for ``predictions``, each (n, width), averaged as they are (labels: as votes).

    ``score_many`` scores averages; nan counts as worse than any number. Of equals the earliest is taken,
    so the result depends on the arguments alone. Models in ``always`` are in it whether they help or not;
    without them the result is never worse than the best single model.

    Raises:
        ValueError: no predictions, or none of them has a score.
    """
    alone = _ranks(score_many(list(predictions)), direction)
    order = [at for at in sorted(range(len(alone)), key=lambda at: (-alone[at], at)) if alone[at] > -math.inf]
    if not order:
        raise ValueError("There is no model with a score to select from.")
    prefixes = np.cumsum([predictions[at] for at in order[:MOST_AT_START]], axis=0)
    sizes = range(1, len(prefixes) + 1)
    scores = _ranks(
        score_many([total / size for total, size in zip(prefixes, sizes, strict=True)]), direction
    )
    start = _first_best(scores)
    counts = np.zeros(len(predictions), dtype=np.int64)
    counts[order[: start + 1]] = 1
    total, best = np.array(prefixes[start]), scores[start]
    if added := [at for at in always if counts[at] == 0]:
        counts[added] = 1
        total = total + np.sum([predictions[at] for at in added], axis=0)
        best = _ranks(score_many([total / int(counts.sum())]), direction)[0]
    for _ in range(rounds):
        size = int(counts.sum()) + 1
        scores = _ranks(score_many([(total + predictions[at]) / size for at in order]), direction)
        helps = _first_best(scores)
        if scores[helps] <= best:
            break
        best = scores[helps]
        counts[order[helps]] += 1
        total += predictions[order[helps]]
    return Selection(tuple(float(share) for share in counts / counts.sum()), direction.sign * best)


def select_by_squares(
    parts: Floats, truth: Floats, always: Sequence[int] = (), bags: int = _BAGS
) -> tuple[float, ...]:
    """Return weights that sum to 1 for ``parts`` (models, n, width), by their average's squared error from ``truth``
    (n, width); the columns count alike, whatever their units.

    Models in ``always`` are in it whether they help or not.
    """
    models, n, _ = parts.shape
    spread = truth.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    order = permutation(n, 0)
    products, gains = [], []
    for rows in np.array_split(order, min(_BLOCKS, n)):
        flat = (parts[:, rows] / scale).reshape(models, -1)
        products.append(flat @ flat.T)
        gains.append(flat @ (truth[rows] / scale).reshape(-1))
    words = np.random.PCG64(np.random.SeedSequence([0, bags])).random_raw((bags, len(products)))
    weights = np.zeros(models)
    for drawn in words % np.uint64(len(products)):
        product = np.sum([products[at] for at in drawn], axis=0)
        gain = np.sum([gains[at] for at in drawn], axis=0)
        weights += _greedy_squares(product, gain, always)
    weights /= weights.sum()
    kept = np.zeros(models, dtype=bool)
    kept[np.argsort(-weights, kind="stable")[:_MOST_MEMBERS]] = True
    kept &= weights >= min(_LEAST_SHARE, float(weights.max()))
    kept[list(always)] = True
    weights = np.where(kept, weights, 0.0)
    return tuple(float(share) for share in weights / weights.sum())


def _greedy_squares(product: Floats, gain: Floats, always: Sequence[int]) -> Floats:
    """Return the shares of one bag.

    ``product`` (models, models) and ``gain`` (models,) are sums of products with each other and with the truth.
    """
    counts = np.zeros(len(gain))
    counts[list(always)] = 1.0
    towards = product @ counts
    own, of_truth = float(counts @ towards), float(counts @ gain)
    diagonal = np.diag(product)
    for size in range(len(always) + 1, len(always) + _BAG_ROUNDS + 1):
        error = (own + 2.0 * towards + diagonal) / size**2 - 2.0 * (of_truth + gain) / size
        best = _first_best(-error)
        own += 2.0 * towards[best] + diagonal[best]
        towards = towards + product[best]
        of_truth += gain[best]
        counts[best] += 1.0
    return np.asarray(counts / counts.sum())


def average(predictions: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Return the weighted sum of arrays of one shape."""
    total = np.zeros_like(np.asarray(predictions[0], dtype=np.float64))
    for one, weight in zip(predictions, weights, strict=True):
        total += weight * one
    return total


def _ranks(scores: Sequence[float], direction: Direction) -> list[float]:
    """Return numbers that are higher for better scores; nan is worst."""
    return [-math.inf if math.isnan(score) else direction.sign * score for score in scores]


def _first_best(scores: Sequence[Any] | Floats) -> int:
    return int(np.argmax(np.asarray(scores, dtype=np.float64)))
