"""The number that is shown: its interval holds what it says, and says where the number comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aide_local.basics.tables import read_table
from aide_local.evaluate.form import Form, truth_of
from aide_local.evaluate.interval import Estimate, Source, estimate
from aide_local.evaluate.resample import ScoredRows
from aide_local.evaluate.score import Scorer, open_scorer
from aide_local.task import Kind, SplitKind
from tests.evaluate.making import make_task

DRAWS = 60


def scorer_of(root: Path, kind: Kind, metric: str) -> Scorer:
    task = make_task(root / "task", kind, metric, n=400)
    assert task.train is not None
    return open_scorer(task, Form.of(task), truth_of(task, read_table(task.train)))


def scored(
    truth: np.ndarray,
    prediction: np.ndarray,
    test_units: int,
    split: SplitKind = SplitKind.RANDOM,
    keys: np.ndarray | None = None,
) -> ScoredRows:
    return ScoredRows.of(split, truth, prediction, keys, train_rows=len(truth), test_units=test_units)


def population(kind: str, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, prediction and keys of ``n`` rows; in groups rows err together."""
    if kind == "rmse":
        return (truth := rng.normal(size=n)), truth + rng.standard_t(5, size=n), np.zeros(n)
    if kind == "groups":
        groups = np.arange(n) // 10
        error = rng.normal(size=groups.max() + 1)[groups] + 0.5 * rng.normal(size=n)
        return (truth := rng.normal(size=n)), truth + error, groups
    raw = rng.normal(size=n)
    truth = (raw + rng.normal(size=n) > 1.0).astype(np.int64)
    return truth, raw if kind == "auc" else (raw > 0.7).astype(np.int64), truth


@pytest.mark.parametrize(
    ("kind", "metric", "split"),
    [
        ("rmse", "rmse", SplitKind.RANDOM),
        ("groups", "rmse", SplitKind.GROUP),
        ("auc", "auc", SplitKind.STRATIFIED),
        ("accuracy", "accuracy", SplitKind.STRATIFIED),
    ],
)
def test_the_interval_holds_the_score_of_rows_not_seen_in_nine_runs_of_ten(
    tmp_path: Path, kind: str, metric: str, split: SplitKind
) -> None:
    scorer = scorer_of(tmp_path, Kind.REGRESSION if metric == "rmse" else Kind.BINARY, metric)
    inside = 0
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        truth, prediction, keys = population(kind, rng, 800)
        test_truth, test_prediction, test_keys = population(kind, rng, 200)
        units = len(np.unique(test_keys)) if split is SplitKind.GROUP else 200
        found = estimate(scorer, scored(truth, prediction, units, split, keys), None, seed=draw)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= scorer.score(test_truth, test_prediction) <= found.high
    assert inside >= 0.9 * DRAWS


def rmse_estimate(root: Path, slice_rows: int, slice_error: float, n_test: int = 100) -> Estimate:
    """A thousand cross-fitted rows with errors of size 1."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=1000)
    crossed = scored(truth, truth + rng.normal(size=1000), n_test)
    part = rng.normal(size=slice_rows)
    wrong = part + slice_error * rng.normal(size=slice_rows)
    sliced = scored(part, wrong, n_test)
    found = estimate(scorer_of(root, Kind.REGRESSION, "rmse"), crossed, sliced, seed=0)
    assert found is not None
    return found


def test_a_small_report_slice_is_the_check_of_the_cross_fitted_estimate(tmp_path: Path) -> None:
    found = rmse_estimate(tmp_path, 50, 1.0)
    assert (found.source, found.rows, found.check_rows) == (Source.CROSS_FITTED, 1000, 50)
    assert found.check is not None
    assert found.warning == ""
    assert found.basis == (
        "Cross-fitted on 1,000 rows; the report slice of 50 rows is too small to say much and is the check."
    )


def test_a_large_report_slice_is_the_headline(tmp_path: Path) -> None:
    found = rmse_estimate(tmp_path, 5000, 1.0)
    assert (found.source, found.rows, found.check_rows) == (Source.SLICE, 5000, 1000)


def test_estimates_that_differ_by_more_than_chance_give_a_warning_with_both_numbers(tmp_path: Path) -> None:
    found = rmse_estimate(tmp_path, 50, 2.0)
    assert f"{found.check:.4g} on 50 rows" in found.warning
    assert f"{found.score:.4g} on 1000 rows" in found.warning
    assert "expect the worse" in found.warning


def test_fewer_rows_to_predict_widen_the_interval(tmp_path: Path) -> None:
    few, many = (rmse_estimate(tmp_path / str(n), 50, 1.0, n) for n in (20, 20_000))
    assert few.low is not None
    assert few.high is not None
    assert many.low is not None
    assert many.high is not None
    assert few.high - few.low > 2 * (many.high - many.low)


def test_no_end_of_an_interval_is_better_than_perfect(tmp_path: Path) -> None:
    truth = np.arange(60) % 2
    prediction = truth.copy()
    prediction[:2] = 1 - prediction[:2]
    scorer = scorer_of(tmp_path, Kind.BINARY, "accuracy")
    found = estimate(scorer, scored(truth, prediction, 30, SplitKind.STRATIFIED, truth), None, seed=0)
    assert found is not None
    assert found.high == 1.0


def test_the_same_seed_gives_the_same_interval(tmp_path: Path) -> None:
    assert rmse_estimate(tmp_path / "a", 50, 1.0) == rmse_estimate(tmp_path / "b", 50, 1.0)


def test_without_a_score_there_is_no_estimate(tmp_path: Path) -> None:
    one_class = np.zeros(30, dtype=np.int64)
    rows = scored(one_class, np.linspace(0, 1, 30), 10, SplitKind.STRATIFIED, one_class)
    assert estimate(scorer_of(tmp_path, Kind.BINARY, "auc"), rows, None, seed=0) is None


@pytest.mark.parametrize("metric", ["accuracy", "auc"])
def test_perfect_predictions_leave_room_for_a_few_mistakes(tmp_path: Path, metric: str) -> None:
    truth = np.arange(60) % 2
    found = estimate(
        scorer_of(tmp_path, Kind.BINARY, metric),
        scored(truth, truth.astype(float), 30, SplitKind.STRATIFIED, truth),
        scored(truth[:10], truth[:10].astype(float), 30, SplitKind.STRATIFIED, truth[:10]),
        seed=0,
    )
    assert found is not None
    assert (found.score, found.high, found.source) == (1.0, 1.0, Source.CROSS_FITTED)
    assert found.low is not None
    assert 0.7 < found.low < 0.95


def test_with_a_split_by_time_the_interval_is_as_wide_as_blocks_of_time_differ(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=500)
    rows = scored(truth, truth + rng.normal(size=500), 100, SplitKind.TIME, np.arange(500))
    scorer = scorer_of(tmp_path, Kind.REGRESSION, "rmse")
    steady = estimate(scorer, rows, None, seed=0, blocks=(1.0, 1.01, 0.99, 1.0, 1.0))
    drifting = estimate(scorer, rows, None, seed=0, blocks=(0.7, 0.8, 1.0, 1.2, 1.4))
    assert steady is not None
    assert steady.high is not None
    assert drifting is not None
    assert drifting.high is not None
    assert steady.high < 1.4 < drifting.high
