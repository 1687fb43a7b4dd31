"""The tree as ``aide-local show`` prints it."""

from __future__ import annotations

from aide_local.cli.show import tree_lines
from aide_local.search.tree import Tree
from aide_local.task import Direction
from tests.factories import buggy, valid


def test_a_node_stands_under_its_parent_and_the_way_to_the_best_is_marked() -> None:
    nodes = [valid(0, 0.5), buggy(1), valid(2, 0.7, 0), buggy(3, 2), valid(4, 0.6, 0, complete=False)]
    assert tree_lines(Tree.of(nodes, Direction.MAXIMIZE)) == [
        "*✓ #0 draft  0.5  plan 0.",
        "*  ✓ #2 improve  0.7 (+0.2)  plan 2.",
        "     ✗ #3 improve  NameError: name 'missing_3' is not defined (line 1)  plan 3.",
        "   ✓ #4 improve  behind, stopped early  plan 4.",
        " ✗ #1 draft  NameError: name 'missing_1' is not defined (line 1)  plan 1.",
    ]


def test_a_chain_of_thousands_is_printed() -> None:
    nodes = [valid(0, 0.0), *(valid(n, n / 5000, n - 1) for n in range(1, 3000))]
    assert len(tree_lines(Tree.of(nodes, Direction.MAXIMIZE))) == 3000
