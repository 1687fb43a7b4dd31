"""Metrics: equal to scikit-learn's where it has them, with the best constant guess, found by any usual name."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from aide_local.errors import TaskError
from aide_local.metrics import default_for, get, names
from aide_local.task import Direction, Kind, Predict

many = settings(max_examples=60, deadline=None)


def values(low: float = -1e3, high: float = 1e3) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: round(x, 3))


@st.composite
def regressions(draw: st.DrawFn, low: float = -1e3, columns: int = 1) -> tuple[Any, Any]:
    n = draw(st.integers(2, 40))
    rows = st.lists(values(low), min_size=n * columns, max_size=n * columns)
    truth, prediction = (np.array(draw(rows)).reshape(n, columns) for _ in range(2))
    return (truth[:, 0], prediction[:, 0]) if columns == 1 else (truth, prediction)


@st.composite
def labels(draw: st.DrawFn, classes: int = 4) -> tuple[Any, Any]:
    n = draw(st.integers(2, 40))
    side = st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)
    return np.array(draw(side)), np.array(draw(side))


@st.composite
def chances(draw: st.DrawFn) -> tuple[Any, Any]:
    """Both classes occur; probabilities often tie."""
    n = draw(st.integers(2, 40))
    truth = [0, 1, *draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))]
    p = draw(st.lists(st.integers(1, 99).map(lambda x: x / 100), min_size=n, max_size=n))
    return np.array(truth), np.array(p)


@st.composite
def class_chances(draw: st.DrawFn, classes: int = 3) -> tuple[Any, Any]:
    n = draw(st.integers(classes, 30))
    truth = [
        *range(classes),
        *draw(st.lists(st.integers(0, classes - 1), min_size=n - classes, max_size=n - classes)),
    ]
    p = draw(st.lists(st.integers(1, 50), min_size=n * classes, max_size=n * classes))
    table = np.array(p, dtype=float).reshape(n, classes)
    return np.array(truth), table / table.sum(axis=1, keepdims=True)


OF_VALUES = {
    "rmse": reference.root_mean_squared_error,
    "mcrmse": reference.root_mean_squared_error,
    "mse": reference.mean_squared_error,
    "mae": reference.mean_absolute_error,
    "medae": reference.median_absolute_error,
    "r2": reference.r2_score,
    "mape": reference.mean_absolute_percentage_error,
}


@pytest.mark.parametrize("name", OF_VALUES)
@pytest.mark.parametrize("columns", [1, 3])
def test_scores_of_values_equal_scikit_learns(name: str, columns: int) -> None:
    @many
    @given(regressions(columns=columns))
    def check(data: tuple[Any, Any]) -> None:
        assert get(name).score(*data) == pytest.approx(OF_VALUES[name](*data), rel=1e-9, abs=1e-12)

    check()


@pytest.mark.parametrize("columns", [1, 2])
def test_rmsle_equals_scikit_learns(columns: int) -> None:
    @many
    @given(regressions(low=0, columns=columns))
    def check(data: tuple[Any, Any]) -> None:
        expected = reference.root_mean_squared_log_error(*data)
        assert get("rmsle").score(*data) == pytest.approx(expected, rel=1e-9, abs=1e-12)

    check()


OF_LABELS = {
    "accuracy": reference.accuracy_score,
    "macro_f1": lambda t, p: reference.f1_score(t, p, average="macro", zero_division=0),
    "weighted_f1": lambda t, p: reference.f1_score(t, p, average="weighted", zero_division=0),
    "mcc": reference.matthews_corrcoef,
}


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize("classes", [2, 4])
def test_scores_of_labels_equal_scikit_learns(name: str, classes: int) -> None:
    @many
    @given(labels(classes=classes))
    def check(data: tuple[Any, Any]) -> None:
        assert get(name).score(*data) == pytest.approx(OF_LABELS[name](*data), rel=1e-9, abs=1e-12)

    check()


@many
@given(labels(classes=3))
@pytest.mark.filterwarnings("ignore")
def test_balanced_accuracy_equals_scikit_learns(data: tuple[Any, Any]) -> None:
    assert get("balanced_accuracy").score(*data) == pytest.approx(reference.balanced_accuracy_score(*data))


@many
@given(labels(classes=2))
def test_f1_is_that_of_the_positive_class(data: tuple[Any, Any]) -> None:
    assert get("f1").score(*data) == pytest.approx(reference.f1_score(*data, pos_label=1, zero_division=0))


@many
@given(labels(classes=5))
def test_qwk_equals_scikit_learns_kappa_over_all_labels(data: tuple[Any, Any]) -> None:
    if len(np.unique(np.concatenate(data))) == 1:
        assert np.isnan(get("qwk").score(*data))
        return
    expected = reference.cohen_kappa_score(*data, weights="quadratic", labels=list(range(5)))
    assert get("qwk").score(*data) == pytest.approx(expected, rel=1e-9, abs=1e-12)


OF_CHANCES = {
    "auc": reference.roc_auc_score,
    "logloss": reference.log_loss,
    "average_precision": reference.average_precision_score,
    "brier": reference.brier_score_loss,
}


@pytest.mark.parametrize("name", OF_CHANCES)
def test_scores_of_a_probability_equal_scikit_learns(name: str) -> None:
    @many
    @given(chances())
    def check(data: tuple[Any, Any]) -> None:
        assert get(name).score(*data) == pytest.approx(OF_CHANCES[name](*data), rel=1e-9, abs=1e-12)

    check()


@many
@given(class_chances())
def test_scores_of_class_probabilities_equal_scikit_learns(data: tuple[Any, Any]) -> None:
    truth, table = data
    assert get("multiclass_logloss").score(truth, table) == pytest.approx(reference.log_loss(truth, table))
    expected = reference.roc_auc_score(truth, table, multi_class="ovr", average="macro")
    assert get("multiclass_auc").score(truth, table) == pytest.approx(expected)


@many
@given(st.lists(chances(), min_size=2, max_size=3))
def test_several_labels_are_scored_by_the_mean_of_their_columns(columns: list[tuple[Any, Any]]) -> None:
    n = min(len(truth) for truth, _ in columns)
    truth, table = (np.column_stack([column[i][:n] for column in columns]) for i in range(2))
    assert get("mean_columnwise_auc").score(truth, table) == pytest.approx(
        reference.roc_auc_score(truth, table, average="macro")
    )
    expected = np.mean([reference.log_loss(truth[:, j], table[:, j]) for j in range(truth.shape[1])])
    assert get("logloss").score(truth, table) == pytest.approx(expected)
    said = (table > 0.5).astype(int)
    assert get("macro_f1").score(truth, said) == pytest.approx(
        reference.f1_score(truth, said, average="macro", zero_division=0)
    )
    assert get("accuracy").score(truth, said) == pytest.approx(reference.accuracy_score(truth, said))


def test_class_probabilities_are_rescaled_to_sum_to_one_before_they_are_clipped() -> None:
    truth, table = np.array([0, 1, 2]), np.array([[2.0, 1, 1], [1, 2, 1], [0, 0, 1]])
    expected = -np.mean(np.log([0.5, 0.5, 1 - 1e-15]))
    assert get("multiclass_logloss").score(truth, table) == pytest.approx(expected)


def test_a_sure_and_wrong_probability_costs_what_kaggle_says() -> None:
    assert get("logloss").score(np.array([1]), np.array([0.0])) == pytest.approx(-np.log(1e-15))
    assert get("logloss").score(np.array([0]), np.array([1.0])) == pytest.approx(-np.log(1e-15), rel=1e-2)


def test_kaggles_own_example_of_multiclass_log_loss_is_met() -> None:
    truth = np.array([0, 0, 0, 1, 1, 1])
    table = np.array([[0.5, 0.5], [0.1, 0.9], [0.01, 0.99], [0.9, 0.1], [0.75, 0.25], [0.001, 0.999]])
    assert get("multiclass_logloss").score(truth, table) == pytest.approx(1.881797068998267)


def test_auc_is_not_defined_for_a_single_class_and_such_columns_do_not_count() -> None:
    assert np.isnan(get("auc").score(np.array([1, 1]), np.array([0.1, 0.2])))
    truth = np.array([[0, 1], [1, 1]])
    assert get("mean_columnwise_auc").score(truth, np.array([[0.1, 0.3], [0.9, 0.2]])) == 1.0


# -- constants


def sample_truth(metric_name: str) -> Any:
    random = np.random.default_rng(3)
    kinds = get(metric_name).kinds
    if Kind.REGRESSION in kinds:
        return np.round(random.gamma(2.0, 10.0, 41), 1)
    if Kind.BINARY in kinds:
        return (random.random(41) < 0.3).astype(int)
    if Kind.MULTICLASS in kinds:
        return random.choice(3, 41, p=[0.5, 0.3, 0.2])
    return (random.random((41, 2)) < [0.3, 0.6]).astype(int)


@pytest.mark.parametrize("name", names())
def test_no_other_constant_scores_better_than_the_constant_guess(name: str) -> None:
    metric, truth = get(name), sample_truth(name)
    best = metric.score(truth, metric.constant(truth))
    assert np.isfinite(best)
    if metric.predict is Predict.LABEL:
        others: list[Any] = [np.full(truth.shape, c) for c in range(2)]
    elif metric.predict is Predict.VALUE:
        others = [np.full(truth.shape, value) for value in np.linspace(0, truth.max(), 300)]
    elif metric.constant(truth).shape == truth.shape:
        others = [np.full(truth.shape, value) for value in np.linspace(0, 1, 101)]
    else:
        others = [np.tile(row, (41, 1)) for row in np.random.default_rng(1).dirichlet([1, 1, 1], 200)]
    for other in others:
        assert not metric.direction.sign * metric.score(truth, other) > metric.direction.sign * best + 1e-9


@pytest.mark.parametrize("name", names())
def test_a_constant_learned_on_some_rows_is_given_for_any_number_of_rows(name: str) -> None:
    metric, truth = get(name), sample_truth(name)
    guess = metric.constant(truth[:30], rows=11)
    assert len(guess) == 11
    assert np.isfinite(metric.score(truth[30:], guess))


def test_the_constant_has_a_column_for_a_class_that_these_rows_lack() -> None:
    assert get("multiclass_logloss").constant(np.array([0, 1, 1]), rows=2, classes=4).shape == (2, 4)


def test_the_least_gain_is_relative_to_the_constant_for_errors_and_absolute_for_bounded_metrics() -> None:
    truth = np.array([0.0, 200.0])
    assert get("rmse").least_gain(truth) == pytest.approx(1e-4 * 100)
    assert get("auc").least_gain(np.array([0, 1])) == 1e-4


# -- what is refused


@pytest.mark.parametrize("name", names())
def test_a_prediction_of_the_wrong_length_is_refused(name: str) -> None:
    metric, truth = get(name), sample_truth(name)
    with pytest.raises(ValueError, match="11 predictions for 41 rows"):
        metric.score(truth, metric.constant(truth, rows=11))


def test_a_prediction_that_is_not_finite_is_refused_with_its_row() -> None:
    with pytest.raises(ValueError, match="row 1"):
        get("rmse").score(np.array([1.0, 2.0]), np.array([1.0, np.nan]))


def test_rmsle_says_which_row_lies_outside_its_domain() -> None:
    with pytest.raises(ValueError, match=r"row 1 is -3.*clip"):
        get("rmsle").score(np.array([1.0, 2.0]), np.array([1.0, -3.0]))


# -- names

USUAL_NAMES = {
    "RMSE": "rmse",
    "roc_auc": "auc",
    "ROC AUC": "auc",
    "quadratic weighted kappa": "qwk",
    "log_loss": "logloss",
    "log loss": "logloss",
    "Root Mean Squared Logarithmic Error": "rmsle",
    "R²": "r2",
    "macro-F1": "macro_f1",
    "F1-macro": "macro_f1",
    "multi-class log loss": "multiclass_logloss",
    "balanced accuracy": "balanced_accuracy",
    "AP": "average_precision",
}


@pytest.mark.parametrize(("said", "meant"), USUAL_NAMES.items())
def test_a_metric_is_found_by_its_usual_names(said: str, meant: str) -> None:
    assert get(said).name == meant


@pytest.mark.parametrize("name", names())
def test_every_metric_is_found_by_its_own_name_and_for_each_of_its_kinds(name: str) -> None:
    assert get(name).name == name
    for kind in get(name).kinds:
        assert kind in get(name, kind).kinds


def test_a_misspelt_metric_gets_a_suggestion() -> None:
    with pytest.raises(TaskError, match=r"'rmes'.*Did you mean.*rmse"):
        get("rmes")


def test_a_metric_that_does_not_fit_the_kind_is_refused_with_those_that_do() -> None:
    with pytest.raises(TaskError, match=r"rmse does not fit a binary task.*auc"):
        get("rmse", Kind.BINARY)


def test_the_same_words_find_the_formula_for_the_kind() -> None:
    assert get("auc", Kind.MULTICLASS).name == "multiclass_auc"
    assert get("logloss", Kind.MULTICLASS).name == "multiclass_logloss"
    assert get("f1", Kind.MULTICLASS).name == "macro_f1"
    assert get("auc", Kind.MULTILABEL).name == "mean_columnwise_auc"


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("predict", [None, Predict.LABEL, Predict.PROBABILITY])
def test_the_default_metric_fits_its_kind(kind: Kind, predict: Predict | None) -> None:
    metric = get(default_for(kind, predict), kind)
    assert metric.predict in {predict, Predict.VALUE} or predict is None


def test_errors_and_losses_are_minimised_and_the_rest_maximised() -> None:
    down = {name for name in names() if get(name).direction is Direction.MINIMIZE}
    errors = {"rmse", "mse", "mcrmse", "rmsle", "mae", "medae", "mape", "smape"}
    assert down == errors | {"logloss", "multiclass_logloss", "brier"}


def test_naming_a_metric_does_not_import_numpy() -> None:
    code = "import sys; from aide_local.metrics import get; get('auc'); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
