"""A second level over the nodes' predictions (Wolpert 1992), fitted to the rows that they did not train on.

Each kind starts from the greedy weights and bends them as little as helps: a second level has as many
parameters as models and few rows to fit them to. One kind for each kind of prediction: see
:class:`aide_local.evaluate.blend.Combination`.
"""

from __future__ import annotations

import numpy as np

from aide_local.evaluate.blend import Blend, Combination, Scale
from aide_local.evaluate.evidence import Evidence
from aide_local.evaluate.form import Floats

_RIDGE = 0.1  # of the mean square of a model's predictions: how strongly weights are held to the greedy ones
_STEPS = (
    -0.8,
    -0.5,
    -0.3,
    -0.2,
    -0.1,
    -0.05,
    0.05,
    0.1,
    0.2,
    0.3,
    0.5,
    0.8,
)  # of a class's share of the vote
_SWEEPS = 2
_DESCENTS, _CONVERGED = 500, 1e-6


def linear(evidence: Evidence, greedy: Blend) -> Blend:
    """Return positive weights and an offset with the least squared error, held to those of ``greedy``.

    The positive weights are Breiman's (1996); the sum is free, so that predictions which are all too
    cautious are stretched.
    """
    members = np.flatnonzero(np.asarray(greedy.weights) > 0)
    scaled = evidence.scaled(greedy.scale)[members]
    truth = evidence.soft_truth(greedy.scale)
    centre = scaled.mean(axis=1, keepdims=True)
    models = len(scaled)
    flat = (scaled - centre).reshape(models, -1).T
    wanted = (truth - truth.mean(axis=0)).reshape(-1)
    product = flat.T @ flat
    ridge = _RIDGE * float(np.trace(product)) / models
    start = np.asarray(greedy.weights)[members]
    weights = _not_negative(product + ridge * np.eye(models), flat.T @ wanted + ridge * start, start)
    if not weights.any():
        return greedy
    offsets = truth.mean(axis=0) - np.tensordot(weights, centre[:, 0], axes=1)
    of_all = np.zeros(len(evidence.parts))
    of_all[members] = weights
    return Blend(Combination.LINEAR, tuple(map(float, of_all)), greedy.scale, tuple(map(float, offsets)))


def _not_negative(product: Floats, gain: Floats, start: Floats) -> Floats:
    """Return the weights without a negative one that minimise w·product·w / 2 - gain·w, by coordinate descent."""
    weights = start.copy()
    diagonal = np.diag(product)
    for _ in range(_DESCENTS):
        before = weights.copy()
        for at in np.flatnonzero(diagonal > 0):
            weights[at] = max(0.0, weights[at] + (gain[at] - product[at] @ weights) / diagonal[at])
        if np.abs(weights - before).max() < _CONVERGED:
            break
    return weights


def log_odds(evidence: Evidence, greedy: Blend) -> Blend:
    """Return the weights of ``greedy``, applied to log-odds instead of probabilities."""
    scale = Scale.LOG_SHARES if evidence.form.per_class and evidence.form.width > 1 else Scale.LOG_ODDS
    return Blend(Combination.LOG_ODDS, greedy.weights, scale)


def class_offsets(evidence: Evidence, greedy: Blend) -> Blend:
    """Return ``greedy`` with what the metric gains most by added to each class's share of the vote.

    Scripts name the likeliest class; a metric that counts rare classes as much as frequent ones wants them
    named more often. The rarest class is tried first.
    """
    votes = greedy.apply(evidence.parts)
    width = votes.shape[1]
    offsets = np.zeros(width)
    best = evidence.rank(evidence.score(votes))
    for _ in range(_SWEEPS):
        before = best
        for column in np.argsort(evidence.soft_truth(Scale.PLAIN).mean(axis=0), kind="stable"):
            tries = [_moved(offsets, int(column), step) for step in _STEPS]
            ranks = [evidence.rank(score) for score in evidence.scores([votes + one for one in tries])]
            at = int(np.argmax(ranks))
            if ranks[at] > best:
                offsets, best = tries[at], ranks[at]
        if best == before:
            break
    return Blend(Combination.CLASS_OFFSETS, greedy.weights, greedy.scale, tuple(map(float, offsets)))


def _moved(offsets: Floats, column: int, step: float) -> Floats:
    changed = offsets.copy()
    changed[column] += step
    return changed
