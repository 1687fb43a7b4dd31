"""The SQL console: asking, completion, saved queries, results."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path

import pytest
from textual.widgets import Input
from textual.widgets.text_area import Selection

from aide_local.home import Home
from aide_local.store.cookbook import QUERIES
from tests.tui.pilots import last_notice, run_screen, static_text, until
from tui.app import AideApp
from tui.dialogs import Choose, Confirm
from tui.home import HomeScreen
from tui.queries import saved_queries
from tui.results import ResultTable
from tui.run import RunScreen
from tui.sql import SqlScreen
from tui.sql_editor import SqlEditor

pytestmark = pytest.mark.asyncio


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
        assert "rows" in static_text(pilot, "#answer")
        await pilot.press("f6")
        await pilot.pause()
        await pilot.press("j", "y")
        assert pilot.app.clipboard
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen) and pilot.app.screen.node)
        run = run_screen(pilot)
        second = run.solution.ranked()[1]
        await until(pilot, lambda: run.node is not None and run.node.id == second.id)


async def test_a_wrong_query_is_reported_with_its_place_and_a_long_one_can_be_ended(home: Home) -> None:
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s")
        screen = pilot.app.screen
        assert isinstance(screen, SqlScreen)
        editor = screen.query_one(SqlEditor)
        editor.text = "SELECT nodde FROM nodes"
        await pilot.press("f5")
        await until(pilot, lambda: "^" in static_text(pilot, "#answer"))
        editor.text = "DROP TABLE nodes"
        await pilot.press("f5")
        await until(pilot, lambda: "read-only" in static_text(pilot, "#answer"))
        editor.text = "SELECT max(hash(a)) FROM range(1000000000000) t(a)"  # long, and small in memory
        await pilot.press("f5")
        await until(pilot, lambda: screen._reader is not None)
        await pilot.pause(0.3)
        await pilot.press("escape")
        await until(pilot, lambda: "!" in static_text(pilot, "#answer"))
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
        assert "escape ends it" in static_text(pilot, "#answer")  # after a second the clock stands there
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
        await until(pilot, lambda: "^" in static_text(pilot, "#answer"))
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


async def test_saved_queries_that_cannot_be_read_are_reported_and_never_overwritten(home: Home) -> None:
    (home.root / "queries.json").write_text("{")
    async with AideApp(home).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("s", "ctrl+s")
        await pilot.pause()
        assert "queries.json cannot be read" in last_notice(pilot).message
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
        await until(pilot, lambda: "!" in static_text(pilot, "#answer"))


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
