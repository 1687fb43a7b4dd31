"""How the training rows are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local.errors import SettingsError, TaskError
from aide_local.evaluate.splits import FIRST_BLOCK, REPORT, Split, permutation, split
from aide_local.task import SplitKind

KINDS = st.sampled_from(list(SplitKind))
SEEDS = st.integers(0, 2**63)


@st.composite
def cut(draw: st.DrawFn) -> tuple[Split, np.ndarray]:
    """A split of some rows, and the keys it went by."""
    kind = draw(KINDS)
    n = draw(st.integers(20, 120)) if draw(st.booleans()) else draw(st.integers(500, 900))
    keys = np.array(draw(st.lists(st.integers(0, 12), min_size=n, max_size=n)))
    keys[:2] = (3, 4)  # two groups, classes and moments at least
    made = split(
        kind,
        n,
        folds=draw(st.integers(2, 7)),
        seed=draw(SEEDS),
        report_fraction=draw(st.sampled_from([0.0, 0.1, 0.3])),
        keys=None if kind is SplitKind.RANDOM else keys,
    )
    return made, keys


@given(cut())
def test_every_row_is_validated_once_or_reported_or_in_the_first_block_of_time(
    made: tuple[Split, np.ndarray],
) -> None:
    cut_, _ = made
    times = np.zeros(len(cut_.fold), dtype=int)
    for k in range(cut_.folds):
        times[cut_.validation(k)] += 1
    times[cut_.report] += 1
    times[cut_.fold == FIRST_BLOCK] += 1
    assert (times == 1).all()
    assert (cut_.fold != FIRST_BLOCK).all() or cut_.kind is SplitKind.TIME


@given(cut())
def test_no_row_is_trained_on_that_its_fold_validates_or_that_is_reported(
    made: tuple[Split, np.ndarray],
) -> None:
    cut_, _ = made
    for k in range(cut_.folds):
        training = cut_.training(k)
        assert len(training) > 0
        assert len(cut_.validation(k)) > 0
        assert not np.isin(training, cut_.validation(k)).any()
        assert not np.isin(training, cut_.report).any()


@given(cut())
def test_a_group_is_never_on_both_sides(made: tuple[Split, np.ndarray]) -> None:
    cut_, keys = made
    if cut_.kind is SplitKind.GROUP:
        for k in range(cut_.folds):
            seen = set(keys[cut_.training(k)])
            assert not seen & set(keys[cut_.validation(k)])
            assert not seen & set(keys[cut_.report])


@given(cut())
def test_with_time_every_training_row_is_before_every_validated_and_reported_row(
    made: tuple[Split, np.ndarray],
) -> None:
    cut_, keys = made
    if cut_.kind is SplitKind.TIME:
        for k in range(cut_.folds):
            last = keys[cut_.training(k)].max()
            assert last < keys[cut_.validation(k)].min()
            assert len(cut_.report) == 0 or last < keys[cut_.report].min()


@given(cut())
def test_stratified_folds_hold_each_class_evenly(made: tuple[Split, np.ndarray]) -> None:
    cut_, keys = made
    if cut_.kind is SplitKind.STRATIFIED:
        for value in np.unique(keys):
            counts = np.bincount(cut_.fold[(keys == value) & (cut_.fold >= 0)], minlength=cut_.folds)
            assert counts.max() - counts.min() <= 1


@given(cut())
def test_permutation_folds_differ_by_one_row_at_most(made: tuple[Split, np.ndarray]) -> None:
    cut_, _ = made
    if cut_.kind in (SplitKind.RANDOM, SplitKind.STRATIFIED):
        sizes = np.bincount(cut_.fold[cut_.fold >= 0])
        assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("kind", list(SplitKind))
def test_nothing_is_set_aside_below_500_rows(kind: SplitKind) -> None:
    keys = np.arange(499) // 5
    assert len(split(kind, 499, folds=5, seed=0, report_fraction=0.1, keys=keys).report) == 0


@pytest.mark.parametrize("kind", list(SplitKind))
def test_a_tenth_is_set_aside_from_500_rows_on(kind: SplitKind) -> None:
    keys = np.arange(500) // 5
    made = split(kind, 500, folds=5, seed=0, report_fraction=0.1, keys=keys)
    assert 45 <= len(made.report) <= 55


def test_the_report_slice_of_a_time_split_is_the_latest_rows() -> None:
    moments = np.arange(1000)[::-1]
    report = split(SplitKind.TIME, 1000, folds=4, seed=3, report_fraction=0.1, keys=moments).report
    assert sorted(moments[report]) == list(range(900, 1000))


def test_the_report_slice_of_a_stratified_split_has_each_class_in_its_share() -> None:
    keys = np.repeat(["a", "b"], [900, 100])
    report = split(SplitKind.STRATIFIED, 1000, folds=4, seed=3, report_fraction=0.1, keys=keys).report
    assert (keys[report] == "b").sum() == 10


@given(KINDS, SEEDS)
def test_the_same_seed_gives_the_same_folds(kind: SplitKind, seed: int) -> None:
    keys = np.arange(60) % 7
    first, second = (split(kind, 60, folds=4, seed=seed, keys=keys).fold for _ in range(2))
    assert (first == second).all()


def test_another_seed_gives_other_folds() -> None:
    first, second = (split(SplitKind.RANDOM, 60, folds=4, seed=seed).fold for seed in (1, 2))
    assert (first != second).any()


def test_folds_are_these_on_any_machine_and_with_any_numpy() -> None:
    """Written down once: another result would give resumed runs other folds."""
    assert permutation(10, 7, 2).tolist() == GOLDEN_ORDER
    keys = np.array([0, 1, 2, 0, 1, 2, 0, 0, 0, 1, 1, 2])
    made = {
        kind: split(kind, 12, folds=3, seed=5, keys=None if kind is SplitKind.RANDOM else keys).fold.tolist()
        for kind in SplitKind
    }
    assert made == GOLDEN_FOLDS


GOLDEN_ORDER = [8, 6, 4, 0, 5, 7, 1, 3, 9, 2]
GOLDEN_FOLDS = {
    SplitKind.RANDOM: [1, 0, 1, 2, 0, 2, 0, 1, 2, 2, 0, 1],
    SplitKind.STRATIFIED: [2, 1, 2, 1, 2, 1, 1, 0, 0, 0, 2, 0],
    SplitKind.GROUP: [0, 1, 2, 0, 1, 2, 0, 0, 0, 1, 1, 2],
    SplitKind.TIME: [-1, 0, 1, -1, 0, 1, -1, -1, -1, 0, 0, 1],
}


def test_group_names_do_not_matter_but_only_who_is_together() -> None:
    numbers = np.arange(90) % 11
    names = np.array([f"group {value}" for value in 17 * numbers % 101])
    by_number, by_name = (split(SplitKind.GROUP, 90, folds=4, seed=9, keys=keys) for keys in (numbers, names))
    assert (by_number.fold == by_name.fold).all()


def test_there_are_no_more_folds_than_rows_groups_or_moments() -> None:
    assert split(SplitKind.RANDOM, 3, folds=5, seed=0).folds == 3
    assert split(SplitKind.GROUP, 9, folds=5, seed=0, keys=np.arange(9) % 2).folds == 2
    assert split(SplitKind.TIME, 9, folds=5, seed=0, keys=np.arange(9) % 3).folds == 2


def test_one_moment_that_holds_most_rows_leaves_a_split_in_two() -> None:
    keys = np.array([0] * 50 + [1] * 900 + [2] * 50)
    made = split(SplitKind.TIME, 1000, folds=5, seed=0, keys=keys)
    assert made.folds >= 1
    assert all(len(made.validation(k)) and len(made.training(k)) for k in range(made.folds))


@pytest.mark.parametrize("kind", [SplitKind.GROUP, SplitKind.TIME])
def test_a_single_group_or_moment_is_an_error_that_names_the_mend(kind: SplitKind) -> None:
    with pytest.raises(TaskError, match=f"--{kind}"):
        split(kind, 30, folds=3, seed=0, keys=np.zeros(30))


def test_a_single_row_cannot_be_split() -> None:
    with pytest.raises(TaskError, match="1 rows"):
        split(SplitKind.RANDOM, 1, folds=3, seed=0)


def test_one_fold_is_refused() -> None:
    with pytest.raises(SettingsError, match="--folds"):
        split(SplitKind.RANDOM, 30, folds=1, seed=0)


@pytest.mark.parametrize("fraction", [-0.1, 0.6, float("nan")])
def test_a_report_fraction_that_makes_no_sense_is_refused(fraction: float) -> None:
    with pytest.raises(SettingsError, match="report slice"):
        split(SplitKind.RANDOM, 30, folds=2, seed=0, report_fraction=fraction)


def test_report_is_not_a_fold() -> None:
    assert REPORT < FIRST_BLOCK < 0
