"""The other screens: list, form, models, settings."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import duckdb
import pytest
from textual.binding import Binding
from textual.widgets import Input

from aide_local.home import Home
from aide_local.store.history import gather_all
from aide_local.store.read import list_runs
from tests.llm.tiny import make_gguf
from tests.runs import make_csvs
from tests.tui.pilots import app_of, last_notice, static_text, until
from tui.app import AideApp
from tui.dialogs import Ask, Choose, Confirm, Editor, Help, PressKey, TextDialog
from tui.home import COLUMNS, HomeScreen, RunsTable
from tui.keys import FIXED, as_markdown, rebindable
from tui.models import ModelsScreen
from tui.new_run import NewRunScreen
from tui.run import RunScreen
from tui.sql import SqlScreen

pytestmark = pytest.mark.asyncio


async def test_an_empty_home_names_the_next_key_and_the_command(tmp_path: Path) -> None:
    async with AideApp(Home(tmp_path)).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "n        begin one" in static_text(pilot, "#welcome")
        assert "aide-local run" in static_text(pilot, "#welcome")


async def test_the_list_says_how_long_a_run_has_taken(home: Home, run_id: str) -> None:
    file = home.run(run_id) / "info.json"
    info = json.loads(file.read_text())
    assert info["seconds"] > 0, "the recorded run took some time"
    file.write_text(json.dumps({**info, "seconds": 3723.4}))
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        table = pilot.app.screen.query_one(RunsTable)
        assert str(table.get_row_at(0)[COLUMNS.index("time")]) == "1:02:03"


async def test_runs_are_listed_opened_and_deleted_after_a_question(home: Home, run_id: str) -> None:
    gather_all(home)
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape", "d", "n")
        assert [info.id for info in list_runs(home)] == [run_id]
        await pilot.press("d", "y")
        await until(pilot, lambda: not list_runs(home))
        assert not home.run(run_id).exists()
        await until(pilot, lambda: "nodes" in rows_of(home) and not rows_of(home)["nodes"])


def rows_of(home: Home) -> dict[str, int]:
    """Return the number of rows of each table in the file of the history itself."""
    with duckdb.connect(str(home.history), read_only=True) as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        return {
            str(name): int(connection.sql(f'SELECT count(*) FROM "{name}"').fetchall()[0][0])
            for (name,) in names
        }


async def test_the_form_shows_what_is_understood_and_what_is_wrong(tmp_path: Path) -> None:
    make_csvs(tmp_path / "task")
    async with AideApp(Home(tmp_path / "home")).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("n")
        screen = pilot.app.screen
        assert isinstance(screen, NewRunScreen)
        screen.query_one("#field-path", Input).value = str(tmp_path / "task")
        await until(pilot, lambda: "regression" in static_text(pilot, "#task"))
        assert f"aide-local run {tmp_path / 'task'}" in static_text(pilot, "#status")
        screen.query_one("#field-target", Input).value = "yy"
        await until(pilot, lambda: "'yy'" in static_text(pilot, "#task"))
        screen.query_one("#field-steps", Input).value = "many"
        await until(pilot, lambda: "many" in static_text(pilot, "#status"))
        await pilot.press("f5")
        await pilot.pause()
        assert isinstance(pilot.app.screen, NewRunScreen), "nothing begins with a line that cannot be used"


async def test_a_script_is_edited_in_the_editor_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leave out that the editor gets the terminal, which a test without a terminal cannot show."""
    other = tmp_path / "editor"
    other.write_text('#!/bin/sh\necho "x = 2" >> "$1"\n')
    other.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(other))
    async with AideApp(Home(tmp_path / "home")).run_test(size=(120, 40)) as pilot:
        monkeypatch.setattr(pilot.app, "suspend", contextlib.nullcontext)
        edited: list[str | None] = []
        await pilot.app.push_screen(Editor("a script", "x = 1\n"), edited.append)
        await pilot.press("ctrl+o")
        await pilot.pause()
        monkeypatch.setenv("VISUAL", "false")
        await pilot.press("ctrl+o")
        await pilot.pause()
        assert "Set EDITOR" in last_notice(pilot).message
        await pilot.press("f5")
        await until(pilot, lambda: edited)
        assert edited == ["x = 1\nx = 2\n"], "what it wrote is kept, also if the next one fails"


async def test_models_are_listed_added_and_forgotten(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "tiny.gguf")
    async with AideApp(Home(tmp_path / "home")).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("m")
        screen = pilot.app.screen
        assert isinstance(screen, ModelsScreen)
        await pilot.pause()
        assert "parameters" in static_text(pilot, "#status")
        await pilot.press("a")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = str(model)
        await pilot.press("enter")
        await until(pilot, lambda: [one.name for one in screen._models] == ["starter", "tiny"])
        await pilot.press("v")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TextDialog), "the starter has a card"
        await pilot.press("escape", "down", "c")
        await pilot.pause()
        assert "MiB = " in static_text(pilot, "#status"), "the memory it will take"
        await pilot.press("escape", "n")
        await pilot.pause()
        assert pilot.app.screen.query_one("#field-model", Input).value == "tiny"
        await pilot.press("escape", "m")
        again = pilot.app.screen
        assert isinstance(again, ModelsScreen)
        await pilot.pause()
        await pilot.press("down", "d", "y")
        await until(pilot, lambda: [one.name for one in again._models] == ["starter"])
        assert model.exists(), "a file outside the home folder stays"


async def test_another_key_and_theme_are_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    async with AideApp(home).run_test() as pilot:
        await pilot.pause()
        app = app_of(pilot)
        app.rebind("home.sql", "ctrl+t")
        app.theme = "okabe-ito"
        await pilot.pause()
    assert json.loads((tmp_path / "ui.json").read_text()) == {
        "theme": "okabe-ito",
        "motion": "",
        "model": "",
        "keys": {"home.sql": "ctrl+t"},
    }
    async with AideApp(home).run_test() as pilot:
        await pilot.pause()
        assert pilot.app.theme == "okabe-ito"
        await pilot.press("s")
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert isinstance(pilot.app.screen, SqlScreen)


async def test_a_key_that_is_taken_is_refused_and_backspace_gives_its_own_back(tmp_path: Path) -> None:
    async with AideApp(Home(tmp_path)).run_test() as pilot:
        await pilot.pause()
        app = app_of(pilot)
        app.rebind("home.sql", "n")
        assert "Begin a run" in app.notices[-1].message
        assert app.settings.keys == {}
        app.rebind("home.sql", "ctrl+t")
        app.rebind("home.new", "s")
        assert app.settings.keys == {"home.sql": "ctrl+t", "home.new": "s"}
        app.rebind("home.new", "backspace")
        assert app.settings.keys == {"home.sql": "ctrl+t"}


async def test_motion_is_switched_off_and_that_is_kept(tmp_path: Path) -> None:
    async with AideApp(Home(tmp_path)).run_test() as pilot:
        await pilot.pause()
        app_of(pilot).animation_level = "full"
        await pilot.press("comma")
        await pilot.pause()
        await pilot.press(*"motion", "enter")
        await pilot.pause()
        assert app_of(pilot).animation_level == "none"
    assert json.loads((tmp_path / "ui.json").read_text())["motion"] == "none"


async def test_damaged_settings_are_reported_and_the_app_opens(tmp_path: Path) -> None:
    (tmp_path / "ui.json").write_text("{")
    async with AideApp(Home(tmp_path)).run_test() as pilot:
        await pilot.pause()
        assert isinstance(pilot.app.screen, HomeScreen)
        assert app_of(pilot).notices[0].severity == "error"
        await pilot.press("f12")
        await pilot.pause()
        assert isinstance(pilot.app.screen, TextDialog)
        assert str(app_of(pilot).home.log) in pilot.app.screen._note


async def test_every_key_has_one_id_and_the_document_of_keys_is_true() -> None:
    ids = [binding.id for _, binding in rebindable()]
    assert len(ids) == len(set(ids))
    document = Path(__file__).parent.parent.parent / "docs" / "keys.md"
    assert document.read_text("utf-8") == as_markdown(), "aide-local keys --markdown > docs/keys.md"


async def test_keys_of_questions_are_the_ones_documented_as_fixed() -> None:
    found = {
        (binding.key, dialog.__name__)
        for dialog in (Ask, Confirm, Choose, Help, PressKey)
        for binding in vars(dialog).get("BINDINGS", ())
        if isinstance(binding, Binding)
    }
    assert found == {(key, name) for key, names, _ in FIXED for name in names}
