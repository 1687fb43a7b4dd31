"""The SQL console: an editor, a table for a million rows, the cookbook, the history."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static, TextArea
from textual_fastdatatable import ArrowBackend, DataTable

from aide_local.errors import AideError
from aide_local.home import Home
from aide_local.store.cookbook import QUERIES
from aide_local.store.sql import FORMATS, Reader, Result
from tui.dialogs import Ask, Choose
from tui.keys import key
from tui.text import inert, line

if TYPE_CHECKING:
    from tui.app import AideApp

TIME_LIMIT = 600.0  # seconds; escape ends a query before
HISTORY = 500  # queries kept
_WORD = re.compile(r"\w+$")
_KEYWORDS = re.findall(
    r"\w+",
    "SELECT FROM WHERE GROUP BY ORDER LIMIT HAVING JOIN USING LEFT ON AS AND OR NOT NULL IN LIKE ILIKE BETWEEN CASE"
    " WHEN THEN ELSE END DISTINCT UNION ALL WITH OVER PARTITION QUALIFY FILTER DESC ASC count sum avg min max round"
    " DESCRIBE SUMMARIZE SHOW TABLES",
)


class SqlEditor(TextArea):
    """SQL; tab completes the names of tables, views, columns and words of the language."""

    class Several(Message):
        """More than one word fits."""

        def __init__(self, words: Sequence[str]) -> None:
            super().__init__()
            self.words = list(words)

    def __init__(self) -> None:
        super().__init__(language="sql", show_line_numbers=True, tab_behavior="focus", id="editor")
        self.words: list[str] = list(_KEYWORDS)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "tab" and self._complete():
            event.prevent_default()  # of the widget below, which would leave the editor
            event.stop()

    def _complete(self) -> bool:
        """Complete the word before the cursor; False where there is none."""
        row, column = self.cursor_location
        found = _WORD.search(self.document.get_line(row)[:column])
        if found is None:
            return False
        typed = found[0].lower()
        fitting = sorted({word for word in self.words if word.lower().startswith(typed)}, key=str.lower)
        if len(fitting) > 1:
            self.post_message(self.Several(fitting))
        if fitting:
            common = _common(fitting)
            if len(common) >= len(typed):
                self.replace(common, (row, column - len(typed)), (row, column))
        return True


def _common(words: Sequence[str]) -> str:
    """The longest beginning of all, whatever their case."""
    first = words[0]
    at = len(first)
    for word in words[1:]:
        at = min(at, len(word))
        while first[:at].lower() != word[:at].lower():
            at -= 1
    return first[:at]


class SqlScreen(Screen[None]):
    app: AideApp

    BINDINGS: ClassVar[list[BindingType]] = [
        key("f5,ctrl+r,ctrl+enter", "execute", "Run", "Run the query", group="sql", footer=True),
        key("f2", "cookbook", "Cookbook", "Questions worth asking", group="sql", footer=True),
        key("f3", "history", "History", "Queries that were run before", group="sql", footer=True),
        key("f6", "turn", "Editor/table", "From the editor to the table and back", group="sql", footer=True, priority=True),
        key("f7", "columns", "Columns", "Tables and views with their columns; inserts the name", group="sql", priority=True),
        key("f9", "export", "Export", "Write the result to a file: csv, json, markdown, parquet", group="sql"),
        key("f8", "copy_csv", "Copy all", "Copy the result as CSV", group="sql"),
        key("escape", "leave", "Back", "End the query that runs, else back", group="sql", footer=True),
    ]  # fmt: skip

    def __init__(self, home: Home, query: str = "") -> None:
        super().__init__()
        self._home = home
        self._query = query or "FROM leaderboard LIMIT 50"
        self._reader: Reader | None = None
        self._result: Result | None = None
        self._columns: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield Static(Text("SQL over all runs, read-only", "bold"), id="title")
        with Vertical(id="sql"):
            yield SqlEditor()
            yield Static("", id="answer")
            yield Vertical(id="results")
        yield Footer()

    def on_mount(self) -> None:
        editor = self.query_one(SqlEditor)
        editor.text = self._query
        editor.focus()
        self._learn()

    # ---- asking ----

    @work(thread=True, group="learn")
    def _learn(self) -> None:
        """Names for completion."""
        try:
            with Reader(self._home) as reader:
                table = reader.execute(
                    "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
                ).table
        except AideError as error:
            self.app.call_from_thread(self._failed, f"{error.message} {error.mend}")
            return
        pairs = [(str(row["table_name"]), str(row["column_name"])) for row in table.to_pylist()]
        self.app.call_from_thread(self._learnt, pairs)

    def _learnt(self, pairs: list[tuple[str, str]]) -> None:
        self._columns = pairs
        self.query_one(SqlEditor).words += sorted({name for pair in pairs for name in pair})

    def action_execute(self) -> None:
        query = self.query_one(SqlEditor).selected_text.strip() or self.query_one(SqlEditor).text.strip()
        if not query:
            self._say(Text("Write a query, or f2 for the cookbook."))
        elif self._reader is not None:
            self._say(Text("A query runs; escape ends it."))
        else:
            self._say(Text("…"))
            self._execute(query)

    @work(thread=True, group="query")
    def _execute(self, query: str) -> None:
        began = time.perf_counter()
        try:
            _remember(self._home, query)
            with Reader(self._home) as reader:
                self._reader = reader
                try:
                    result = reader.execute(query, time_limit=TIME_LIMIT)
                finally:
                    self._reader = None
        except (AideError, OSError) as error:
            message = f"{error.message} {error.mend}" if isinstance(error, AideError) else str(error)
            self.app.call_from_thread(self._failed, message)
            return
        seconds = time.perf_counter() - began
        self.app.call_from_thread(self._answered, result, _for_the_screen(result.table), seconds)

    def _failed(self, message: str) -> None:
        self._say(Text(f"! {inert(message)}", "red"))

    def _say(self, text: Text) -> None:
        self.query_one("#answer", Static).update(text)

    def _answered(self, result: Result, shown: pa.Table, seconds: float) -> None:
        self._result = result
        place = self.query_one("#results")
        place.remove_children()
        table = result.table
        rows = f"{table.num_rows:,} {'row' if table.num_rows == 1 else 'rows'}"
        hint = (
            "  f6: to the table; enter there: to the node"
            if "node" in table.column_names
            else "  f6: to the table"
        )
        self._say(Text(f"{rows}, {table.num_columns} columns, {seconds:.2f} s{hint}", "dim"))
        if table.num_columns:
            place.mount(ResultTable(result, shown))

    def on_sql_editor_several(self, event: SqlEditor.Several) -> None:
        shown = "  ".join(event.words[:40]) + ("  …" if len(event.words) > 40 else "")
        self._say(Text(shown, "dim"))

    # ---- keys ----

    def action_turn(self) -> None:
        tables = self.query(ResultTable)
        if tables and self.focused is not tables.first():
            tables.first().focus()
        else:
            self.query_one(SqlEditor).focus()

    def action_cookbook(self) -> None:
        self._choose("Questions", [(one.title, one.query) for one in QUERIES])

    def action_history(self) -> None:
        earlier = list(dict.fromkeys(reversed(_history(self._home))))
        if earlier:
            self._choose("Queries that were run before", [(" ".join(one.split()), one) for one in earlier])
        else:
            self._say(Text("No query was run yet; f2 offers the cookbook."))

    def _choose(self, title: str, pairs: list[tuple[str, str]]) -> None:
        def chosen(at: int | None) -> None:
            if at is not None:
                self.query_one(SqlEditor).text = inert(pairs[at][1])
                self.query_one(SqlEditor).focus()

        self.app.push_screen(Choose(title, [pair[0] for pair in pairs]), chosen)

    def action_columns(self) -> None:
        def chosen(at: int | None) -> None:
            if at is not None:
                self.query_one(SqlEditor).insert(self._columns[at][1])

        self.app.push_screen(
            Choose(
                "Tables, views and their columns", [f"{table}.{column}" for table, column in self._columns]
            ),
            chosen,
        )

    def action_export(self) -> None:
        result = self._result
        if result is None:
            self._say(Text("There is no result to write; f5 runs the query."))
            return

        def answered(name: str | None) -> None:
            if not name:
                return
            path = Path(name).expanduser()
            form = {"md": "markdown", "txt": "table"}.get(path.suffix[1:], path.suffix[1:])
            if form not in FORMATS:
                self._failed(f"{path.name} does not say how. End it with .csv, .json, .md, .txt or .parquet.")
                return
            try:
                path.write_bytes(result.render(form))
            except OSError as error:
                self._failed(f"{path} cannot be written: {error.strerror}. Choose another place.")
            else:
                self._say(Text(f"Written: {inert(str(path))}"))

        self.app.push_screen(Ask("Write the result to which file?", str(Path.cwd() / "result.csv")), answered)

    def action_copy_csv(self) -> None:
        if self._result is not None:
            self.app.copy_to_clipboard(self._result.render("csv").decode("utf-8", "replace"))
            self.notify(f"{self._result.table.num_rows:,} rows are copied.", timeout=2)

    def action_leave(self) -> None:
        if self._reader is not None:
            self._reader.interrupt()
        else:
            self.app.pop_screen()


class ResultTable(DataTable):
    """A result. hjkl and arrows move; y copies the cell, Y the row; enter goes to the row's node."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("h", "cursor_left", "Left", show=False),
        Binding("l", "cursor_right", "Right", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Last", show=False),
        Binding("y", "copy_cell", "Copy cell"),
        Binding("Y", "copy_row", "Copy row"),
        Binding("v", "view", "View", tooltip="The whole cell"),
        Binding("enter", "jump", "Node", tooltip="To the row's node"),
    ]

    def __init__(self, result: Result, shown: pa.Table) -> None:
        """``shown`` is the result with harmless text, row by row the same."""
        self._result = result
        super().__init__(
            backend=ArrowBackend(shown),
            render_markup=False,
            zebra_stripes=True,
            max_column_content_width=60,
            null_rep="∅",
        )

    def _row(self) -> dict[str, Any]:
        row = self.cursor_coordinate.row
        if row >= self._result.table.num_rows:
            return {}
        one = self._result.table.slice(row, 1)
        return {name: column[0].as_py() for name, column in zip(one.column_names, one.columns, strict=True)}

    def _cell(self) -> str:
        column = self._result.table.column(self.cursor_coordinate.column)
        return str(column[self.cursor_coordinate.row].as_py()) if len(column) else ""

    def action_copy_cell(self) -> None:
        self.app.copy_to_clipboard(self._cell())
        self.notify("The cell is copied.", timeout=2)

    def action_copy_row(self) -> None:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(self._row().values())
        self.app.copy_to_clipboard(buffer.getvalue())
        self.notify("The row is copied as CSV.", timeout=2)

    def action_view(self) -> None:
        self.app.push_screen(Choose("The whole cell", self._cell().splitlines() or [""]))

    def action_jump(self) -> None:
        row = self._row()
        run, node = row.get("run_id"), row.get("node")
        if isinstance(run, str) and isinstance(node, int):
            self.app.open_run(run, node)  # type: ignore[attr-defined]
        elif isinstance(run, str):
            self.app.open_run(run)  # type: ignore[attr-defined]
        else:
            self.notify("The row has no run_id and node; select both to go there.", severity="warning")


_HARMFUL = r"[\x00-\x1f\x7f-\x{9f}\x{61c}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}]+"
_LONGEST_CELL = 500  # characters that are shown; v shows all


def _for_the_screen(table: pa.Table) -> pa.Table:
    """Text without control, escape and bidirectional signs; lists and structures as text."""
    columns = []
    for column in table.columns:
        if pa.types.is_nested(column.type):
            column = pa.chunked_array(
                [[None if one is None else str(one) for one in column.to_pylist()]], pa.string()
            )
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            cut = pc.utf8_slice_codeunits(column, 0, _LONGEST_CELL)
            column = pc.replace_substring_regex(cut, _HARMFUL, " ")
        columns.append(column)
    return pa.table(columns, names=_different(table.column_names))


def _different(names: Sequence[str]) -> list[str]:
    """Names made different: a column that is there twice gets a number."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        shown = line(name) or "?"
        seen[shown] = seen.get(shown, 0) + 1
        made.append(shown if seen[shown] == 1 else f"{shown} {seen[shown]}")
    return made


def _history(home: Home) -> list[str]:
    file = home.root / "queries.jsonl"
    if not file.exists():
        return []
    found = []
    for row in file.read_text("utf-8", "replace").splitlines()[-HISTORY:]:
        try:
            found.append(str(json.loads(row)))
        except ValueError:
            continue  # half a line, of a process that was killed while it wrote
    return found


def _remember(home: Home, query: str) -> None:
    home.root.mkdir(parents=True, exist_ok=True)
    with (home.root / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(query) + "\n")
