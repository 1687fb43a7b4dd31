"""Predictions of several nodes become one, on the scale that suits them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local.evaluate.blend import Blend, Combination, Scale

FIRST, SECOND = np.array([[0.2, 0.8], [0.5, 0.5]]), np.array([[0.6, 0.4], [0.9, 0.1]])


@given(st.sampled_from(list(Scale)), st.lists(st.floats(0.001, 0.999), min_size=2, max_size=5))
def test_a_scale_and_back_gives_the_same_predictions(scale: Scale, numbers: list[float]) -> None:
    soft = np.array([numbers])
    if scale is Scale.LOG_SHARES:
        soft = soft / soft.sum()
    assert scale.back(scale.of(soft)) == pytest.approx(soft, abs=1e-4)


def test_weights_average_predictions() -> None:
    mixed = Blend(Combination.GREEDY, (0.25, 0.75)).apply([FIRST, SECOND])
    np.testing.assert_allclose(mixed, 0.25 * FIRST + 0.75 * SECOND)


def test_class_probabilities_on_a_logarithmic_scale_sum_to_one() -> None:
    mixed = Blend(Combination.LOG_ODDS, (0.5, 0.5), Scale.LOG_SHARES).apply([FIRST, SECOND])
    np.testing.assert_allclose(mixed.sum(axis=1), 1.0)


def test_an_offset_turns_a_vote() -> None:
    blend = Blend(Combination.CLASS_OFFSETS, (1.0,), offsets=(0.4, 0.0))
    assert FIRST[0].argmax() == 1
    assert blend.apply([np.array([[0.4, 0.6]])]).argmax() == 0


def test_models_without_weight_are_not_looked_at() -> None:
    broken = np.full_like(FIRST, np.nan)
    np.testing.assert_array_equal(Blend(Combination.SINGLE, (0.0, 1.0)).apply([broken, SECOND]), SECOND)


def test_without_a_model_the_others_share_its_weight() -> None:
    rest = Blend(Combination.GREEDY, (0.5, 0.3, 0.2)).without(0)
    assert rest.weights == pytest.approx((0.0, 0.6, 0.4))


def test_the_shares_of_positive_weights_sum_to_one() -> None:
    assert Blend(Combination.LINEAR, (0.9, 0.3), offsets=(0.1,)).shares == pytest.approx((0.75, 0.25))


def test_a_blend_is_read_from_what_json_holds() -> None:
    blend = Blend(Combination.LINEAR, (0.9, 0.3), Scale.LOG1P, (0.1,))
    assert Blend.of_values(json.loads(json.dumps(blend.values()))) == blend
