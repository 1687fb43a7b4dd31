"""Tuned nodes as groups, for people and in the digest."""

from __future__ import annotations

from aide_local.search.digest import digest_lines
from aide_local.search.tuner.groups import tuned_groups, tuned_parent
from aide_local.types import FoldScore, Operator, Step
from tests.search.tuner.scripts import BOOSTED, FOREST, scored, tree_of, tuned


def test_tuned_nodes_are_grouped_by_the_script_they_vary_with_the_best_ones_changes() -> None:
    tree = tree_of(scored(0, BOOSTED, 0.8), scored(1, FOREST, 0.7))
    for depth, metric in ((5, 0.81), (4, 0.83), (3, 0.82)):
        tree = tuned(tree, Step(Operator.TUNE, 0, code=BOOSTED.replace("depth=6", f"depth={depth}")), metric)
    tree = tuned(tree, Step(Operator.TUNE, 1, code=FOREST.replace("leaf=3", "leaf=5")), None)
    first, second = tuned_groups(tree)
    assert (first.parent, first.nodes, first.best) == (0, (2, 3, 4), 3)
    assert [str(change) for change in first.changes] == ["max_depth 6 → 4"]
    assert (second.parent, second.nodes, second.best, second.changes) == (1, (5,), None, ())


def test_a_node_tuned_from_a_tuned_one_belongs_to_the_first_script() -> None:
    tree = tuned(tree_of(scored(0, BOOSTED, 0.8)), Step(Operator.TUNE, 0, code=BOOSTED + "#1"), 0.8)
    tree = tuned(tree, Step(Operator.TUNE, 1, code=BOOSTED + "#2"), 0.8)
    assert tuned_parent(tree, tree[2]) == 0
    assert tuned_parent(tree, tree[0]) is None


def test_the_digest_has_one_line_for_a_group_in_the_place_of_its_best_node() -> None:
    tree = tree_of(scored(0, BOOSTED, 0.8), scored(1, FOREST, 0.7))
    for depth, metric in ((5, 0.81), (4, 0.83), (3, 0.82)):
        tree = tuned(tree, Step(Operator.TUNE, 0, code=BOOSTED.replace("depth=6", f"depth={depth}")), metric)
    assert digest_lines(tree) == [
        "#0 tuned 3 ×: best #3 0.83 (+0.03), max_depth 4",
        "#0 draft: 0.8 p.",
        "#1 draft: 0.7 p.",
    ]
    assert digest_lines(tree, 0)[0] == "#0 tuned 3 ×: best #3 0.83 (+0.03), max_depth 4"


def test_a_group_in_which_racing_stopped_all_says_so() -> None:
    tree = tree_of(scored(0, BOOSTED, 0.8))
    step = Step(Operator.TUNE, 0, code=BOOSTED.replace("depth=6", "depth=2"))
    tree = tuned(tree, step, 0.6, complete=False, folds=(FoldScore(-2, 0.6),))
    assert digest_lines(tree)[-1] == "#0 tuned 1 ×: none scored on all folds"
