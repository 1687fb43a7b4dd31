"""``aide-local show``, ``diff``, ``lineage``."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.cli.show import tree_lines
from aide_local.search.tree import Tree
from aide_local.task import Direction
from tests.cli.commands import aide_here
from tests.factories import buggy, valid
from tests.store.earlier import unpack


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one run, made by an earlier version."""
    return unpack(tmp_path / "home").root


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


def test_lineage_and_diff_say_how_a_node_came_to_be(home: Path) -> None:
    done = aide_here("lineage", "latest", 7, home=home)
    first, *_ = done.stdout.splitlines()
    assert "#0" in first or "0" in first
    assert "gain" in done.stdout
    told = aide_here("diff", "latest", 0, 7, home=home).stdout
    assert "slope 2.654" in told  # the plan
    assert "+slope = 2.654" in told  # the script
    assert "s of processor time" in told
    assert "#7 against #0: -0.235" in told
