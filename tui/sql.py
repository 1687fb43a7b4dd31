"""The SQL console: an editor, the answer, the cookbook, the history."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Footer, Static

from aide_local.errors import AideError
from aide_local.store.cookbook import QUERIES
from aide_local.store.sql import FORMATS, Result, SqlReader
from aide_local.store.sql_errors import QueryError
from aide_local.store.words import names, words
from tui import keys
from tui.dialogs import Ask, Choose
from tui.draw import harmless
from tui.liveness import is_open
from tui.own_queries import OwnQueries
from tui.protocol import Window
from tui.queries import earlier_queries, remember
from tui.results import ResultTable, for_the_screen
from tui.sql_editor import SqlEditor

TIME_LIMIT = 600.0  # seconds; escape ends a query earlier
MOST_COPIED = 20_000  # rows: a terminal takes a clipboard of some megabytes at most


class SqlScreen(OwnQueries):
    """The console."""

    BINDINGS: ClassVar[list[BindingType]] = keys.SQL

    def __init__(self, window: Window, query: str = "FROM leaderboard LIMIT 50") -> None:
        super().__init__(window)
        self._query = query
        self._reader: SqlReader | None = None
        self._result: Result | None = None
        self._columns: list[tuple[str, str]] = []
        self._began = 0.0
        self._busy = False

    def compose(self) -> ComposeResult:
        yield Static(
            Text("SQL over all runs, read-only", "bold")
            + Text("   tab completes, f7 columns, f3 history", "dim"),
            id="title",
        )
        with Vertical(id="sql"):
            yield SqlEditor()
            yield Static("", id="answer")
            yield Vertical(id="results")
        yield Footer()

    def on_mount(self) -> None:
        editor = self.query_one(SqlEditor)
        editor.text = self._query
        editor.focus()
        self._timing = self.set_interval(1.0, self._tick, pause=True)
        self._learn()

    # ---- asking ----

    @work(thread=True, group="learn")
    def _learn(self) -> None:
        """Read the names for completion and for the list of columns."""
        try:
            with SqlReader(self._home) as reader:
                pairs, known = names(reader), words(reader)
        except AideError as error:
            self._then(self._show_failure, f"{error.message} {error.fix}")
            return
        self._then(self._take_names, pairs, known)

    def _then(self, show: Callable[..., None], *found: object) -> None:
        """Show what a thread found, unless the person has left meanwhile."""
        self.app.call_from_thread(lambda: show(*found) if is_open(self) else None)

    def _take_names(self, columns: list[tuple[str, str]], known: list[str]) -> None:
        self._columns = columns
        self.query_one(SqlEditor).words = known

    def action_execute(self) -> None:
        query, start = self.query_one(SqlEditor).statement()
        if not query:
            self._say(Text("Write a query, or f2 for the cookbook."))
        elif self._busy:
            self._say(Text("A query runs; escape ends it."))
        else:
            self._busy = True
            self._began = time.monotonic()
            self._timing.resume()
            self._tick()
            self._execute(query, start)

    def _tick(self) -> None:
        if is_open(self):
            self._say(Text(f"… {time.monotonic() - self._began:.0f} s; escape ends it", "dim"))

    @work(thread=True, group="query")
    def _execute(self, query: str, start: int) -> None:
        """Run the query, which begins at the character ``start`` of the editor's text."""
        try:
            remember(self._home, query)
            with SqlReader(self._home) as reader:
                self._reader = reader
                began = time.perf_counter()
                left_out = len(reader.left_out)
                try:
                    result = reader.execute(query, time_limit=TIME_LIMIT)
                finally:
                    self._reader = None
        except (AideError, OSError) as error:
            message = f"{error.message} {error.fix}" if isinstance(error, AideError) else str(error)
            position = error.position if isinstance(error, QueryError) else None
            self._then(self._show_refusal, message, None if position is None else start + position)
            return
        seconds = time.perf_counter() - began
        self._then(self._show_result, result, for_the_screen(result.table), seconds, left_out)

    def _show_failure(self, message: str) -> None:
        width = self.query_one("#answer").content_size.width
        self._say(Text(caret_in_sight(f"! {harmless(message)}", width), "red"))

    def _show_refusal(self, message: str, place: int | None) -> None:
        """Say what is wrong with the query, and put the cursor on the character ``place`` of the editor's text."""
        self._end()
        self._show_failure(message)
        if place is not None:
            self.query_one(SqlEditor).go_to(place)

    def _end(self) -> None:
        self._busy = False
        self._timing.pause()

    def _say(self, text: Text) -> None:
        self.query_one("#answer", Static).update(text)

    def _show_result(self, result: Result, shown: pa.Table, seconds: float, left_out: int) -> None:
        self._end()
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
        answer = Text(f"{rows}, {table.num_columns} columns, {seconds:.2f} s{hint}", "dim")
        if left_out:
            answer.append(f"  without {left_out} that cannot be read: `aide-local verify` says which", "red")
        self._say(answer)
        if table.num_columns:
            place.mount(ResultTable(result, shown))

    def on_sql_editor_many_fit(self, event: SqlEditor.ManyFit) -> None:
        shown = "  ".join(event.words[:40]) + ("  …" if len(event.words) > 40 else "")
        self._say(Text(shown, "dim"))

    def on_result_table_go_to(self, event: ResultTable.GoTo) -> None:
        self._window.open_run(event.run_id, event.node)

    # ---- keys ----

    def action_turn(self) -> None:
        tables = self.query(ResultTable)
        if tables and self.focused is not tables.first():
            tables.first().focus()
        else:
            self.query_one(SqlEditor).focus()

    def action_cookbook(self) -> None:
        """Offer the person's own queries, then the cookbook's."""
        own = self.read_own() or {}
        own_names = list(own)
        key_of_own = "ctrl+d deletes one of yours" if own else "ctrl+s in the editor keeps one of yours"
        self._choose(
            f"Questions; {key_of_own}",
            [
                *((f"yours: {name}", own[name]) for name in own_names),
                *((one.title, one.query) for one in QUERIES),
            ],
            delete=lambda at: self.forget(own_names[at]) if at < len(own_names) else None,
        )

    def action_history(self) -> None:
        earlier = list(dict.fromkeys(reversed(earlier_queries(self._home))))
        if earlier:
            self._choose("Queries that were run before", [(" ".join(one.split()), one) for one in earlier])
        else:
            self._say(Text("No query was run yet; f2 offers the cookbook."))

    def _choose(
        self, title: str, pairs: list[tuple[str, str]], delete: Callable[[int], None] | None = None
    ) -> None:
        def on_choice(at: int | None) -> None:
            if at is not None:
                self.query_one(SqlEditor).text = harmless(pairs[at][1])
                self.query_one(SqlEditor).focus()

        self.app.push_screen(Choose(title, [pair[0] for pair in pairs], delete), on_choice)

    def action_columns(self) -> None:
        def on_choice(at: int | None) -> None:
            if at is not None:
                self.query_one(SqlEditor).insert(self._columns[at][1])

        self.app.push_screen(
            Choose(
                "Tables, views and their columns", [f"{table}.{column}" for table, column in self._columns]
            ),
            on_choice,
        )

    def action_export(self) -> None:
        result = self._result
        if result is None:
            self._say(Text("There is no result to write; f5 runs the query."))
            return

        def on_answer(name: str | None) -> None:
            if not name:
                return
            path = Path(name).expanduser()
            form = {"md": "markdown", "txt": "table"}.get(path.suffix[1:], path.suffix[1:])
            if form not in FORMATS:
                self._show_failure(
                    f"{path.name} does not say how. End it with .csv, .json, .md, .txt or .parquet."
                )
                return
            self._say(Text("It is being written."))
            self._write(result, form, path)

        self.app.push_screen(
            Ask("Write the result to which file?", str(Path.cwd() / "result.csv")), on_answer
        )

    @work(thread=True, group="write")
    def _write(self, result: Result, form: str, path: Path) -> None:
        try:
            result.save(form, path)
        except OSError as error:
            message = f"{path} cannot be written: {error.strerror}. Choose another place."
            self._then(self._show_failure, message)
        else:
            self._then(self._say, Text(f"Written: {harmless(str(path))}"))

    def action_copy_csv(self) -> None:
        result = self._result
        if result is None:
            self._say(Text("There is no result to copy; f5 runs the query."))
        elif result.table.num_rows > MOST_COPIED:
            self._say(
                Text(f"{result.table.num_rows:,} rows are too many to copy; f9 writes them to a file.", "red")
            )
        else:
            self.app.copy_to_clipboard(result.render("csv").decode("utf-8", "replace"))
            self.notify(f"{result.table.num_rows:,} rows are copied.", timeout=2)

    def action_leave(self) -> None:
        if self._reader is not None:
            self._reader.interrupt()
        else:
            self.app.pop_screen()


def caret_in_sight(message: str, width: int) -> str:
    """Return the message without empty lines, the query's line cut to ``width`` columns: wrapped, its caret would be misplaced."""
    lines = [one for one in message.splitlines() if one.strip()]
    for at, below in enumerate(lines[1:]):
        if set(below) <= set(" ^") and width > 0:
            cut = max(0, below.index("^") - width // 2)
            lines[at], lines[at + 1] = lines[at][cut : cut + width], below[cut : cut + width]
    return "\n".join(lines)
