"""What the tuner tries next in a family of scripts."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aide_local.search.tree import Tree
from aide_local.search.tuner.family import family_of
from aide_local.search.tuner.propose import Prior, Proposal, priors_from, propose
from aide_local.search.tuner.script import hyperparameters, skeleton
from aide_local.task import Direction
from aide_local.types import FoldScore, Node, NodeError, NodeState, Operator, Step
from tests.search.tuner.scripts import BOOSTED, BY_HAND, FOREST, corpus, scored, tree_of, tuned


def values(code: str) -> dict[str, object]:
    return {one.name: one.value for one in hyperparameters(code)}


def grown(tree: Tree, number: int, metrics: Random, parent: int = 0) -> tuple[Tree, list[Proposal]]:
    """Return the tree after ``number`` proposals that scored at random, and the proposals."""
    made = []
    for _ in range(number):
        found = propose(tree, parent, 0, len(tree))
        assert found is not None
        made.append(found)
        tree = tuned(tree, Step(Operator.TUNE, found.parent, code=found.code), metrics.uniform(0.7, 0.9))
    return tree, made


def test_the_first_proposals_are_an_experts_and_say_in_words_what_changes() -> None:
    _, made = grown(tree_of(scored(0, BOOSTED, 0.8)), 1, Random(0))
    assert made[0].plan == "learning_rate 0.05 → 0.025, n_estimators 300 → 600"
    assert made[0].code == BOOSTED.replace("0.05", "0.025").replace("300", "600")


def test_no_script_is_proposed_twice_nor_the_parents_own() -> None:
    _, made = grown(tree_of(scored(0, BOOSTED, 0.8)), 25, Random(1))
    assert len({BOOSTED, *(one.code for one in made)}) == 26


@settings(deadline=None, max_examples=30)
@given(place=st.integers(0, 400), seed=st.integers(0, 2**31), number=st.integers(0, 9))
def test_a_proposal_has_the_parents_skeleton_and_values_within_its_domains(
    place: int, seed: int, number: int
) -> None:
    scripts = [*BY_HAND, *corpus()]
    code = scripts[place % len(scripts)]
    tree = tree_of(scored(0, code, 0.8))
    domains = {one.key: one.domain for one in hyperparameters(code)}
    for step in range(1, number + 2):
        found = propose(tree, 0, seed, step)
        if not domains:
            assert found is None
            return
        if found is None:
            return
        assert found.code != code
        assert skeleton(found.code) == skeleton(code)
        assert all(domains[one.key].nearest(one.value) == one.value for one in hyperparameters(found.code) if
                   one.key in {change.key for change in found.changes})  # fmt: skip
        tree = tuned(tree, Step(Operator.TUNE, 0, code=found.code), 0.8 + step / 1000)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), scores=st.lists(st.floats(0.5, 0.9), min_size=7, max_size=12))
def test_a_proposal_is_a_pure_function_of_tree_seed_and_step(seed: int, scores: list[float]) -> None:
    tree = tree_of(scored(0, BOOSTED, 0.8))
    for score in scores:
        found = propose(tree, 0, seed, len(tree))
        assert found is not None
        tree = tuned(tree, Step(Operator.TUNE, 0, code=found.code), score)
    first = propose(tree, 0, seed, len(tree))
    propose(tree, 0, seed + 1, len(tree) + 3)
    assert propose(Tree.of(tree.nodes, Direction.MAXIMIZE), 0, seed, len(tree)) == first


def test_a_proposal_is_the_same_in_another_process() -> None:
    tree, _ = grown(tree_of(scored(0, BOOSTED, 0.8)), 12, Random(2))
    found = propose(tree, 0, 5, 13)
    assert found is not None
    program = (
        "from random import Random\nfrom tests.search.tuner.test_propose import *\n"
        "tree, _ = grown(tree_of(scored(0, BOOSTED, 0.8)), 12, Random(2))\nprint(propose(tree, 0, 5, 13).plan)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == found.plan


def test_another_step_gives_another_proposal_once_the_sampler_is_asked() -> None:
    tree, _ = grown(tree_of(scored(0, BOOSTED, 0.8)), 10, Random(3))
    assert len({propose(tree, 0, 0, step).code for step in range(20, 26)}) == 6  # type: ignore[union-attr]


def test_the_sampler_goes_where_scores_are_better() -> None:
    """Depth 3 is best by far: most of the later proposals are near it."""
    tree = tree_of(scored(0, BOOSTED, 0.7))
    depths = []
    for step in range(1, 41):
        found = propose(tree, 0, 0, step)
        assert found is not None
        depth = values(found.code)["max_depth"]
        assert isinstance(depth, int)
        depths.append(depth)
        tree = tuned(tree, Step(Operator.TUNE, 0, code=found.code), 0.9 - 0.02 * abs(depth - 3))
    assert sum(abs(depth - 3) <= 1 for depth in depths[-15:]) >= 9


def test_the_direction_of_the_metric_is_respected() -> None:
    up = Tree.of([scored(0, BOOSTED, 0.7)], Direction.MAXIMIZE)
    down = Tree.of([scored(0, BOOSTED, -0.7)], Direction.MINIMIZE)
    for step in range(1, 15):
        one, other = propose(up, 0, 0, step), propose(down, 0, 0, step)
        assert one == other
        assert one is not None
        score = 0.6 + math.sin(step) / 10
        up = tuned(up, Step(Operator.TUNE, 0, code=one.code), score)
        down = tuned(down, Step(Operator.TUNE, 0, code=one.code), -score)


def test_values_that_did_well_before_are_tried_first_best_first_and_only_for_the_same_estimator() -> None:
    tree = tree_of(scored(0, BOOSTED, 0.8))
    priors = [
        Prior("XGBRegressor", "max_depth", 4, 1.0),
        Prior("XGBRegressor", "max_depth", 9, 2.0),
        Prior("LGBMClassifier", "learning_rate", 0.2, 9.0),
        Prior("XGBClassifier", "subsample", "text", 9.0),
    ]
    first = propose(tree, 0, 0, 1, priors)
    assert first is not None
    assert first.plan == "max_depth 6 → 9"
    tree = tuned(tree, Step(Operator.TUNE, 0, code=first.code), 0.7)
    second = propose(tree, 0, 0, 2, priors)
    assert second is not None
    assert second.plan == "max_depth 6 → 4"


def test_priors_of_a_script_are_its_values() -> None:
    assert priors_from(FOREST, 2.0) == (
        Prior("ExtraTreesClassifier", "min_samples_leaf", 3, 2.0),
        Prior("ExtraTreesClassifier", "max_features", 0.5, 2.0),
    )


def test_nothing_is_proposed_for_a_script_without_hyperparameters_or_without_a_score() -> None:
    assert propose(tree_of(scored(0, "print(1)", 0.8)), 0, 0, 1) is None
    assert propose(tree_of(Node(id=0, operator=Operator.DRAFT, code=BOOSTED)), 0, 0, 1) is None


def test_nothing_is_proposed_when_every_value_was_tried() -> None:
    code = "from sklearn.impute import KNNImputer\nKNNImputer(weights='uniform')"
    tree, _ = grown(tree_of(scored(0, code, 0.8)), 1, Random(0))
    assert propose(tree, 0, 0, 2) is None


def test_racing_bugs_and_pending_nodes_are_scored_for_the_sampler() -> None:
    root = scored(0, BOOSTED, 0.8)
    raced = scored(1, BOOSTED.replace("0.05", "0.2"), 0.7, complete=False, folds=(FoldScore(-2, 0.75),))
    failed = Node(
        id=2,
        operator=Operator.TUNE,
        state=NodeState.BUGGY,
        code=BOOSTED.replace("0.05", "0.3"),
        error=NodeError("exception", "ValueError", "no"),
    )
    pending = Node(id=3, operator=Operator.TUNE, code=BOOSTED.replace("0.05", "0.1"))
    tree = Tree.of([root, raced, failed, pending], Direction.MAXIMIZE)
    observed = [
        (point["XGBClassifier.learning_rate"], score) for point, score in family_of(tree, root).observations()
    ]
    behind = 0.8 + (0.75 - root.folds[0].score)  # type: ignore[operator]
    assert [point for point, _ in observed] == [0.05, 0.2, 0.3, 0.1]
    assert [score for _, score in observed] == pytest.approx([0.8, behind, behind, behind])


def test_a_family_has_the_first_scripts_domains_widened_to_what_others_have() -> None:
    code = "from sklearn.covariance import EllipticEnvelope\nEllipticEnvelope(strength=3.0)"
    tree = tree_of(
        scored(0, code, 0.8), scored(1, code.replace("3.0", "12.0"), 0.9, operator=Operator.TUNE, parent=0)
    )
    domain = family_of(tree, tree[1]).space[0].domain
    assert (domain.low, domain.high) == (0.75, 12.0)


def test_one_value_of_a_classifier_and_a_regressor_of_one_kind_is_one_hyperparameter() -> None:
    code = (
        "from sklearn.svm import SVC, SVR\nfrom sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor\n"
        "SVR(C=3) if regression else SVC(C=3)\n"
        "ExtraTreesRegressor(max_features=0.5) if regression else ExtraTreesClassifier(max_features=0.6)\n"
    )
    tree = tree_of(scored(0, code, 0.8))
    space = [one.key for one in family_of(tree, tree[0]).space]
    assert space == ["SVR.C", "ExtraTreesRegressor.max_features", "ExtraTreesClassifier.max_features"]
    tree, made = grown(tree, 12, Random(4))
    for one in made:
        changed = {change.key: change.after for change in one.changes}
        assert changed.get("SVR.C") == changed.get("SVC.C")
        assert one.plan.count("C 3") <= 1


def test_importing_the_tuner_loads_no_optuna_and_no_numpy() -> None:
    program = "import sys, aide_local.search.tuner.choose; print({'optuna', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_optuna_says_nothing() -> None:
    program = (
        "from random import Random\nfrom tests.search.tuner.test_propose import *\n"
        "grown(tree_of(scored(0, BOOSTED, 0.8)), 9, Random(2))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""


def test_what_tuning_another_script_with_the_same_kind_of_model_has_shown_is_tried_first() -> None:
    native = "import xgboost\nxgboost.train({'max_depth': 6, 'eta': 0.1, 'subsample': 0.9}, data, 200)\n"
    forest = FOREST.replace("min_samples_leaf=3", "min_samples_leaf=9")
    tree = tree_of(scored(0, BOOSTED, 0.8), scored(1, native, 0.79), scored(2, FOREST, 0.7))
    better = BOOSTED.replace("max_depth=6", "max_depth=3").replace("subsample=0.8", "subsample=0.6")
    tree = tuned(tree, Step(Operator.TUNE, 0, code=better), 0.85)
    tree = tuned(tree, Step(Operator.TUNE, 2, code=forest), 0.75)
    found = propose(tree, 1, 0, 5)
    assert found is not None
    assert found.plan == "max_depth 6 → 3, subsample 0.9 → 0.6"


def test_what_did_not_gain_elsewhere_is_not_taken_over() -> None:
    native = "import xgboost\nxgboost.train({'max_depth': 6, 'eta': 0.1, 'subsample': 0.9}, data, 200)\n"
    tree = tree_of(scored(0, BOOSTED, 0.8), scored(1, native, 0.79))
    worse = tuned(tree, Step(Operator.TUNE, 0, code=BOOSTED.replace("max_depth=6", "max_depth=3")), 0.75)
    assert propose(worse, 1, 0, 3) == propose(tree, 1, 0, 3)


def test_values_that_differ_by_less_than_matters_are_not_tried() -> None:
    code = "from sklearn.linear_model import ElasticNet\nElasticNet(l1_ratio=0.5)"
    tree = tree_of(scored(0, code, 0.8))
    ratios = [0.5]
    for step in range(1, 40):
        found = propose(tree, 0, 0, step)
        if found is None:
            break
        ratio = values(found.code)["l1_ratio"]
        assert isinstance(ratio, float | int)
        ratios.append(ratio)
        tree = tuned(tree, Step(Operator.TUNE, 0, code=found.code), ratio)
    ordered = sorted(ratios)
    assert all(high - low > 0.029 for low, high in itertools.pairwise(ordered))
    assert max(ratios) > 0.97
