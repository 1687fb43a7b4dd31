"""Every key of every screen reaches its action: none is hidden by another binding or taken by a widget."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from textual.binding import Binding
from textual.dom import DOMNode
from textual.pilot import Pilot
from textual.widgets import DataTable

from aide_local.home import Home
from tests.tui.pilots import app_of, open_run, until
from tui.browsing_keys import BrowsingKeys
from tui.dialogs import Choose, Compare, Confirm, Editor, TextDialog
from tui.home import HomeScreen, RunsTable
from tui.keys import FIXED, rebindable
from tui.models import ModelsScreen, ModelsTable
from tui.new_run import NewRunScreen
from tui.own_queries import OwnQueries
from tui.pane import Pane
from tui.results import ResultTable
from tui.run import RunScreen
from tui.settings_app import SettingsApp
from tui.solution_tree import SolutionTree
from tui.sql import SqlScreen
from tui.steering_keys import SteeringKeys

# ---- the places that have keys ----


async def reach_list(pilot: Pilot[None]) -> None:
    pilot.app.pop_screen()
    await until(pilot, lambda: isinstance(pilot.app.focused, RunsTable))


async def reach_tree(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.focused, SolutionTree))


async def reach_text(pilot: Pilot[None]) -> None:
    pilot.app.screen.query(Pane).first().focus()
    await until(pilot, lambda: isinstance(pilot.app.focused, Pane))


async def reach_form(pilot: Pilot[None]) -> None:
    await pilot.app.push_screen(NewRunScreen(app_of(pilot)))


async def reach_models(pilot: Pilot[None]) -> None:
    await pilot.app.push_screen(ModelsScreen(app_of(pilot)))
    await until(pilot, lambda: isinstance(pilot.app.focused, DataTable))


async def reach_console(pilot: Pilot[None]) -> None:
    await pilot.app.push_screen(SqlScreen(app_of(pilot)))


async def reach_result(pilot: Pilot[None]) -> None:
    await reach_console(pilot)
    await pilot.press("f5")
    await until(pilot, lambda: bool(pilot.app.screen.query(ResultTable)))
    await pilot.press("f6")
    await until(pilot, lambda: isinstance(pilot.app.focused, ResultTable))


async def reach_comparison(pilot: Pilot[None]) -> None:
    await pilot.app.push_screen(Compare(Text("one\n" * 80), Text("two\n" * 80)))


async def reach_editor(pilot: Pilot[None]) -> None:
    await pilot.app.push_screen(Editor("a script", "x = 1"))


async def reach_card(pilot: Pilot[None]) -> None:
    await pilot.app.push_screen(TextDialog("a card", "text\n" * 80))


async def reach_question(pilot: Pilot[None]) -> None:
    await pilot.app.push_screen(Confirm("Really?"))


async def reach_choice(pilot: Pilot[None]) -> None:
    await pilot.app.push_screen(Choose("Which?", ["one", "two"], delete=lambda at: None))


PLACES: tuple[tuple[Callable[[Pilot[None]], Awaitable[None]], tuple[type[DOMNode], ...]], ...] = (
    (reach_list, (HomeScreen, RunsTable, SettingsApp)),
    (reach_tree, (RunScreen, BrowsingKeys, SteeringKeys, SolutionTree, SettingsApp)),
    (reach_text, (Pane,)),
    (reach_form, (NewRunScreen,)),
    (reach_models, (ModelsScreen, ModelsTable, SettingsApp)),
    (reach_console, (SqlScreen, OwnQueries)),
    (reach_result, (ResultTable,)),
    (reach_comparison, (Compare,)),
    (reach_editor, (Editor,)),
    (reach_card, (TextDialog,)),
    (reach_question, (Confirm,)),
    (reach_choice, (Choose,)),
)


@pytest.mark.asyncio
@pytest.mark.parametrize(("reach", "owners"), PLACES, ids=[reach.__name__ for reach, _ in PLACES])
async def test_every_key_of_a_place_reaches_its_action(
    home: Home,
    run_id: str,
    reach: Callable[[Pilot[None]], Awaitable[None]],
    owners: tuple[type[DOMNode], ...],
) -> None:
    """Only note the actions down, so that the place stays as it is; other tests say what each does."""
    reached: list[str] = []

    async def note(action: str, *_: Any, **__: Any) -> bool:
        reached.append(action.removeprefix("screen.").removeprefix("app."))
        return True

    async with open_run(home, run_id) as (pilot, _):
        await reach(pilot)
        await pilot.pause()
        pilot.app.run_action = note  # type: ignore[assignment,method-assign]
        for owner in owners:
            for binding in bindings_of(owner):
                for pressed in binding.key.split(","):
                    reached.clear()
                    await pilot.press(pressed)
                    assert reached == [binding.action.removeprefix("app.")], f"{owner.__name__}: {pressed}"


def bindings_of(owner: type[DOMNode]) -> list[Binding]:
    return [one for one in owner.__dict__.get("BINDINGS", ()) if isinstance(one, Binding)]


def test_every_place_with_keys_is_tested() -> None:
    tested = {
        binding.id for _, owners in PLACES for owner in owners for binding in bindings_of(owner) if binding.id
    }
    everywhere = {"app.help", "app.log", "app.leave"}  # the app's own, pressed in other tests
    assert {binding.id for _, binding in rebindable()} - tested <= everywhere


def test_every_key_is_pressed_by_a_test_of_what_it_does() -> None:
    """Look for one of the action's keys in a ``press(…)`` of another file of tests.

    Which action the key has there is for the reader to see; a key that no test presses is found.
    """
    pressed: set[str] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        if file.name != Path(__file__).name:
            pressed |= pressed_in(ast.parse(file.read_text("utf-8")))
    unpressed = [
        f"{binding.id} ({binding.key})"
        for _, binding in rebindable()
        if not pressed & set(binding.key.split(","))
    ]
    assert not unpressed
    assert not [fixed for fixed, _, _ in FIXED if fixed not in pressed]


def pressed_in(tests: ast.Module) -> set[str]:
    """Return the texts in calls of something named ``press``, and in what loops around such calls go through."""
    calls = [
        one
        for one in ast.walk(tests)
        if isinstance(one, ast.Call) and getattr(one.func, "attr", getattr(one.func, "id", "")) == "press"
    ]
    loops = [one for one in ast.walk(tests) if isinstance(one, ast.For | ast.AsyncFor)]
    looped = [one.iter for one in loops if any(call in ast.walk(one) for call in calls)]
    return {
        one.value
        for part in (*calls, *looped)
        for one in ast.walk(part)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
