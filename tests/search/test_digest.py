"""The journal digest."""

from __future__ import annotations

from aide_local.search.digest import PLAN_WIDTH, digest_line, digest_lines, first_sentence
from aide_local.search.tree import Tree
from aide_local.task import Direction
from aide_local.types import Node, Operator
from tests.factories import buggy, valid

UP = Direction.MAXIMIZE


def test_a_line_holds_operator_parent_metric_gain_and_the_plans_first_sentence() -> None:
    child = valid(3, 0.8164, 0, plan="Add target encoding. It helps trees.")
    tree = Tree.of([valid(0, 0.8123), child], UP)
    assert digest_line(tree, child) == "#3 improve #0: 0.8164 (+0.0041) Add target encoding."


def test_a_failure_is_told_with_its_error_and_line() -> None:
    tree = Tree.of([buggy(2)], UP)
    assert digest_line(tree, tree[2]).startswith(
        "#2 draft: failed NameError: name 'missing_2' is not defined (line 1)"
    )


def test_what_was_tried_on_the_focus_comes_first_and_the_focus_itself_is_left_out() -> None:
    tree = Tree.of([valid(0, 0.9), valid(1, 0.5), buggy(2, 1), valid(3, 0.4, 1)], UP)
    lines = digest_lines(tree, 1)
    assert [line.split()[0] for line in lines] == ["#3", "#2", "#0"]


def test_pending_nodes_are_not_in_the_digest() -> None:
    tree = Tree.of([valid(0, 0.9), Node(id=1, operator=Operator.DRAFT)], UP)
    assert len(digest_lines(tree)) == 1


def test_a_long_plan_is_cut() -> None:
    assert len(first_sentence("word " * 100)) <= PLAN_WIDTH
