"""A second level bends the greedy weights where that helps, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aide_local.basics.tables import read_table
from aide_local.evaluate.blend import Blend, Combination, Scale
from aide_local.evaluate.crossfit import choose
from aide_local.evaluate.evidence import Evidence
from aide_local.evaluate.form import Form, truth_of
from aide_local.evaluate.score import open_scorer
from aide_local.evaluate.stack import class_offsets, linear, log_odds
from aide_local.task import Kind
from tests.evaluate.making import make_task

EVEN = Blend(Combination.GREEDY, (0.5, 0.5))


def evidence(root: Path, kind: Kind, metric: str, truth: np.ndarray, parts: list[np.ndarray]) -> Evidence:
    task = make_task(root / "task", kind, metric)
    assert task.train is not None
    form = Form.of(task)
    scorer = open_scorer(task, form, truth_of(task, read_table(task.train)))
    return Evidence(tuple(parts), truth, np.arange(len(truth)) % 5, scorer, form, metric)


def cautious(root: Path) -> Evidence:
    """Two models that answer half of what is right, and 1 too much."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400)
    parts = [(0.5 * truth + 1.0 + 0.05 * rng.normal(size=400))[:, None] for _ in range(2)]
    return evidence(root, Kind.REGRESSION, "rmse", truth, parts)


def test_predictions_that_are_all_too_cautious_are_stretched(tmp_path: Path) -> None:
    made = cautious(tmp_path)
    blend = linear(made, EVEN)
    assert min(blend.weights) > 0
    assert made.score(blend.apply(made.parts)) < 0.3 * made.score(EVEN.apply(made.parts))
    assert choose(made).chosen.blend.combination is Combination.LINEAR


def test_linear_weights_are_never_negative(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=300)
    opposed = [(truth + rng.normal(size=300))[:, None], (0.9 * rng.normal(size=300) - truth)[:, None]]
    blend = linear(evidence(tmp_path, Kind.REGRESSION, "rmse", truth, opposed), EVEN)
    assert min(blend.weights) >= 0.0


def test_logarithms_are_averaged_if_the_metric_is_of_them(tmp_path: Path) -> None:
    truth = np.exp(np.random.default_rng(2).normal(size=300))
    made = evidence(tmp_path, Kind.REGRESSION, "rmse", truth, [truth[:, None] * 1.2, truth[:, None] / 1.2])
    assert made.scale is Scale.PLAIN
    logarithmic = Evidence(made.parts, truth, made.fold, made.scorer, made.form, "rmsle")
    assert choose(logarithmic).chosen.blend.scale is Scale.LOG1P


def test_log_odds_keep_the_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    truth = (rng.random(200) < 0.5).astype(np.int64)
    parts = [np.clip(truth[:, None] + rng.normal(size=(200, 1)), 0.01, 0.99) for _ in range(2)]
    blend = log_odds(evidence(tmp_path, Kind.BINARY, "auc", truth, parts), EVEN)
    assert (blend.weights, blend.scale) == (EVEN.weights, Scale.LOG_ODDS)


def test_a_rare_class_is_named_more_often_where_the_metric_wants_it(tmp_path: Path) -> None:
    """Three models vote; a row of the rare class gets at most one vote for it."""
    truth = (np.arange(600) % 10 == 0).astype(np.int64)
    votes = [np.eye(2)[np.where((truth == 1) & (np.arange(600) // 10 % 3 == at), 1, 0)] for at in range(3)]
    even = Blend(Combination.GREEDY, (1 / 3, 1 / 3, 1 / 3))
    made = evidence(tmp_path, Kind.BINARY, "balanced_accuracy", truth, votes)
    blend = class_offsets(made, even)
    assert made.score(even.apply(votes)) == pytest.approx(0.5)
    assert made.score(blend.apply(votes)) == pytest.approx(1.0)


def test_by_accuracy_offsets_that_gain_nothing_stay_zero(tmp_path: Path) -> None:
    truth = np.arange(100) % 2
    made = evidence(tmp_path, Kind.BINARY, "accuracy", truth, [np.eye(2)[truth]] * 2)
    assert set(class_offsets(made, EVEN).offsets) == {0.0}
