"""Things that people stumbled on when they saw the window for the first time; the window now says each in its place."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets._footer import FooterKey

from aide_local.errors import SettingsError
from aide_local.home import Home
from aide_local.run.loop import Run
from tests.tui.pilots import (
    app_of,
    go_to,
    last_notice,
    live_run,
    open_run,
    pane_text,
    press,
    static_text,
    until,
)
from tui.app import AideApp
from tui.dialogs import Ask, Choose, Help, PressKey
from tui.home import HomeScreen
from tui.live import LiveRun
from tui.run import RunScreen
from tui.sql import caret_in_sight

pytestmark = pytest.mark.asyncio


def footer(pilot: Pilot[None]) -> str:
    keys = pilot.app.screen.query_one(Footer).query(FooterKey)
    return "  ".join(f"{one.key_display} {one.description}" for one in keys if one.display)


def help_text(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#help-lines", Static).render())


async def test_a_run_that_has_ended_offers_to_go_on_and_no_steering(home: Home, run_id: str) -> None:
    async with open_run(home, run_id, (80, 24)) as (pilot, screen):
        await until(pilot, lambda: "r Go on" in footer(pilot))
        assert "Pause" not in footer(pilot)
        assert "? Help" in footer(pilot)
        assert "palette" not in footer(pilot), "at 80 columns the screen's own keys have the room"
        assert "delivered to " in static_text(pilot, "#status")
        await press(pilot, "question_mark")
        assert isinstance(pilot.app.screen, Help)
        assert "Pause" not in help_text(pilot)
        lines = help_text(pilot).splitlines()
        assert [line.split()[:-1][:2] for line in lines if "Leave the program" in line] == [
            ["ctrl+q", "Leave"]
        ]
        assert any(line.startswith("escape q ") and "the run goes on" in line for line in lines)
        await press(pilot, "down", "down")
        assert pilot.app.screen.query_one(VerticalScroll).scroll_offset.y == 2
        await press(pilot, "escape", "r")
        assert isinstance(pilot.app.screen, Ask)
        asked = " ".join(str(one.render()) for one in pilot.app.screen.query(Static))
        assert f"It has {len(screen.solution)} nodes" in asked


async def test_digits_open_all_tabs_and_what_is_missing_is_missing_for_a_reason(
    home: Home, run_id: str
) -> None:
    async with open_run(home, run_id) as (pilot, screen):
        for digit in ("1", "2", "3", "4", "5", "6", "7", "8"):
            await press(pilot, digit)
            assert pane_text(screen).strip(), digit
        await press(pilot, "ctrl+c")
        assert "ctrl+q leaves" in last_notice(pilot).message
        for pressed in ("f4", "f10"):
            await press(pilot, pressed)
            await until(pilot, lambda: not isinstance(pilot.app.screen, RunScreen))
            await press(pilot, "escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        commands = [one.title + one.help for one in pilot.app.get_system_commands(screen)]
        assert len(commands) == len(set(commands)), "once, however many keys an action has"


async def test_while_a_run_goes_on_a_step_that_cannot_be_made_is_refused_before_the_hint(
    tmp_path: Path,
) -> None:
    async with live_run(tmp_path) as (pilot, screen, _):
        await until(pilot, lambda: screen.live is not None and "writing #3" in screen.live.phase)
        await until(pilot, lambda: "S Stop" in footer(pilot))
        assert "Go on" not in footer(pilot)
        await go_to(pilot, screen, 3)
        await press(pilot, "4")
        assert "Nothing yet" in pane_text(screen)
        for node, reason in ((3, "not finished"), (1, "not valid")):
            await go_to(pilot, screen, node)
            await press(pilot, "i")
            assert reason in last_notice(pilot).message
            assert isinstance(pilot.app.screen, RunScreen), "nothing is typed in vain"
        await press(pilot, "space")
        await until(pilot, lambda: "space Go on" in footer(pilot))
        await press(pilot, "escape", "r")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert pilot.app.screen is not screen, "in the list, r opens a run that goes on"


async def test_a_new_run_waits_for_the_end_of_the_last_and_says_what_it_waits_for(tmp_path: Path) -> None:
    """Wait for the last run: it closes its files after its last event, and resuming it at once was refused once."""
    app = AideApp(Home(tmp_path / "home"))
    closed = threading.Event()
    alive: list[bool] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        last = LiveRun(run=None, ended=True)  # type: ignore[arg-type]
        last._thread = threading.Thread(target=closed.wait, daemon=True)
        last._thread.start()
        app.live["last"] = last

        def make() -> Run:
            alive.append(last.alive)
            raise SettingsError("The model is lost.")

        app._launch(make)
        await until(pilot, lambda: "is being loaded, " in static_text(pilot, "#status"))
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)
        assert "is being started" in last_notice(pilot).message
        closed.set()
        await until(pilot, lambda: alive == [False])
        await until(pilot, lambda: "lost" in last_notice(pilot).message)
        await until(pilot, lambda: "loaded" not in static_text(pilot, "#status"))


async def test_lists_and_forms_say_what_is_there(tmp_path: Path) -> None:
    async with AideApp(Home(tmp_path)).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await press(pilot, "n")
        assert "f2: a sample task" in static_text(pilot, "#title")
        fields = pilot.app.screen.query("#fields Input").results(Input)
        assert all(len(one.placeholder) <= one.content_size.width for one in fields), (
            "none is cut at 80 columns"
        )
        await press(pilot, "f2")
        assert isinstance(pilot.app.screen, Choose)
        await press(pilot, *"zzz", "enter", "down")
        options = pilot.app.screen.query_one(OptionList)
        assert "Nothing fits" in str(options.get_option_at_index(0).prompt)
        await press(pilot, "escape", "escape", "m")
        assert "sha256" in static_text(pilot, "#status")
        assert pilot.app.screen.query_one("#status").size.height >= len(
            static_text(pilot, "#status").splitlines()
        )
        await press(pilot, "v")
        scrolled = pilot.app.screen.query_one(VerticalScroll)
        for pressed, moves in (("j", 1), ("k", -1), ("space", 2), ("pageup", -2), ("G", 2), ("g", -2)):
            before = scrolled.scroll_offset.y
            await press(pilot, pressed)
            assert (scrolled.scroll_offset.y - before) * moves >= moves * moves, pressed


async def test_the_key_of_an_action_is_changed_by_keys_alone(tmp_path: Path) -> None:
    async with AideApp(Home(tmp_path)).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await press(pilot, "f4", *"questions in sql", "enter")
        assert isinstance(pilot.app.screen, PressKey)
        await press(pilot, "ctrl+t")
        assert app_of(pilot).settings.keys == {"home.sql": "ctrl+t"}


async def test_the_caret_of_an_error_stays_under_its_place_in_a_narrow_window() -> None:
    query = "SELECT " + "a, " * 40 + "nodde FROM nodes"
    at = query.index("nodde")
    message = f"! It does not work\n\n{query}\n{' ' * at}^^^^^\nTables: docs"
    message_line, line, carets, fix = caret_in_sight(message, 60).split("\n")
    assert (message_line, fix) == ("! It does not work", "Tables: docs")
    assert len(line) <= 60
    assert line[carets.index("^") :].startswith("nodde")
