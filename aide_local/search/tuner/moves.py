"""The first proposals for a script: a few well-spread moves that an expert makes before any search.

A sampler knows nothing until some values are measured. These moves measure each of the trade-offs that matter for
nearly every model: slower and longer, simpler, more complex, more random.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from aide_local.search.tuner.space import Hyperparameter, Scale, Value, is_number, same

Point: TypeAlias = "Mapping[str, Value]"  # by key


class Role(Enum):
    """What raising a hyperparameter does to a model."""

    RATE = auto()  # learns faster, with larger steps
    ROUNDS = auto()  # learns longer
    CAPACITY = auto()  # a more complex model
    RESTRAINT = auto()  # a simpler model
    SHARE = auto()  # of rows and columns that each part of the model sees: less random
    CHOICE = auto()
    OTHER = auto()


_ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("learning_rate", "eta", "learning_rate_init"), Role.RATE),
    **dict.fromkeys(
        ("n_estimators", "num_boost_round", "num_iterations", "iterations", "num_trees", "max_iter"), Role.ROUNDS
    ),
    **dict.fromkeys(
        (
            "max_depth", "depth", "num_leaves", "max_leaves", "max_leaf_nodes", "C", "gamma", "n_knots", "n_bins",
            "n_components", "n_clusters", "hidden_layer_sizes[0]", "hidden_layer_sizes[1]", "nu", "degree", "percentile", "k",
        ),
        Role.CAPACITY,
    ),
    **dict.fromkeys(
        (
            "reg_lambda", "lambda", "lambda_l2", "lambda_l1", "reg_alpha", "alpha", "l2_leaf_reg", "l2_regularization",
            "min_child_weight", "min_child_samples", "min_data_in_leaf", "min_samples_leaf", "min_samples_split",
            "min_sum_hessian_in_leaf", "n_neighbors", "var_smoothing", "ccp_alpha", "smooth", "cat_smooth", "cat_l2",
            "min_frequency", "random_strength", "shrinkage", "reg_param", "noise_level", "path_smooth",
            "min_split_loss", "min_split_gain", "min_gain_to_split", "length_scale", "l1_ratio",
        ),
        Role.RESTRAINT,
    ),
    **dict.fromkeys(
        (
            "subsample", "bagging_fraction", "colsample_bytree", "colsample_bylevel", "colsample_bynode",
            "feature_fraction", "feature_fraction_bynode", "rsm", "max_features", "max_samples",
        ),
        Role.SHARE,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Move:
    """Factors on the number of each role; shares are set, not multiplied."""

    factors: Mapping[Role, float]
    share: float | None = None
    switches: bool = False  # every choice takes its next value


_MOVES = (
    _Move({Role.RATE: 0.5, Role.ROUNDS: 2.0}),  # slower and longer
    _Move({Role.CAPACITY: 0.6, Role.RESTRAINT: 3.0}),  # simpler
    _Move({}, share=0.65, switches=True),  # more random
    _Move({Role.CAPACITY: 1.6, Role.RESTRAINT: 1 / 3}),  # more complex
    _Move({Role.RATE: 0.6, Role.ROUNDS: 1.6, Role.CAPACITY: 0.6, Role.RESTRAINT: 3.0}, share=0.6),
    _Move({Role.RATE: 2.0, Role.ROUNDS: 0.5, Role.CAPACITY: 0.75}),  # faster, and cheaper
)


def expert_moves(space: tuple[Hyperparameter, ...], point: Point) -> Iterator[Point]:
    """Yield what an expert would try from ``point``; never ``point`` itself, and nothing twice."""
    given = [dict(point)]
    for move in _MOVES:
        moved = {one.key: _moved(one, point[one.key], move) for one in space}
        if not any(all(same(moved[key], other[key]) for key in moved) for other in given):
            given.append(moved)
            yield moved


def role_of(one: Hyperparameter) -> Role:
    """Return what raising a hyperparameter does."""
    if one.domain.scale is Scale.CHOICE:
        return Role.CHOICE
    if one.name == "gamma" and one.estimator.startswith(("XGB", "xgboost")):
        return Role.RESTRAINT
    return _ROLES.get(one.name, Role.OTHER)


def _moved(one: Hyperparameter, value: Value, move: _Move) -> Value:
    domain, role = one.domain, role_of(one)
    if role is Role.CHOICE:
        return _next(domain.choices, value) if move.switches else value
    assert is_number(value)
    if role is Role.SHARE:
        if move.share is None:
            return value
        return domain.shorten(move.share if value > move.share + 0.05 else 0.9)
    factor = move.factors.get(role, 1.0)
    if factor == 1.0:
        return value
    if value == 0:
        return domain.shorten(math.sqrt(domain.low * domain.high) if factor > 1 else 0.0)
    moved = domain.shorten(value * factor)
    if same(moved, value) and domain.scale in (Scale.INT, Scale.LOG_INT):
        moved = domain.shorten(value + (1 if factor > 1 else -1))
    return moved


def _next(choices: tuple[Value, ...], value: Value) -> Value:
    place = next(place for place, one in enumerate(choices) if same(one, value))
    return choices[(place + 1) % len(choices)]
