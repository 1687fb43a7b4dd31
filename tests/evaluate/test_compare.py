"""When a gain counts, and when racing stops a node."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local.evaluate.compare import clearly_behind, compare
from aide_local.task import Direction
from aide_local.types import FoldScore

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


@pytest.mark.parametrize(
    ("score", "stopped"),
    [(0.60, True), (0.79, False), (0.80, False), (0.95, False)],
)
def test_racing_stops_below_the_incumbent_by_more_than_its_folds_vary(score: float, stopped: bool) -> None:
    incumbent = folds(0.80, 0.82, 0.78)
    assert clearly_behind(score, 0, incumbent, Direction.MAXIMIZE, 1.0) is stopped


def test_racing_looks_at_the_same_fold_only() -> None:
    assert not clearly_behind(0.5, 0, folds(0.5, 0.9, 0.9), Direction.MAXIMIZE, 1.0)
    assert not clearly_behind(0.1, 4, folds(0.5, 0.9, 0.9), Direction.MAXIMIZE, 1.0)


def test_racing_gives_one_per_cent_of_the_scale_even_to_equal_folds() -> None:
    assert not clearly_behind(0.795, 0, folds(0.8, 0.8, 0.8), Direction.MAXIMIZE, 1.0)
    assert clearly_behind(0.785, 0, folds(0.8, 0.8, 0.8), Direction.MAXIMIZE, 1.0)
