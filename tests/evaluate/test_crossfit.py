"""The score of an ensemble is never on rows that its weights were selected by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aide_local.basics.tables import read_table
from aide_local.evaluate.blend import Blend, Combination
from aide_local.evaluate.crossfit import choose, cross_fit
from aide_local.evaluate.evidence import Evidence
from aide_local.evaluate.form import Form, truth_of
from aide_local.evaluate.score import open_scorer
from aide_local.task import Kind
from tests.evaluate.making import make_task

FOLDS = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("task")


def evidence(
    root: Path,
    kind: Kind,
    metric: str,
    noises: tuple[float, ...],
    seed: int = 0,
    always: tuple[int, ...] = (),
) -> Evidence:
    """Models whose predictions are the truth with noise, of 200 rows in ``FOLDS`` folds."""
    task = make_task(root / f"{kind}-{metric}", kind, metric, n=200)
    assert task.train is not None
    form = Form.of(task)
    truth = truth_of(task, read_table(task.train))
    rng = np.random.default_rng(seed)
    parts = []
    for noise in noises:
        soft = form.soft(truth) if kind is Kind.REGRESSION else np.eye(2)[truth][:, -form.width :]
        soft = soft + noise * rng.normal(size=soft.shape)
        if metric == "accuracy":
            soft = np.eye(2)[np.argmax(soft, axis=1)]
        parts.append(soft if kind is Kind.REGRESSION else np.clip(soft, 0.0, 1.0))
    fold = rng.integers(0, FOLDS, size=200)
    return Evidence(tuple(parts), truth, fold, open_scorer(task, form, truth), form, metric, always)


METRICS = [
    (Kind.REGRESSION, "rmse"),
    (Kind.REGRESSION, "mae"),
    (Kind.BINARY, "auc"),
    (Kind.BINARY, "accuracy"),
]


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(METRICS),
    st.lists(st.floats(0.1, 2.0), min_size=1, max_size=5),
    st.integers(0, 99),
    st.integers(0, FOLDS - 1),
)
def test_no_weights_see_the_rows_that_they_are_scored_on(
    root: Path, of: tuple[Kind, str], noises: list[float], seed: int, k: int
) -> None:
    """Whatever the truth of a fold's rows is, they are put together by the same weights."""
    made = evidence(root, *of, tuple(noises), seed)
    mine = made.fold == k
    changed = made.truth.copy()
    changed[mine] = changed[mine][::-1]
    other = replace(made, truth=changed)
    for one, with_other in zip(choose(made).all, choose(other).all, strict=True):
        np.testing.assert_array_equal(one.column[mine], with_other.column[mine])


@pytest.mark.parametrize(("kind", "metric"), METRICS)
def test_each_fold_is_put_together_by_weights_of_the_other_folds(root: Path, kind: Kind, metric: str) -> None:
    made = evidence(root, kind, metric, (0.5, 0.6, 0.9))
    seen: list[int] = []

    def fit(rows: Evidence) -> Blend:
        seen.append(len(rows.truth))
        share = float(rows.fold.max() == FOLDS - 1)
        return Blend(Combination.GREEDY, (share, 1.0 - share, 0.0))

    found = cross_fit(made, fit)
    assert seen == [int((made.fold != k).sum()) for k in range(FOLDS)] + [200]
    last = made.fold == FOLDS - 1
    np.testing.assert_array_equal(found.column[last], made.parts[1][last])
    np.testing.assert_array_equal(found.column[~last], made.parts[0][~last])
    assert found.blend.weights == (1.0, 0.0, 0.0)


def test_the_score_is_that_of_the_assembled_column(root: Path) -> None:
    made = evidence(root, Kind.REGRESSION, "rmse", (0.5, 0.6, 0.7))
    found = choose(made).chosen
    assert found.score == pytest.approx(made.scorer.score(made.truth, found.column[:, 0]))
    assert len(found.by_fold) == FOLDS


def test_the_score_shown_is_less_rosy_than_that_on_the_rows_of_the_selection(root: Path) -> None:
    made = evidence(root, Kind.REGRESSION, "rmse", (1.0,) * 12)
    found = choose(made).chosen
    fitted = made.score(found.blend.apply(made.parts))
    assert found.score > fitted


def test_a_model_that_a_person_pinned_is_always_in_it(root: Path) -> None:
    found = choose(evidence(root, Kind.REGRESSION, "rmse", (0.1, 2.0), always=(1,))).chosen
    assert found.blend.weights[1] > 0


def test_a_single_fold_is_cut_into_parts_of_its_own(root: Path) -> None:
    made = evidence(root, Kind.REGRESSION, "rmse", (0.5, 0.6))
    one = replace(made, fold=np.zeros(200, dtype=np.int64))
    assert len(choose(one).chosen.by_fold) == 5


def test_the_same_predictions_give_the_same_choice(root: Path) -> None:
    first, second = (choose(evidence(root, Kind.BINARY, "auc", (0.5, 0.7, 0.9))).chosen for _ in range(2))
    assert (first.blend, first.score) == (second.blend, second.score)
