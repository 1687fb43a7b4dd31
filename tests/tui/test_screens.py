"""The other screens: list, form, SQL, models, preferences."""

from __future__ import annotations

import contextlib
import csv
import json
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Input, Static
from textual.widgets.text_area import Selection

from aide_local.home import Home
from aide_local.store.cookbook import QUERIES
from aide_local.store.history import gather_all
from aide_local.store.read import list_runs
from tests.llm.tiny import make_gguf
from tests.runs import make_csvs
from tui.app import AideApp
from tui.dialogs import Ask, Choose, Confirm, Editor, Help, PressKey, Reader
from tui.home import COLUMNS, HomeScreen, RunsTable
from tui.keys import FIXED, as_markdown, defaults
from tui.models import ModelsScreen
from tui.new_run import NewRunScreen
from tui.queries import saved_queries
from tui.results import ResultTable
from tui.run import RunScreen
from tui.sql import SqlScreen
from tui.sql_editor import SqlEditor

pytestmark = pytest.mark.asyncio


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come about within 20 s")


def said(pilot: Pilot[None], where: str) -> str:
    return str(pilot.app.screen.query_one(where, Static).render())


async def test_an_empty_home_names_the_next_key_and_the_command(tmp_path: Path) -> None:
    async with AideApp(Home(tmp_path)).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "n        begin one" in said(pilot, "#welcome")
        assert "aide-local run" in said(pilot, "#welcome")


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
        await until(pilot, lambda: "nodes" in kept_by(home) and not kept_by(home)["nodes"])


def kept_by(home: Home) -> dict[str, int]:
    """Rows of each table in the file of the history itself."""
    with duckdb.connect(str(home.history), read_only=True) as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names}


async def test_the_form_shows_what_is_understood_and_what_is_wrong(tmp_path: Path) -> None:
    make_csvs(tmp_path / "task")
    async with AideApp(Home(tmp_path / "home")).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("n")
        screen = pilot.app.screen
        assert isinstance(screen, NewRunScreen)
        screen.query_one("#field-path", Input).value = str(tmp_path / "task")
        await until(pilot, lambda: "regression" in said(pilot, "#task"))
        assert f"aide-local run {tmp_path / 'task'}" in said(pilot, "#status")
        screen.query_one("#field-target", Input).value = "yy"
        await until(pilot, lambda: "'yy'" in said(pilot, "#task"))
        screen.query_one("#field-steps", Input).value = "many"
        await until(pilot, lambda: "many" in said(pilot, "#status"))
        await pilot.press("f5")
        await pilot.pause()
        assert isinstance(pilot.app.screen, NewRunScreen), "nothing begins with a line that cannot be used"


async def test_sql_is_asked_completed_shown_and_leads_to_the_node(home: Home, run_id: str) -> None:
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s")
        screen = pilot.app.screen
        assert isinstance(screen, SqlScreen)
        editor = screen.query_one(SqlEditor)
        await until(pilot, lambda: "leaderboard" in editor.words)
        editor.text = ""
        await pilot.press(*"FROM leaderb", "tab")
        assert editor.text == "FROM leaderboard"
        await pilot.press("f5")
        await until(pilot, lambda: screen.query(ResultTable))
        assert "rows" in said(pilot, "#answer")
        await pilot.press("f6")
        await pilot.pause()
        await pilot.press("j", "y")
        assert pilot.app.clipboard
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen) and pilot.app.screen.node)
        opened = pilot.app.screen
        assert isinstance(opened, RunScreen)
        second = opened.solution.ranked()[1]
        await until(pilot, lambda: opened.node is not None and opened.node.id == second.id)


async def test_a_wrong_query_is_told_with_its_place_and_a_long_one_is_ended(home: Home) -> None:
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s")
        screen = pilot.app.screen
        assert isinstance(screen, SqlScreen)
        editor = screen.query_one(SqlEditor)
        editor.text = "SELECT nodde FROM nodes"
        await pilot.press("f5")
        await until(pilot, lambda: "^" in said(pilot, "#answer"))
        editor.text = "DROP TABLE nodes"
        await pilot.press("f5")
        await until(pilot, lambda: "read-only" in said(pilot, "#answer"))
        editor.text = "SELECT max(hash(a)) FROM range(1000000000000) t(a)"  # long, and small in memory
        await pilot.press("f5")
        await until(pilot, lambda: screen._reader is not None)
        await pilot.pause(0.3)
        await pilot.press("escape")
        await until(pilot, lambda: "!" in said(pilot, "#answer"))
        assert isinstance(pilot.app.screen, SqlScreen)
        await pilot.press("f3")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Choose), "what was run is in the history"


async def test_leaving_before_the_answer_and_asking_twice_do_no_harm(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    go_on = threading.Event()

    def slow(home: Home, query: str) -> None:
        asked.append(query)
        go_on.wait(20)

    monkeypatch.setattr("tui.sql.remember", slow)
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s", "f5", "f5")
        await until(pilot, lambda: asked)
        assert "escape ends it" in said(pilot, "#answer")  # after a second the clock stands there
        assert len(asked) == 1
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HomeScreen)
        go_on.set()
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert pilot.app.is_running


async def test_an_error_puts_the_cursor_where_it_is(home: Home) -> None:
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s")
        editor = pilot.app.screen.query_one(SqlEditor)
        editor.text = "SELECT 1;\n\n  SELECT node,\n    nodde FROM nodes"
        await pilot.press("f5")
        await until(pilot, lambda: "^" in said(pilot, "#answer"))
        assert editor.cursor_location == (3, 4)
        editor.text = "SELECT 1;\n  SELECT nodde FROM nodes"
        editor.selection = Selection((1, 0), (1, 25))
        await pilot.press("f5")
        await until(pilot, lambda: editor.cursor_location == (1, 9))
        assert isinstance(pilot.app.focused, SqlEditor)


async def test_a_query_is_saved_under_a_name_listed_and_deleted(home: Home) -> None:
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s")
        editor = pilot.app.screen.query_one(SqlEditor)
        editor.text = "SELECT 42"
        await pilot.press("ctrl+s")
        await pilot.pause()
        await pilot.press(*"answer", "enter")
        await pilot.pause()
        assert saved_queries(home) == {"answer": "SELECT 42"}
        editor.text = "SELECT 43"
        await pilot.press("ctrl+s")
        await pilot.pause()
        await pilot.press(*"answer", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Confirm), "another of that name is not lost by a slip"
        await pilot.press("n")
        assert saved_queries(home) == {"answer": "SELECT 42"}
        await pilot.press("f2")
        await pilot.pause()
        await pilot.press(*"yours", "enter")
        await pilot.pause()
        assert editor.text == "SELECT 42"
        await pilot.press("f2")
        await pilot.pause()
        await pilot.press("end", "ctrl+d")
        await pilot.pause()
        await pilot.press("y")
        await pilot.pause()
        assert saved_queries(home) == {}


async def test_saved_queries_that_cannot_be_read_are_told_and_never_overwritten(home: Home) -> None:
    (home.root / "queries.json").write_text("{")
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s", "ctrl+s")
        await pilot.pause()
        assert "queries.json cannot be read" in pilot.app._told[-1][1]  # type: ignore[attr-defined]
        await pilot.press("f2")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Choose), "the cookbook is there all the same"
    assert (home.root / "queries.json").read_text() == "{"


async def test_results_are_exported_by_the_ending_of_the_name(home: Home, tmp_path: Path) -> None:
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s")
        screen = pilot.app.screen
        screen.query_one(SqlEditor).text = "SELECT run_id, node FROM nodes ORDER BY node"
        await pilot.press("f5")
        await until(pilot, lambda: screen.query(ResultTable))
        for name in ("out.csv", "out.json", "out.parquet", "out.md"):
            await pilot.press("f9")
            await pilot.pause()
            pilot.app.screen.query_one(Input).value = str(tmp_path / name)
            await pilot.press("enter")
            await until(pilot, (tmp_path / name).exists)
        assert len(json.loads((tmp_path / "out.json").read_text())) == 12
        assert (tmp_path / "out.csv").read_text().startswith('"run_id","node"')
        await pilot.press("f9")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = str(tmp_path / "out.xlsx")
        await pilot.press("enter")
        await until(pilot, lambda: "!" in said(pilot, "#answer"))


async def test_columns_are_inserted_and_a_result_is_copied_whole_and_by_row(home: Home) -> None:
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s")
        screen = pilot.app.screen
        assert isinstance(screen, SqlScreen)
        editor = screen.query_one(SqlEditor)
        await until(pilot, lambda: screen._columns)
        editor.text = "SELECT "
        editor.move_cursor((0, 7))
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
        await pilot.press(*"nodes.operator", "enter")
        await until(pilot, lambda: editor.text == "SELECT operator")
        editor.text = "SELECT 1 AS one, 'a,b' AS two UNION ALL SELECT 2, 'c' ORDER BY one"
        await pilot.press("f5")
        await until(pilot, lambda: screen.query(ResultTable))
        await pilot.press("f8")
        assert list(csv.reader(pilot.app.clipboard.splitlines())) == [
            ["one", "two"],
            ["1", "a,b"],
            ["2", "c"],
        ]
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(pilot.app.focused, ResultTable))
        await pilot.press("j", "Y")
        assert pilot.app.clipboard.split() == ["2,c"]


async def test_a_script_is_edited_in_the_editor_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal is given to it meanwhile, which a test without a terminal cannot do."""
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
        assert "Set EDITOR" in pilot.app._told[-1][1]  # type: ignore[attr-defined]
        await pilot.press("f5")
        await until(pilot, lambda: edited)
        assert edited == ["x = 1\nx = 2\n"], "what it wrote is kept, also where the next one fails"


async def test_the_cookbook_fills_the_editor(home: Home) -> None:
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s", "f2")
        await pilot.pause()
        await pilot.press(*"operator gains", "enter")
        await pilot.pause()
        assert pilot.app.screen.query_one(SqlEditor).text == next(
            one.query for one in QUERIES if "operator gains" in one.title
        )


async def test_models_are_listed_added_and_forgotten(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "tiny.gguf")
    async with AideApp(Home(tmp_path / "home")).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("m")
        screen = pilot.app.screen
        assert isinstance(screen, ModelsScreen)
        await pilot.pause()
        assert "parameters" in said(pilot, "#status")
        await pilot.press("a")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = str(model)
        await pilot.press("enter")
        await until(pilot, lambda: [one.name for one in screen._models] == ["starter", "tiny"])
        await pilot.press("v")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Reader), "the starter has a card"
        await pilot.press("escape", "down", "c")
        await pilot.pause()
        assert "MiB = " in said(pilot, "#status"), "the memory it will take"
        await pilot.press("escape", "n")
        await pilot.pause()
        assert pilot.app.screen.query_one("#field-model", Input).value == "tiny"
        await pilot.press("escape", "m")
        screen = pilot.app.screen
        assert isinstance(screen, ModelsScreen)
        await pilot.pause()
        await pilot.press("down", "d", "y")
        await until(pilot, lambda: [one.name for one in screen._models] == ["starter"])
        assert model.exists(), "a file outside the home folder stays"


async def test_another_key_and_theme_are_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    async with AideApp(home).run_test() as pilot:
        await pilot.pause()
        app = pilot.app
        assert isinstance(app, AideApp)
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
        app = pilot.app
        assert isinstance(app, AideApp)
        app.rebind("home.sql", "n")
        assert "Begin a run" in app._told[-1][1]
        assert app.preferences.keys == {}
        app.rebind("home.sql", "ctrl+t")
        app.rebind("home.new", "s")
        assert app.preferences.keys == {"home.sql": "ctrl+t", "home.new": "s"}
        app.rebind("home.new", "backspace")
        assert app.preferences.keys == {"home.sql": "ctrl+t"}


async def test_motion_is_switched_off_and_that_is_kept(tmp_path: Path) -> None:
    async with AideApp(Home(tmp_path)).run_test() as pilot:
        await pilot.pause()
        pilot.app.animation_level = "full"
        await pilot.press("comma")
        await pilot.pause()
        await pilot.press(*"motion", "enter")
        await pilot.pause()
        assert pilot.app.animation_level == "none"
    assert json.loads((tmp_path / "ui.json").read_text())["motion"] == "none"


async def test_damaged_preferences_are_told_and_the_app_opens(tmp_path: Path) -> None:
    (tmp_path / "ui.json").write_text("{")
    async with AideApp(Home(tmp_path)).run_test() as pilot:
        await pilot.pause()
        assert isinstance(pilot.app.screen, HomeScreen)
        assert pilot.app._told[0][0] == "error"  # type: ignore[attr-defined]
        await pilot.press("f12")
        await pilot.pause()
        assert str(pilot.app.home.log) in pilot.app.screen._note  # type: ignore[attr-defined]


async def test_every_key_has_one_id_and_the_document_of_keys_is_true() -> None:
    ids = [binding.id for _, binding in defaults()]
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
