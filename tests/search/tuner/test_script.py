"""Which literals of a script are hyperparameters."""

from __future__ import annotations

import pytest

from aide_local.search.tuner.script import hyperparameters, skeleton
from aide_local.search.tuner.space import Hyperparameter, Scale
from tests.search.tuner.scripts import BOOSTED, BY_HAND, CATBOOST, FOREST, LINEAR, NATIVE, corpus


def found(code: str) -> dict[str, Hyperparameter]:
    return {one.key: one for one in hyperparameters(code)}


def values(code: str) -> dict[str, object]:
    return {key: one.value for key, one in found(code).items()}


def test_keyword_arguments_of_an_estimator_are_found_and_seeds_and_threads_are_not() -> None:
    assert values(BOOSTED) == {
        "XGBClassifier.learning_rate": 0.05,
        "XGBClassifier.n_estimators": 300,
        "XGBClassifier.max_depth": 6,
        "XGBClassifier.subsample": 0.8,
    }


def test_the_location_is_that_of_the_literal() -> None:
    at = found(BOOSTED)["XGBClassifier.max_depth"].location
    assert BOOSTED.splitlines()[at.line - 1].encode()[at.column : at.end_column] == b"6"


def test_the_number_of_trees_of_a_forest_is_left_alone() -> None:
    assert set(values(FOREST)) == {
        "ExtraTreesClassifier.min_samples_leaf",
        "ExtraTreesClassifier.max_features",
    }


def test_dictionaries_are_followed_through_names_unpacking_and_later_entries() -> None:
    assert values(NATIVE) == {
        "lightgbm.learning_rate": 0.1,
        "lightgbm.num_leaves": 31,
        "lightgbm.feature_fraction": 0.9,
        "lightgbm.lambda_l2": 0.0,
        "lightgbm.min_data_in_leaf": 20,
        "lightgbm.num_boost_round": 500,
    }


def test_a_call_of_dict_is_a_dictionary_and_a_choice_that_another_argument_restricts_is_left_alone() -> None:
    assert values(CATBOOST) == {
        "CatBoostRegressor.iterations": 400,
        "CatBoostRegressor.depth": 6,
        "CatBoostRegressor.l2_leaf_reg": 3,
        "CatBoostRegressor.subsample": 0.8,
    }


def test_preprocessing_that_matters_is_tuned_too() -> None:
    assert values(LINEAR) == {
        "TfidfVectorizer.ngram_range[1]": 2,
        "TfidfVectorizer.min_df": 2,
        "TfidfVectorizer.max_features": 20_000,
        "TfidfVectorizer.sublinear_tf": True,
        "SplineTransformer.n_knots": 5,
        "Ridge.alpha": 10.0,
    }


@pytest.mark.parametrize(
    "line",
    [
        "KFold(n_splits=5, shuffle=True, random_state=3)",
        "GridSearchCV(model, {'alpha': [1, 2]}, cv=5)",
        "train_test_split(X, y, test_size=0.2, random_state=1)",
        "DataFrame(columns=3)",
        "XGBClassifier(random_state=3, seed=4, n_jobs=8, verbosity=1, early_stopping_rounds=50, device='cpu')",
        "MLPClassifier(max_iter=500, tol=0.01, validation_fraction=0.1, n_iter_no_change=10)",
        "CatBoostClassifier(random_seed=3, thread_count=4, od_wait=30, used_ram_limit=3, verbose=100)",
        "XGBClassifier(max_depth=-1, colsample_bytree=float(share), flag=True, other=1, name='text', gap=None)",
        "QuantileTransformer(n_quantiles=100, subsample=10000)",
        "LogisticRegression(max_iter=2000, penalty='l2', C=-1)",
    ],
)
def test_what_is_no_hyperparameter_is_left_alone(line: str) -> None:
    code = (
        "from sklearn.model_selection import *\nfrom xgboost import XGBClassifier\nfrom pandas import DataFrame\n"
        "from catboost import CatBoostClassifier\n" + line
    )
    assert hyperparameters(code) == ()


def test_an_unknown_number_of_an_estimator_moves_by_a_factor_of_four_at_most() -> None:
    code = (
        "from sklearn.covariance import EllipticEnvelope\nEllipticEnvelope(strength=3.0, share=0.5, width=20)"
    )
    domains = {one.name: one.domain for one in hyperparameters(code)}
    assert (domains["strength"].low, domains["strength"].high) == (0.75, 12.0)
    assert (domains["share"].low, domains["share"].high) == (0.125, 1.0)
    assert (domains["width"].low, domains["width"].high, domains["width"].scale) == (5, 80, Scale.LOG_INT)


def test_a_value_outside_the_usual_ends_widens_them() -> None:
    domain = found("from xgboost import XGBRegressor\nXGBRegressor(max_depth=20)")[
        "XGBRegressor.max_depth"
    ].domain
    assert (domain.low, domain.high) == (2, 20)


@pytest.mark.parametrize(
    "stop",
    [
        "model.set_params(early_stopping_rounds=30)",
        "fit(callbacks=[lgb.early_stopping(50)])",
        "rounds = model.best_iteration",
        "params = {'od_wait': 20}",
    ],
)
def test_with_early_stopping_the_number_of_rounds_is_only_raised(stop: str) -> None:
    domain = found(BOOSTED + stop)["XGBClassifier.n_estimators"].domain
    assert (domain.low, domain.high) == (300, 900)


def test_without_early_stopping_the_number_of_rounds_may_fall() -> None:
    code = BOOSTED + "model.set_params(early_stopping_rounds=None)"
    assert found(code)["XGBClassifier.n_estimators"].domain.low == 100


def test_a_name_that_stands_for_a_number_is_followed_unless_it_is_used_elsewhere_or_bound_twice() -> None:
    call = "from sklearn.linear_model import Ridge\nRidge(alpha=strength)\n"
    assert values("strength = 3.0\n" + call) == {"Ridge.alpha": 3.0}
    assert values("strength = 3.0\n" + call + "print(strength)") == {}
    assert values("strength = 3.0\nstrength = 4.0\n" + call) == {}
    assert values("strength, seed = 3.0, 1\n" + call) == {"Ridge.alpha": 3.0}
    assert values("for strength in (3.0,):\n    pass\n" + call) == {"Ridge.alpha": 3.0}
    assert values("strength = 3.0\nstrength *= 2\n" + call) == {}


def test_set_params_belongs_to_the_estimator_that_the_variable_was_made_of() -> None:
    code = BOOSTED + "model.set_params(reg_lambda=3)\nmodel = Other(model)\nmodel.set_params(reg_alpha=2)"
    assert values(code)["XGBClassifier.reg_lambda"] == 3


def test_names_lead_through_a_pipeline() -> None:
    code = "from sklearn.svm import SVC\nfrom x import make_pipeline\nmodel = make_pipeline(SVC())\n"
    assert values(code + "model.set_params(svc__C=3)") == {"SVC.C": 3}


def test_aliases_of_imports_and_partial_calls_are_followed() -> None:
    assert values("import xgboost as x\nx.XGBRegressor(max_depth=3)") == {"XGBRegressor.max_depth": 3}
    code = "from functools import partial\nfrom sklearn.linear_model import Lasso as L\npartial(L, alpha=0.5)"
    assert values(code) == {"Lasso.alpha": 0.5}


def test_the_second_of_one_name_has_a_number_in_its_key() -> None:
    code = "from sklearn.linear_model import Ridge\nRidge(alpha=1.0)\nRidge(alpha=2.0)"
    assert values(code) == {"Ridge.alpha": 1.0, "Ridge.alpha#2": 2.0}


def test_the_class_of_a_call_may_depend_on_the_task() -> None:
    code = "from sklearn.neighbors import *\n(KNeighborsRegressor if regression else KNeighborsClassifier)(7)"
    assert values(code) == {"KNeighborsRegressor.n_neighbors": 7}


def test_the_rounds_of_a_native_training_call_may_be_positional() -> None:
    assert values("import xgboost\nxgboost.train({'max_depth': 4}, data, 200)") == {
        "xgboost.max_depth": 4,
        "xgboost.num_boost_round": 200,
    }


@pytest.mark.parametrize(
    "code", ["model = (", "x = 1" + " + 1" * 3000, "x = '\0'", "x = '\ud800'", "a" + ".b" * 3000]
)
def test_a_script_that_cannot_be_read_has_no_hyperparameters_and_no_skeleton(code: str) -> None:
    code = "from sklearn.linear_model import Ridge\nRidge(alpha=3.0)\n" + code
    assert hyperparameters(code) == ()
    assert skeleton(code) == ""


def test_comments_layout_docstrings_and_hyperparameters_are_not_in_the_skeleton() -> None:
    other = (
        BOOSTED.replace("0.05", "0.2")
        .replace("# xgboost", "#")
        .replace("max_depth=6, ", "max_depth=7,\n    ")
    )
    assert skeleton('"""Doc."""\n' + other) == skeleton(BOOSTED)


@pytest.mark.parametrize(
    "change", [("random_state=0", "random_state=1"), ("n_jobs=2", "n_jobs=3"), ('"a"', '"c"')]
)
def test_everything_else_is_in_the_skeleton(change: tuple[str, str]) -> None:
    assert skeleton(BOOSTED.replace(*change)) != skeleton(BOOSTED)


def test_most_scripts_of_the_training_corpus_have_something_to_tune() -> None:
    numbers = [len(hyperparameters(code)) for code in corpus()]
    assert sum(number >= 2 for number in numbers) > 0.7 * len(numbers)


@pytest.mark.parametrize("code", BY_HAND)
def test_a_line_more_changes_nothing_of_what_is_found(code: str) -> None:
    first = hyperparameters(code)
    assert hyperparameters(code + "\n") == first
