"""Steering keys on a run that goes on in the app: each reaches the run and is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.home import Home
from aide_local.store.read import list_runs, read_run
from aide_local.types import NodeState, Operator
from tests.tui.pilots import finish, go_to, last_notice, live_run, press, type_into, until
from tui.dialogs import Ask, Confirm, Editor
from tui.run import RunScreen

pytestmark = pytest.mark.asyncio


async def test_a_hint_for_an_improvement_reaches_the_prompt(tmp_path: Path) -> None:
    async with live_run(tmp_path) as (pilot, screen, gate):
        await go_to(pilot, screen, 0)
        await press(pilot, "i")
        assert isinstance(pilot.app.screen, Ask)
        await press(pilot, *"logs", "enter")
        await finish(pilot, screen, gate)
        made = [node for node in screen.solution.nodes if node.hint == "logs"]
        assert [(node.operator, node.parent) for node in made] == [(Operator.IMPROVE, 0)]
        home = Home(tmp_path / "home")
        view = read_run(home, list_runs(home)[0].id)
        assert any(one.node == made[0].id and "logs" in one.prompt for one in view.generations)


async def test_debug_draft_and_again(tmp_path: Path) -> None:
    async with live_run(tmp_path) as (pilot, screen, gate):
        await go_to(pilot, screen, 1)
        await press(pilot, "D")
        await press(pilot, "a", *"trees", "enter")
        await go_to(pilot, screen, 0)
        await press(pilot, "R")
        await finish(pilot, screen, gate)
        made = [(node.operator, node.parent, node.hint) for node in screen.solution.nodes[4:]]
        assert made == [(Operator.DEBUG, 1, ""), (Operator.DRAFT, None, "trees"), (Operator.DRAFT, None, "")]


async def test_two_marked_nodes_are_merged(tmp_path: Path) -> None:
    async with live_run(tmp_path) as (pilot, screen, gate):
        for node in (0, 2):
            await go_to(pilot, screen, node)
            await press(pilot, "m")
        await press(pilot, "M")
        await finish(pilot, screen, gate)
        merged = [node for node in screen.solution.nodes if node.operator is Operator.MERGE]
        assert [(node.parent, node.other) for node in merged] == [(0, 2)]


async def test_an_edited_script_becomes_a_child(tmp_path: Path) -> None:
    async with live_run(tmp_path) as (pilot, screen, gate):
        await go_to(pilot, screen, 0)
        await press(pilot, "E")
        assert isinstance(pilot.app.screen, Editor)
        await press(pilot, *"z = 1", "enter", "ctrl+s")
        await finish(pilot, screen, gate)
        human = [node for node in screen.solution.nodes if node.operator is Operator.HUMAN]
        assert [(node.parent, node.state) for node in human] == [(0, NodeState.VALID)]
        assert human[0].code.startswith("z = 1\n")


async def test_leaving_a_changed_script_asks_first(tmp_path: Path) -> None:
    async with live_run(tmp_path) as (pilot, screen, _):
        await go_to(pilot, screen, 0)
        await press(pilot, "E", "z", "escape")
        assert isinstance(pilot.app.screen, Confirm)
        await press(pilot, "n")
        assert isinstance(pilot.app.screen, Editor)
        await press(pilot, "escape", "y")
        assert isinstance(pilot.app.screen, RunScreen)


async def test_ban_and_pin_are_marked_and_taken_back(tmp_path: Path) -> None:
    async with live_run(tmp_path) as (pilot, screen, _):
        await go_to(pilot, screen, 0)
        live = screen.live
        assert live is not None
        await press(pilot, "x")
        assert live.run.tree.banned == {0}
        await until(pilot, lambda: 0 in screen.solution.excluded)
        await press(pilot, "x")
        assert live.run.tree.banned == frozenset()
        await press(pilot, "p")
        assert live.run.tree.pinned == {0}
        await press(pilot, "p")
        assert live.run.tree.pinned == frozenset()


async def test_settings_are_changed_and_nonsense_is_reported(tmp_path: Path) -> None:
    async with live_run(tmp_path) as (pilot, screen, gate):
        live = screen.live
        assert live is not None
        for typed in ("steps=many", "colour=blue", "policy=nothing", "steps=0"):
            await press(pilot, "c")
            type_into(pilot, "Input", typed)
            await press(pilot, "enter")
            assert last_notice(pilot).severity == "error", typed
        await press(pilot, "c")
        type_into(pilot, "Input", "steps=5 temperature=0.2")
        await press(pilot, "enter")
        assert (live.run.settings.steps, live.run.settings.temperature) == (5, 0.2)
        await finish(pilot, screen, gate)
        assert len(screen.solution) == 5


async def test_pause_pauses_and_goes_on_and_stop_delivers(tmp_path: Path) -> None:
    async with live_run(tmp_path) as (pilot, screen, gate):
        await press(pilot, "space")
        await until(pilot, lambda: screen.live is not None and screen.live.paused)
        await press(pilot, "space")
        await until(pilot, lambda: screen.live is not None and not screen.live.paused)
        await press(pilot, "S")
        assert isinstance(pilot.app.screen, Confirm)
        await press(pilot, "y")
        await finish(pilot, screen, gate)
        home = Home(tmp_path / "home")
        info = list_runs(home)[0]
        assert info.state == "stopped"
        assert (home.run(info.id) / "deliverables" / "submission.csv").exists()


async def test_leaving_while_a_run_goes_on_asks_and_loses_nothing(tmp_path: Path) -> None:
    async with live_run(tmp_path) as (pilot, screen, gate):
        await press(pilot, "ctrl+q")
        assert isinstance(pilot.app.screen, Confirm)
        await press(pilot, "n")
        assert isinstance(pilot.app.screen, RunScreen)
        await press(pilot, "escape")
        assert screen.live is not None
        assert not screen.live.ended, "the run goes on behind the list"
        await press(pilot, "q", "y")
        gate.open.set()
        live = screen.live
        await until(pilot, lambda: live._thread is not None and not live._thread.is_alive())
    home = Home(tmp_path / "home")
    view = read_run(home, list_runs(home)[0].id)
    assert sum(node.state is not NodeState.PENDING for node in view.tree.nodes) >= 3
    assert view.info.state == "stopped"
