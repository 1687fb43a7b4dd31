"""The paper's greedy rule, as ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aide_local.errors import SettingsError
from aide_local.search.policies import make_policy
from aide_local.search.policies.greedy import Greedy
from aide_local.search.tree import Tree
from aide_local.task import Direction
from aide_local.types import Node, NodeError, NodeState, Operator, RunSettings
from tests.factories import buggy, valid

UP = Direction.MAXIMIZE


def ask(nodes: list[Node], step: int, **settings: object) -> tuple[Operator, int | None]:
    chosen = Greedy(RunSettings(**settings)).ask(Tree.of(nodes, UP), step)  # type: ignore[arg-type]
    return chosen.operator, chosen.parent


def test_the_first_five_steps_are_drafts_even_when_drafts_fail() -> None:
    nodes: list[Node] = []
    for step in range(5):
        assert ask(nodes, step) == (Operator.DRAFT, None)
        nodes.append(buggy(step))


def test_pending_drafts_count_as_drafts() -> None:
    nodes = [Node(id=n, operator=Operator.DRAFT) for n in range(5)]
    assert ask([*nodes[:4], valid(4, 0.5)], 5, debug_prob=0) == (Operator.IMPROVE, 4)


def test_without_debugging_the_best_valid_node_is_improved() -> None:
    nodes = [valid(0, 0.5), valid(1, 0.9), buggy(2), buggy(3), buggy(4)]
    assert ask(nodes, 5, debug_prob=0.0) == (Operator.IMPROVE, 1)


def test_a_buggy_leaf_is_debugged_with_probability_one_half() -> None:
    nodes = [valid(0, 0.5), buggy(1), buggy(2), buggy(3), buggy(4)]
    asked = [ask(nodes, step)[0] for step in range(5, 405)]
    assert 150 < asked.count(Operator.DEBUG) < 250


def test_a_buggy_node_with_children_or_at_the_depth_limit_is_left_alone() -> None:
    chain = [buggy(0), *(buggy(n, n - 1, Operator.DEBUG) for n in range(1, 4))]
    nodes = [*chain, valid(4, 0.5), valid(5, 0.4), valid(6, 0.3), valid(7, 0.2)]
    assert ask(nodes, 8, debug_prob=1.0) == (Operator.IMPROVE, 4)
    assert ask(nodes, 8, debug_prob=1.0, max_debug_depth=4) == (Operator.DEBUG, 3)


def test_a_reply_without_code_cannot_be_debugged() -> None:
    nodes = [valid(0, 0.5), buggy(1, code=""), buggy(2, code=""), buggy(3, code=""), buggy(4, code="")]
    assert ask(nodes, 5, debug_prob=1.0) == (Operator.IMPROVE, 0)


def repeat(node_id: int, parent: int, operator: Operator) -> Node:
    error = NodeError("repeat", "RepeatedScript", f"the same script as node {parent}; propose something else")
    return buggy(node_id, parent, operator, error=error)


def test_a_script_that_was_tried_already_is_not_debugged() -> None:
    nodes = [*(valid(n, 0.5 - n / 10) for n in range(5)), repeat(5, 0, Operator.IMPROVE)]
    assert ask(nodes, 6, debug_prob=1.0) == (Operator.IMPROVE, 0)


def test_a_bug_stays_open_while_its_mends_only_repeat_it_as_often_as_it_may_be_debugged() -> None:
    nodes = [buggy(0), *(valid(n, 0.5 - n / 10) for n in range(1, 5))]
    for number in (5, 6, 7):
        assert ask(nodes, number, debug_prob=1.0) == (Operator.DEBUG, 0)
        nodes.append(repeat(number, 0, Operator.DEBUG))
    assert ask(nodes, 8, debug_prob=1.0) == (Operator.IMPROVE, 1)


def test_a_draft_is_made_when_there_is_nothing_valid() -> None:
    nodes = [buggy(n) for n in range(5)]
    assert ask(nodes, 5, debug_prob=0.0) == (Operator.DRAFT, None)


def test_a_node_stopped_by_racing_is_not_improved() -> None:
    nodes = [valid(0, 0.5), valid(1, 0.9, complete=False), buggy(2), buggy(3), buggy(4)]
    assert ask(nodes, 5, debug_prob=0.0) == (Operator.IMPROVE, 0)


@given(
    seed=st.integers(0, 2**31),
    step=st.integers(5, 500),
    finished=st.lists(st.booleans(), min_size=5, max_size=20),
)
def test_ask_is_a_pure_function_of_tree_settings_and_step(seed: int, step: int, finished: list[bool]) -> None:
    nodes = [valid(n, n / 100) if good else buggy(n) for n, good in enumerate(finished)]
    settings = RunSettings(seed=seed)
    tree = Tree.of(nodes, UP)
    first = Greedy(settings).ask(tree, step)
    assert Greedy(settings).ask(Tree.of(nodes, UP), step) == first
    if first.parent is not None:
        wanted = NodeState.BUGGY if first.operator is Operator.DEBUG else NodeState.VALID
        assert tree[first.parent].state is wanted


def test_an_unknown_policy_is_a_settings_error_that_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="greedy"):
        make_policy(RunSettings(policy="gredy"))
