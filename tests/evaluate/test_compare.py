"""When a gain counts, and when racing stops a node."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local.evaluate.compare import Rival, compare, rival_of
from aide_local.task import Direction
from aide_local.types import FoldScore
from tests.factories import valid

scores = st.lists(st.floats(-10, 10), min_size=1, max_size=8)


def folds(*values: float | None) -> tuple[FoldScore, ...]:
    return tuple(FoldScore(at, value) for at, value in enumerate(values))


def test_a_gain_on_every_fold_counts_although_the_folds_differ_more_than_the_gain() -> None:
    found = compare(folds(0.51, 0.71, 0.91), folds(0.50, 0.70, 0.90), Direction.MAXIMIZE, 1.0)
    assert found.counts
    assert found.mean == pytest.approx(0.01)


def test_a_gain_within_one_standard_error_does_not_count() -> None:
    assert not compare(folds(0.9, 0.5, 0.7), folds(0.5, 0.8, 0.7), Direction.MAXIMIZE, 1.0).counts


def test_a_gain_of_the_last_digits_does_not_count() -> None:
    assert not compare(folds(0.50005, 0.70005), folds(0.5, 0.7), Direction.MAXIMIZE, 1.0).counts


def test_where_less_is_better_a_lower_score_is_the_gain() -> None:
    assert compare(folds(9.0, 8.0), folds(10.0, 9.0), Direction.MINIMIZE, 10.0).mean == pytest.approx(1.0)


def test_only_folds_that_both_have_are_compared() -> None:
    found = compare(folds(1.0, None, 3.0), folds(0.5, 9.0), Direction.MAXIMIZE, 1.0)
    assert (found.folds, found.mean) == (1, 0.5)


def test_without_a_common_fold_nothing_counts() -> None:
    found = compare(folds(None), folds(1.0), Direction.MAXIMIZE, 1.0)
    assert math.isnan(found.mean)
    assert not found.counts


@given(scores, scores)
def test_if_one_counts_as_better_the_other_does_not(first: list[float], second: list[float]) -> None:
    one = compare(folds(*first), folds(*second), Direction.MAXIMIZE, 1.0)
    other = compare(folds(*second), folds(*first), Direction.MAXIMIZE, 1.0)
    assert not (one.counts and other.counts)


@given(scores)
def test_a_node_never_counts_as_better_than_itself(values: list[float]) -> None:
    assert not compare(folds(*values), folds(*values), Direction.MAXIMIZE, 1.0).counts


def rival(*values: float, spread: float = 0.02, tolerance: float = 0.0) -> Rival:
    return Rival(0, folds(*values), spread, tolerance)


@pytest.mark.parametrize(
    ("score", "stopped"),
    [(0.60, True), (0.75, True), (0.77, False), (0.80, False), (0.95, False)],
)
def test_racing_stops_below_the_rival_by_more_than_folds_vary(score: float, stopped: bool) -> None:
    """At the first fold the margin is two spreads of 0.02."""
    assert rival(0.80, 0.82, 0.78).leaves_behind(folds(score), Direction.MAXIMIZE) is stopped


def test_racing_looks_at_the_same_folds_only() -> None:
    other = folds(0.5, 0.9, 0.9)
    assert not Rival(0, other, 0.02, 0.0).leaves_behind(folds(0.5), Direction.MAXIMIZE)
    assert not Rival(0, other, 0.02, 0.0).leaves_behind((FoldScore(4, 0.1),), Direction.MAXIMIZE)


def test_racing_gets_stricter_with_every_fold() -> None:
    """A difference that one fold may show by chance is believed once four folds show it."""
    behind = [0.77, 0.77, 0.77, 0.77]
    stopped = [
        rival(0.8, 0.8, 0.8, 0.8, 0.8).leaves_behind(folds(*behind[:k]), Direction.MAXIMIZE)
        for k in range(1, 5)
    ]
    assert stopped == [False, True, True, True]


def test_what_is_tolerated_is_added_to_the_margin() -> None:
    assert rival(0.80).leaves_behind(folds(0.70), Direction.MAXIMIZE)
    assert not rival(0.80, tolerance=0.1).leaves_behind(folds(0.70), Direction.MAXIMIZE)


def test_where_less_is_better_a_higher_score_is_behind() -> None:
    assert rival(1.0).leaves_behind(folds(1.2), Direction.MINIMIZE)
    assert not rival(1.0).leaves_behind(folds(0.5), Direction.MINIMIZE)


def test_the_spread_is_that_of_paired_differences_not_of_the_folds() -> None:
    best = valid(0, 0.8, folds=folds(0.6, 0.8, 1.0))
    near = valid(1, 0.79, folds=folds(0.59, 0.79, 0.99))
    far = valid(2, 0.7, folds=folds(0.59, 0.76, 0.93))
    found = rival_of(best, (best, near, far), 0.0)
    assert found is not None
    assert found.spread == pytest.approx((0.0 + 0.03) / 2, abs=1e-3)
    assert rival_of(None, (), 1.0) is None


def test_the_spread_of_a_first_node_is_that_of_its_folds_and_never_nothing() -> None:
    best = valid(0, 0.8, folds=folds(0.6, 0.8, 1.0))
    alone, equal = rival_of(best, (best,), 1.0), rival_of(valid(0, 0.8, folds=folds(0.8, 0.8)), (), 1.0)
    assert alone is not None
    assert equal is not None
    assert alone.spread == pytest.approx(0.2)
    assert equal.spread > 0
