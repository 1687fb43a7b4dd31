"""A script with other values: nothing else of it changes."""

from __future__ import annotations

import ast
import difflib
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from aide_local.search.tuner.render import render
from aide_local.search.tuner.script import hyperparameters, skeleton
from tests.search.tuner.scripts import BOOSTED, BY_HAND, CATBOOST, LINEAR, NATIVE, corpus, drawn_values

scripts = st.one_of(
    st.sampled_from(BY_HAND), st.integers(0, 199).map(lambda place: corpus()[place % len(corpus())])
)


@settings(deadline=None)
@given(code=scripts)
def test_a_scripts_own_values_give_the_script_itself(code: str) -> None:
    assert render(code, {one.key: one.value for one in hyperparameters(code)}) == code


@settings(deadline=None)
@given(code=scripts, seed=st.integers(0, 2**31))
def test_other_values_leave_the_skeleton_and_are_read_back(code: str, seed: int) -> None:
    values = drawn_values(code, Random(seed))
    changed = render(code, values)
    assert skeleton(changed) == skeleton(code)
    assert {one.key: one.value for one in hyperparameters(changed)} == values
    assert render(changed, {one.key: one.value for one in hyperparameters(code)}).count("\n") == code.count(
        "\n"
    )


@settings(deadline=None)
@given(code=scripts, seed=st.integers(0, 2**31))
def test_values_read_back_lie_within_the_first_scripts_domains(code: str, seed: int) -> None:
    domains = {one.key: one.domain for one in hyperparameters(code)}
    for one in hyperparameters(render(code, drawn_values(code, Random(seed)))):
        assert domains[one.key].accepts(one.value)
        assert domains[one.key].nearest(one.value) == one.value


def test_one_value_changes_one_line() -> None:
    changed = render(CATBOOST, {"CatBoostRegressor.depth": 8})
    assert changed == CATBOOST.replace("depth=6", "depth=8")


def test_a_number_with_a_name_is_changed_where_it_is_defined() -> None:
    assert render(NATIVE, {"lightgbm.learning_rate": 0.03}) == NATIVE.replace("rate = 0.1", "rate = 0.03")


def test_a_comment_above_that_names_the_hyperparameter_with_its_number_follows() -> None:
    changed = render(BOOSTED, {"XGBClassifier.learning_rate": 0.02, "XGBClassifier.n_estimators": 450})
    assert "# xgboost rate 0.02 rounds 450 depth 6\n" in changed


def test_a_comment_beside_the_line_follows_and_other_letters_do_not_shift_it() -> None:
    changed = render(LINEAR, {"Ridge.alpha": 3})
    assert 'Ridge(alpha=3),  # ridge alpha 3, with "é" before it\n' in changed


def test_a_comment_with_another_number_or_another_name_stays() -> None:
    code = BOOSTED.replace("rate 0.05", "rate 0.051").replace("depth 6", "width 6")
    changed = render(code, {"XGBClassifier.learning_rate": 0.02, "XGBClassifier.max_depth": 4})
    assert "# xgboost rate 0.051 rounds 300 width 6\n" in changed


def test_a_comment_that_could_mean_two_things_stays() -> None:
    code = BOOSTED.replace("# xgboost", "# rate 0.05 was best; xgboost")
    assert "# rate 0.05 was best; xgboost rate 0.05 " in render(code, {"XGBClassifier.learning_rate": 0.02})


def test_strings_with_other_letters_before_a_literal_do_not_shift_it() -> None:
    code = 'from sklearn.linear_model import Ridge\nname, model = "größe 🙂", Ridge(alpha=2.0)\n'
    assert render(code, {"Ridge.alpha": 0.5}) == code.replace("2.0", "0.5")


def test_windows_line_ends_and_form_feeds_stay() -> None:
    code = "from sklearn.linear_model import Ridge\r\nx = 'a\x0cb'\r\nRidge(alpha=2.0)\r\n"
    assert render(code, {"Ridge.alpha": 0.5}) == code.replace("2.0", "0.5")


def test_unknown_keys_are_ignored() -> None:
    assert render(BOOSTED, {"Ridge.alpha": 3.0}) == BOOSTED


@settings(deadline=None)
@given(code=scripts, seed=st.integers(0, 2**31))
def test_only_literals_and_comments_differ(code: str, seed: int) -> None:
    changed = render(code, drawn_values(code, Random(seed)))
    before = [type(node).__name__ for node in ast.walk(ast.parse(code))]
    after = [type(node).__name__ for node in ast.walk(ast.parse(changed))]
    assert before == after
    lines = difflib.ndiff(code.splitlines(), changed.splitlines())
    assert sum(line.startswith("- ") for line in lines) <= 3 * len(hyperparameters(code))
