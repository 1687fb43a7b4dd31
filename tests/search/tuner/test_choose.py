"""Which node is tuned next."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from aide_local.search.policies.greedy import Greedy
from aide_local.search.tree import Tree
from aide_local.search.tuner.choose import PATIENCE, choose
from aide_local.task import Direction
from aide_local.types import FoldScore, Node, NodeState, Operator, Origin, RunSettings, Usage
from tests.factories import buggy
from tests.search.tuner.scripts import BOOSTED, CATBOOST, FOREST, LINEAR, NATIVE, scored, tree_of, tuned

EVERY = (BOOSTED, FOREST, NATIVE, CATBOOST, LINEAR)


def roots(*metrics: float) -> list[Node]:
    return [scored(place, EVERY[place], metric) for place, metric in enumerate(metrics)]


def parents(tree: Tree, steps: range) -> Counter[int | None]:
    found = [choose(tree, seed, steps.start) for seed in steps]
    return Counter(step.parent for step in found if step is not None)


def test_a_step_carries_script_plan_and_origin() -> None:
    step = choose(tree_of(*roots(0.8)), 0, 1)
    assert step is not None
    assert (step.operator, step.origin, step.parent) == (Operator.TUNE, Origin.TUNER, 0)
    assert step.plan == "learning_rate 0.05 → 0.025, n_estimators 300 → 600"
    assert step.code == BOOSTED.replace("0.05", "0.025").replace("300", "600")


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), metrics=st.lists(st.floats(0.5, 0.9), min_size=1, max_size=5))
def test_the_choice_is_a_pure_function_of_tree_seed_and_step(seed: int, metrics: list[float]) -> None:
    tree = tree_of(*roots(*metrics))
    for _ in range(4):
        step = choose(tree, seed, len(tree))
        assert step == choose(Tree.of(tree.nodes, Direction.MAXIMIZE), seed, len(tree))
        if step is not None:
            tree = tuned(tree, step, 0.8)


def test_nothing_is_tuned_while_nothing_is_complete() -> None:
    assert choose(tree_of(), 0, 0) is None
    assert choose(tree_of(scored(0, BOOSTED, 0.8, complete=False), buggy(1)), 0, 2) is None


def test_every_good_family_is_tuned_and_one_far_behind_hardly_ever() -> None:
    counts = parents(tree_of(*roots(0.8, 0.799, 0.4)), range(3, 103))
    assert min(counts[0], counts[1]) > 20
    assert counts[2] < 5


def test_the_parent_is_the_first_script_of_the_family_and_never_a_tuned_one() -> None:
    tree = tree_of(*roots(0.8))
    for _ in range(8):
        step = choose(tree, 0, len(tree))
        assert step is not None
        assert step.parent == 0
        tree = tuned(tree, step, 0.8 + len(tree) / 100)


def test_a_family_that_gains_is_tuned_more_often_than_one_that_does_not() -> None:
    tree = tree_of(*roots(0.8, 0.8))
    for round_ in range(5):
        for parent in (0, 1):
            step = next(
                found
                for seed in range(1000)
                if (found := choose(tree, seed, len(tree))) is not None and found.parent == parent
            )
            gain = 0.001 * (round_ + 1) if parent == 0 else -0.02
            folds = tuple(FoldScore(n, 0.8 + gain + 0.01 * n, Usage(wall=1.0)) for n in range(-2, 3))
            tree = tuned(tree, step, 0.8 + gain, folds=folds)
    counts = parents(tree, range(100, 200))
    assert counts[0] > 4 * counts[1]


def test_a_family_is_exhausted_after_many_nodes_without_a_gain() -> None:
    tree = tree_of(*roots(0.8))
    for number in range(PATIENCE):
        step = choose(tree, 0, len(tree))
        assert step is not None, number
        tree = tuned(tree, step, 0.7)
    assert choose(tree, 0, len(tree)) is None


def test_a_script_slower_than_its_worth_is_no_parent() -> None:
    slow = scored(1, FOREST, 0.79, folds=(FoldScore(0, 0.79, Usage(wall=30.0)),))
    assert parents(tree_of(roots(0.8)[0], slow), range(2, 42))[1] == 0
    better = scored(1, FOREST, 0.81, folds=(FoldScore(0, 0.81, Usage(wall=30.0)),))
    assert parents(tree_of(roots(0.8)[0], better), range(2, 42))[1] > 0


def test_of_two_as_good_the_cheaper_is_tuned_more_often() -> None:
    dear = scored(
        1, FOREST, 0.8, folds=tuple(FoldScore(n, 0.8 + 0.01 * n, Usage(wall=3.5)) for n in range(-2, 3))
    )
    counts = parents(tree_of(*roots(0.8), dear), range(2, 202))
    assert counts[0] > 1.5 * counts[1] > 0


def test_a_clocks_noise_does_not_change_a_choice() -> None:
    def timed(wall: float) -> Tree:
        folds = tuple(FoldScore(n, 0.8 + 0.01 * n, Usage(wall=wall)) for n in range(-2, 3))
        return tree_of(roots(0.8)[0], scored(1, FOREST, 0.8, folds=folds))

    assert [choose(timed(0.9), seed, 2) for seed in range(20)] == [
        choose(timed(1.3), seed, 2) for seed in range(20)
    ]


def test_what_a_person_banned_is_not_tuned_and_what_they_pinned_is() -> None:
    tree = tree_of(*roots(0.8, 0.79))
    assert set(parents(tree.marked("ban", 0), range(2, 22))) == {1}
    slow = scored(1, FOREST, 0.79, folds=(FoldScore(0, 0.79, Usage(wall=30.0)),))
    pinned = tree_of(roots(0.8)[0], slow).marked("pin", 1)
    assert parents(pinned, range(2, 202))[1] > 0


def test_of_many_alike_only_the_best_few_are_tuned() -> None:
    alike = [scored(n, BOOSTED + f"print({n})\n", 0.8 - n / 10_000) for n in range(6)]
    assert set(parents(tree_of(*alike), range(6, 86))) == {0, 1}


def test_pending_tuned_nodes_are_not_proposed_again() -> None:
    tree = tree_of(*roots(0.8))
    seen = {BOOSTED}
    for _ in range(6):
        step = choose(tree, 0, len(tree))
        assert step is not None
        assert step.code not in seen
        seen.add(step.code)
        tree = tuned(tree, step, None)


def test_greedy_improves_the_best_tuned_node_and_debugs_none() -> None:
    tree = tree_of(*roots(0.8, 0.7, 0.6, 0.5, 0.4))
    step = choose(tree, 0, 5)
    assert step is not None
    tree = tuned(tree, step, 0.9)
    rng = Random(0)
    for number in range(3):
        failed = Node(
            id=6 + number,
            operator=Operator.TUNE,
            parent=0,
            state=NodeState.BUGGY,
            code=BOOSTED + f"#{rng.random()}",
        )
        tree = tree.tell(failed)
    asked = Greedy(RunSettings(debug_prob=1.0)).ask(tree, 9)
    assert (asked.operator, asked.parent) == (Operator.IMPROVE, 5)


def test_the_seconds_of_a_family_are_those_of_its_last_tuned_nodes() -> None:
    def spent(wall: float) -> Tree:
        tree = tree_of(*roots(0.8, 0.8))
        slow = tuple(FoldScore(n, 0.79 + 0.01 * n, Usage(wall=wall)) for n in range(-2, 3))
        for depth in (2, 3, 4, 5):
            node = scored(
                len(tree), BOOSTED.replace("max_depth=6", f"max_depth={depth}"), 0.79, operator=Operator.TUNE
            )
            tree = tree.tell(replace(node, parent=0, folds=slow))
        return tree

    quick, slow = parents(spent(1.0), range(6, 206)), parents(spent(8.0), range(6, 206))
    assert slow[0] < quick[0] / 2
