"""Leaving a screen does no harm at any moment: its timers and threads still come when its widgets are gone."""

from __future__ import annotations

import pytest
from rich.text import Text

from aide_local.home import Home
from tests.tui.pilots import app_of, open_run
from tui.app import AideApp
from tui.home import HomeScreen
from tui.models import ModelsScreen
from tui.new_run import NewRunScreen
from tui.sql import SqlScreen

pytestmark = pytest.mark.asyncio


async def test_what_comes_to_a_screen_that_is_being_removed_is_dropped(home: Home, run_id: str) -> None:
    """Between the key that leaves a screen and its end, its widgets go one by one. Here they are gone, and it is not."""
    async with open_run(home, run_id) as (pilot, run):
        pilot.app.pop_screen()
        await run.remove_children()
        run._look()
        run._take_view(None, run._view, "a problem")
        run._show_node()
        run.query_text = "state:buggy"
        run._filter(run._edits, "op:draft")
        app = app_of(pilot)
        models, form, sql = ModelsScreen(app), NewRunScreen(app), SqlScreen(app)
        for screen in (models, form, sql):
            await pilot.app.push_screen(screen)
            pilot.app.pop_screen()
            await screen.remove_children()
        models._reread()
        form._look(form._edits)
        form._show(form._edits, Text("late"))
        sql._tick()


async def test_what_comes_to_a_program_that_is_being_left_is_dropped(home: Home) -> None:
    app = AideApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, HomeScreen)
        await screen.remove_children()
        app._running = False  # the first thing that Textual does when it leaves
        screen._reread()
        screen.show_status()
        app._follow()
        app._running = True
