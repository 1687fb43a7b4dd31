"""The solution tree."""

from __future__ import annotations

import pytest

from aide_local.search.tree import Tree
from aide_local.task import Direction
from aide_local.types import NodeState, Operator
from tests.factories import buggy, valid

UP = Direction.MAXIMIZE


def test_a_node_needs_its_parent_in_the_tree() -> None:
    with pytest.raises(ValueError, match="parent 3"):
        Tree.of([valid(4, 0.5, parent=3)], UP)


def test_best_follows_the_direction_and_prefers_the_earliest_of_equals() -> None:
    nodes = [valid(0, 0.5), valid(1, 0.9), valid(2, 0.9), valid(3, 0.1)]
    assert Tree.of(nodes, UP).best == nodes[1]
    assert Tree.of(nodes, Direction.MINIMIZE).best == nodes[3]


def test_a_node_stopped_by_racing_is_valid_but_never_the_best() -> None:
    tree = Tree.of([valid(0, 0.5), valid(1, 0.9, complete=False)], UP)
    assert len(tree.valid) == 2
    assert tree.best is not None
    assert tree.best.id == 0


def test_gain_is_positive_when_better_in_either_direction() -> None:
    nodes = [valid(0, 0.5), valid(1, 0.4, parent=0)]
    assert Tree.of(nodes, UP).gain(nodes[1]) == pytest.approx(-0.1)
    assert Tree.of(nodes, Direction.MINIMIZE).gain(nodes[1]) == pytest.approx(0.1)


def test_debug_depth_counts_debug_steps_in_a_row() -> None:
    nodes = [buggy(0), buggy(1, 0, Operator.DEBUG), buggy(2, 1, Operator.DEBUG), valid(3, 0.5, 2)]
    tree = Tree.of(nodes, UP)
    assert [tree.debug_depth(node) for node in nodes] == [0, 1, 2, 0]


def test_tell_replaces_the_node_with_the_same_id() -> None:
    tree = Tree.of([valid(0, 0.5)], UP).tell(valid(1, 0.6, 0)).tell(valid(1, 0.7, 0))
    assert [node.metric for node in tree.nodes] == [0.5, 0.7]


def test_a_choice_sees_what_was_in_flight_as_pending_whether_it_has_finished_since_or_not() -> None:
    nodes = [valid(0, 0.5), buggy(1), valid(2, 0.9)]
    view = Tree.of(nodes, UP).seen_by(3, (2,))
    assert [node.state for node in view.nodes] == [NodeState.VALID, NodeState.BUGGY, NodeState.PENDING]
    assert view.best == nodes[0]
    assert len(Tree.of(nodes, UP).seen_by(1, ())) == 1
