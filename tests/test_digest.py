"""The journal digest."""

from __future__ import annotations

import pytest

from aide_local.digest import PLAN_WIDTH, digest_line, digest_lines, first_sentence, idea
from aide_local.task import Direction
from aide_local.tree import Tree
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


@pytest.mark.parametrize(
    ("plan", "shown"),
    [
        ("regression rmsle, 2688 rows, 3 numeric: xgboost depth 4, dates.", "xgboost depth 4, dates."),
        ("add dates. regression rmsle: xgboost depth 4.", "add dates."),
        ("Encode the target: out of fold. Then bag.", "Encode the target: out of fold."),
        (": odd", ": odd"),
        ("", ""),
    ],
)
def test_an_idea_is_shown_without_the_task_said_again(plan: str, shown: str) -> None:
    assert idea(plan) == shown


def test_a_long_idea_is_cut_after_the_task_is_left_out() -> None:
    shown = idea("binary auc, 5 rows: " + "word " * 100)
    assert shown.startswith("word")
    assert len(shown) == PLAN_WIDTH
