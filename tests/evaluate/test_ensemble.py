"""Greedy ensemble selection."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local import metrics
from aide_local.evaluate.ensemble import average, select, select_by_squares
from aide_local.task import Direction

TRUTH = np.random.default_rng(0).normal(size=200)


def rmse(many: Sequence[np.ndarray]) -> list[float]:
    return [float(np.sqrt(np.mean((one[:, 0] - TRUTH) ** 2))) for one in many]


def model(seed: int, noise: float) -> np.ndarray:
    return (TRUTH + noise * np.random.default_rng(seed).normal(size=len(TRUTH)))[:, None]


models = st.lists(st.tuples(st.integers(1, 99), st.floats(0.05, 3.0)), min_size=1, max_size=8)


@given(models)
def test_the_ensemble_is_never_worse_than_the_best_single_model(made: list[tuple[int, float]]) -> None:
    predictions = [model(*one) for one in made]
    assert select(predictions, rmse, Direction.MINIMIZE).score <= min(rmse(predictions))


@given(models)
def test_the_weights_sum_to_one_and_give_the_score(made: list[tuple[int, float]]) -> None:
    predictions = [model(*one) for one in made]
    chosen = select(predictions, rmse, Direction.MINIMIZE)
    assert sum(chosen.weights) == pytest.approx(1.0)
    assert rmse([average(predictions, chosen.weights)])[0] == pytest.approx(chosen.score)


def test_models_that_err_apart_are_averaged() -> None:
    chosen = select([model(1, 1.0), model(2, 1.0)], rmse, Direction.MINIMIZE)
    assert min(chosen.weights) > 0.3
    assert chosen.score < 0.8


def test_a_model_that_only_harms_gets_no_weight() -> None:
    assert select([model(1, 9.0), model(2, 0.1)], rmse, Direction.MINIMIZE).weights == (0.0, 1.0)


def test_of_equal_models_the_earliest_is_taken() -> None:
    same = model(1, 0.5)
    assert select([same, same, same], rmse, Direction.MINIMIZE).weights == (1.0, 0.0, 0.0)


def test_the_same_models_give_the_same_weights() -> None:
    predictions = [model(seed, 0.5 + seed / 10) for seed in range(1, 9)]
    first, second = (select(predictions, rmse, Direction.MINIMIZE) for _ in range(2))
    assert first == second


def test_labels_are_put_together_by_votes() -> None:
    truth = np.array([0, 1, 2, 0, 1, 2])
    wrong_once = [truth.copy() for _ in range(3)]
    for at, labels in enumerate(wrong_once):
        labels[at] = (labels[at] + 1) % 3
    votes = [np.eye(3)[labels] for labels in wrong_once]
    metric = metrics.get("accuracy")

    def accuracy(many: Sequence[np.ndarray]) -> list[float]:
        return [metric.score(truth, np.argmax(one, axis=1)) for one in many]

    chosen = select(votes, accuracy, Direction.MAXIMIZE)
    assert chosen.score == 1.0


def test_a_model_without_a_score_is_left_out() -> None:
    broken = np.full((len(TRUTH), 1), math.nan)
    assert select([broken, model(1, 1.0)], rmse, Direction.MINIMIZE).weights == (0.0, 1.0)


def test_without_any_model_there_is_nothing_to_select() -> None:
    with pytest.raises(ValueError, match="no model"):
        select([], rmse, Direction.MINIMIZE)


def squares(predictions: Sequence[np.ndarray], **more: object) -> tuple[float, ...]:
    return select_by_squares(np.stack(predictions), TRUTH[:, None], **more)  # type: ignore[arg-type]


@given(models)
def test_by_squares_the_weights_are_shares(made: list[tuple[int, float]]) -> None:
    weights = squares([model(*one) for one in made])
    assert min(weights) >= 0.0
    assert sum(weights) == pytest.approx(1.0)


def test_by_squares_models_that_err_apart_are_averaged() -> None:
    assert squares([model(1, 1.0), model(2, 1.0), model(3, 9.0)]) == pytest.approx((0.5, 0.5, 0.0), abs=0.15)


def test_by_squares_the_unit_of_a_target_does_not_matter() -> None:
    parts = np.stack([np.hstack([model(seed, 0.5), model(seed + 10, 1.0 / seed)]) for seed in (1, 2, 3)])
    truth = np.column_stack([TRUTH, TRUTH])
    units = np.array([1.0, 1000.0])
    assert select_by_squares(parts * units, truth * units) == pytest.approx(select_by_squares(parts, truth))


def test_by_squares_no_more_than_ten_models_have_weight() -> None:
    weights = squares([model(seed, 1.0) for seed in range(1, 31)])
    assert sum(weight > 0 for weight in weights) == 10


def test_by_squares_a_model_that_must_be_in_it_is() -> None:
    assert squares([model(1, 0.1), model(2, 9.0)], always=[1])[1] > 0
