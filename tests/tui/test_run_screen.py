"""The screen of a run: every key that moves or shows something, on a recorded run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.widgets import Static, TabbedContent

from aide_local.home import Home
from aide_local.types import Node, NodeState
from tests.tui.pilots import app_of, node_at, open_run, pane_text, press, static_text, type_into
from tui.dialogs import Compare, Help
from tui.home import HomeScreen
from tui.pane import Pane
from tui.run import RunScreen
from tui.solution_tree import SolutionTree
from tui.tab_content import Tab

pytestmark = pytest.mark.asyncio


async def test_b_goes_to_the_best_node(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        await press(pilot, "G", "b")
        assert screen.solution.best is not None
        assert node_at(screen) == screen.solution.best.id


async def test_capital_b_walks_the_best_path_from_its_root(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        assert screen.solution.best is not None
        path = [node.id for node in screen.solution.lineage(screen.solution.best.id)][::-1]
        assert len(path) > 1, "the recorded run has an improved best"
        screen.go_to(path[0])
        await pilot.pause()
        for expected in path[1:]:
            await press(pilot, "B")
            assert node_at(screen) == expected
        await press(pilot, "B")
        assert node_at(screen) == path[0], "and round"


async def test_e_goes_to_the_next_buggy_node_and_round(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        buggy = [node.id for node in screen.solution.nodes if node.state is NodeState.BUGGY]
        assert len(buggy) > 1
        screen.go_to(buggy[-1])
        await pilot.pause()
        await press(pilot, "e")
        assert node_at(screen) == buggy[0]
        await press(pilot, "e")
        assert node_at(screen) == buggy[1]


async def test_brackets_go_through_time(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        await press(pilot, "g")
        start = node_at(screen)
        await press(pilot, "right_square_bracket", "right_square_bracket")
        assert node_at(screen) == start + 2
        await press(pilot, "left_square_bracket")
        assert node_at(screen) == start + 1


async def test_capital_j_and_k_go_through_siblings(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        roots = [node.id for node in screen.solution.roots]
        screen.go_to(roots[0])
        await pilot.pause()
        await press(pilot, "J")
        assert node_at(screen) == roots[1]
        await press(pilot, "K")
        assert node_at(screen) == roots[0]


async def test_hjkl_and_arrows_move(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        tree = screen.query_one(SolutionTree)
        await press(pilot, "g")
        for down, up in (("j", "k"), ("down", "up")):
            line = tree.cursor_line
            await press(pilot, down)
            assert tree.cursor_line == line + 1
            await press(pilot, up)
            assert tree.cursor_line == line
        child = next(node for node in screen.solution.nodes if node.parent is not None)
        screen.go_to(child.id)
        await pilot.pause()
        await press(pilot, "h")
        assert node_at(screen) == child.parent
        await press(pilot, "l")
        assert node_at(screen) == screen.solution.children(child.parent)[0].id


async def test_enter_folds_and_o_outlines(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        tree = screen.query_one(SolutionTree)
        everything = tree.last_line
        parent = next(node for node in screen.solution.nodes if screen.solution.children(node.id))
        screen.go_to(parent.id)
        await pilot.pause()
        await press(pilot, "enter")
        assert tree.last_line < everything
        await press(pilot, "enter")
        assert tree.last_line == everything
        await press(pilot, "o")
        assert tree.last_line == len(screen.solution.roots) - 1
        await press(pilot, "o", "o", "o")
        assert tree.last_line == everything


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("state:buggy", lambda node: node.state is NodeState.BUGGY),
        ("op:improve", lambda node: node.operator.value == "improve"),
        ("error:keyerror", lambda node: node.error is not None),
        ("metric<0.9", lambda node: node.metric is not None and node.metric < 0.9),
        ("slope", lambda node: "slope" in node.plan + node.code),
    ],
)
async def test_slash_finds_and_n_goes_on(
    home: Home, run_id: str, query: str, fits: Callable[[Node], bool]
) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        expected = [node.id for node in screen.solution.nodes if fits(node)]
        assert expected, "the recorded run has some"
        screen.go_to(screen.solution.nodes[-1].id)
        await pilot.pause()
        await press(pilot, "slash", *query.replace(":", "\0").replace("<", "\1").replace(".", "\2"))
        type_into(pilot, "#find", query)
        await press(pilot, "enter")
        assert node_at(screen) in expected
        seen = {node_at(screen)}
        for _ in expected[1:]:
            await press(pilot, "n")
            seen.add(node_at(screen))
        assert seen == set(expected)
        last = node_at(screen)
        if len(expected) > 1:
            await press(pilot, "N")
            assert node_at(screen) in set(expected) - {last}


async def test_a_search_that_finds_nothing_says_so(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        before = node_at(screen)
        await press(pilot, "slash", *"zzz", "enter")
        assert node_at(screen) == before
        assert any("Nothing matches" in text for _, text in app_of(pilot).notices)


async def test_digits_open_the_tabs_with_what_they_name(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        child = next(
            node
            for node in screen.solution.complete
            if node.parent is not None and screen.solution[node.parent].complete
        )
        screen.go_to(child.id)
        await pilot.pause()
        expected = {
            "Plan": "seed",
            "Code": "import pandas as pd",
            "Diff": "slope =",
            "Output": "printed nothing",
            "Error": "No error",
            "Prompt": "improve",
            "Folds": "better by",
            "Lineage": f"#{child.parent} ",
        }
        for digit, tab in enumerate(Tab, 1):
            await press(pilot, str(digit))
            assert screen.query_one(TabbedContent).active == f"tab-{tab}"
            assert expected[tab.label] in pane_text(screen), tab


async def test_the_error_tab_shows_the_error(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        await press(pilot, "g", "e", "5")
        assert screen.node is not None
        assert screen.node.error is not None
        assert screen.node.error.type in pane_text(screen)


async def test_marks_and_comparing(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        one, other = (node.id for node in screen.solution.complete[:2])
        screen.go_to(one)
        await pilot.pause()
        await press(pilot, "m")
        screen.go_to(other)
        await pilot.pause()
        await press(pilot, "equals_sign")
        assert isinstance(pilot.app.screen, Compare)
        await press(pilot, "j", "escape")
        await press(pilot, "apostrophe")
        assert node_at(screen) == one
        await press(pilot, "m")
        assert screen.query_one(SolutionTree).marks == set()


async def test_sorting_siblings_by_metric_and_back(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        tree = screen.query_one(SolutionTree)
        by_time = [child.data for child in tree.root.children]
        await press(pilot, "s")
        by_metric = [child.data for child in tree.root.children]
        ranks = [node.id for node in screen.solution.ranked()]
        complete = [node for node in by_metric if node in ranks]
        assert complete == sorted(complete, key=ranks.index)
        await press(pilot, "s")
        assert [child.data for child in tree.root.children] == by_time


async def test_by_metric_a_new_node_and_a_metric_that_comes_find_their_place(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        tree = screen.query_one(SolutionTree)
        await press(pilot, "s")
        best, *_, worst = (node for node in screen.solution.ranked() if node.parent is None)
        pending = replace(best, id=len(screen.solution), state=NodeState.PENDING, metric=None, complete=False)
        tree.show(screen.solution.tell(pending))
        assert tree.root.children[-1].data == pending.id, "what has no metric comes last"
        screen.solution = screen.solution.tell(pending)
        screen.go_to(pending.id)
        await pilot.pause()
        assert best.metric is not None
        assert worst.metric is not None
        middle = replace(best, id=pending.id, metric=(best.metric + worst.metric) / 2)
        screen.solution = screen.solution.tell(middle)
        tree.show(screen.solution)
        await pilot.pause()
        await pilot.pause()
        shown = [one.data for one in tree.root.children]
        ranks = [node.id for node in screen.solution.ranked()]
        assert [one for one in shown if one in ranks] == [one for one in ranks if one in shown]
        assert tree.cursor_node is not None
        assert tree.cursor_node.data == middle.id, "the cursor goes with it"


async def test_a_label_that_became_stale_behind_a_filter_is_true_again(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (_, screen):
        tree = screen.query_one(SolutionTree)
        roots = [node for node in screen.solution.roots if not screen.solution.children(node.id)]
        hidden, other = roots[0], next(one for one in screen.solution.nodes if one.id != roots[0].id)
        tree.filter(screen.solution, frozenset({other.id}))
        pinned = screen.solution.marked("pin", hidden.id)
        tree.show(pinned)
        tree.filter(pinned, None)
        label = next(one.label for one in tree.root.children if one.data == hidden.id)
        assert "pinned" in str(label)


async def test_copying(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        await press(pilot, "b", "2", "y")
        assert screen.node is not None
        assert pilot.app.clipboard == screen.node.code
        await press(pilot, "w")
        assert screen.node.code in pilot.app.clipboard


async def test_y_copies_what_the_tab_shows(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        node = next(one for one in screen.solution.complete if one.parent is not None)
        screen.go_to(node.id)
        await pilot.pause()
        for digit, part in (
            ("3", "+++ this"),
            ("7", "fold,score\n0,"),
            ("8", f"#{node.id} {node.operator.value}"),
        ):
            await press(pilot, digit, "y")
            assert part in pilot.app.clipboard, digit


async def test_a_filter_hides_what_does_not_fit_and_escape_shows_all(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        tree = screen.query_one(SolutionTree)
        everything = tree.last_line
        fitting = {node.id for node in screen.solution.nodes if node.state is NodeState.BUGGY}
        above = {one.id for node in fitting for one in screen.solution.lineage(node)}
        assert len(above) < len(screen.solution)
        await press(pilot, "slash")
        type_into(pilot, "#find", "state:buggy")
        await pilot.pause(0.4)
        assert tree.last_line + 1 == len(above), "already while it is typed"
        await press(pilot, "enter")
        assert node_at(screen) in fitting
        assert f"{len(fitting)} of {len(screen.solution)} fit" in static_text(pilot, "#status")
        await press(pilot, "escape")
        assert tree.last_line == everything
        assert isinstance(pilot.app.screen, RunScreen)


async def test_a_digit_again_goes_into_the_text_and_0_into_the_tree(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        await press(pilot, "2")
        assert isinstance(screen.focused, SolutionTree)
        await press(pilot, "2")
        assert isinstance(screen.focused, Pane)
        await press(pilot, "W")
        assert screen.query_one("#tab-code Pane").has_class("unwrapped")
        await press(pilot, "W", "0")
        assert isinstance(screen.focused, SolutionTree)
        assert not screen.query_one("#tab-code Pane").has_class("unwrapped")


async def test_a_run_without_confinement_says_so(home: Home, run_id: str) -> None:
    async with open_run(home, run_id, (80, 24)) as (pilot, _):
        for _ in range(100):
            if "UNCONFINED" in static_text(pilot, "#title"):
                return
            await pilot.pause(0.05)
        raise AssertionError("the recorded run had the level limits, and nothing says so")


async def test_zoom_and_escape_go_back_a_layer_each(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        await press(pilot, "z")
        assert not screen.query_one("#left").display
        await press(pilot, "escape")
        assert screen.query_one("#left").display
        await press(pilot, "slash", "escape")
        assert isinstance(pilot.app.screen, RunScreen)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_help_lists_the_keys_that_work_here_and_narrows(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, _):
        await press(pilot, "question_mark")
        screen = pilot.app.screen
        assert isinstance(screen, Help)
        lines = screen.query_one("#help-lines", Static)
        assert "To the best node" in str(lines.render())
        await press(pilot, *"clipboard")
        assert "To the best node" not in str(lines.render())


async def test_steering_a_run_that_is_not_here_says_what_to_do(home: Home, run_id: str) -> None:
    async with open_run(home, run_id) as (pilot, _):
        for one in ("space", "S", "i", "D", "a", "x", "p", "c", "R"):
            before = len(app_of(pilot).notices)
            await press(pilot, one)
            assert any("Press r" in text for _, text in app_of(pilot).notices[before:]), one


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (40, 10)])
async def test_every_size_shows_tree_and_state(home: Home, run_id: str, size: tuple[int, int]) -> None:
    async with open_run(home, run_id, size) as (pilot, screen):
        assert screen.query_one(SolutionTree).size.height >= 3
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert "finished" in static_text(pilot, "#status")
