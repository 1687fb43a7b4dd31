"""Leaving a screen at any moment does no harm: its timers and threads still come, its widgets are gone."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from aide_local.home import Home
from tests.tui.test_run_screen import opened
from tui.app import AideApp
from tui.home import HomeScreen
from tui.models import ModelsScreen
from tui.new_run import NewRunScreen
from tui.sql import SqlScreen

pytestmark = pytest.mark.asyncio


async def test_what_comes_to_a_screen_that_is_being_removed_is_dropped(home: Home, run_id: str) -> None:
    """Between the key and the end of a screen its widgets go one by one; here they are gone, and it is not."""
    async with opened(home, run_id) as (pilot, run):
        pilot.app.pop_screen()
        await run.remove_children()
        run._look()
        run._has_read(None, run._view, "a problem")
        run._show_node()
        run.query_text = "state:buggy"
        run._filter(run._typed, "op:draft")
        models, form, sql = ModelsScreen(home), NewRunScreen(home), SqlScreen(home)
        for screen in (models, form, sql):
            await pilot.app.push_screen(screen)
            pilot.app.pop_screen()
            await screen.remove_children()
        models._reread()
        form._look(form._waiting)
        form._show(form._waiting, Static().render())  # type: ignore[arg-type]
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
