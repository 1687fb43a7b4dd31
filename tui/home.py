"""The first screen: all runs, and the ways to the other screens."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from aide_local.errors import AideError
from aide_local.search.digest import format_metric
from aide_local.store.history import forget
from aide_local.store.read import list_runs, run_ids
from aide_local.store.run_store import delete_run
from aide_local.types import RunInfo
from tui import keys
from tui.dialogs import Confirm
from tui.draw import bars, harmless, one_line
from tui.liveness import is_open
from tui.protocol import Window
from tui.settings import LATEST_RUNS, REREAD_EVERY
from tui.status import clock

COLUMNS = ("state", "task", "metric", "best", "course", "nodes", "time", "model", "began", "run")
WELCOME = """\
Welcome. No run is here yet.

  n        begin one: a sample task (f2 there), or your own folder or CSV file
  ?        the keys that work here

The same from a shell:  aide-local run sample_tasks/bike_demand --steps 10

A model on this machine writes scripts; each is run in a sandbox and scored on labels it never saw.
Nothing leaves this machine.
"""
_STYLES = {
    "running": "green",
    "paused": "yellow",
    "failed": "red",
    "interrupted": "magenta",
    "damaged": "red",
}
_GLYPHS = {
    "running": "▶",
    "paused": "‖",
    "finished": "✓",
    "stopped": "■",
    "failed": "✗",
    "interrupted": "!",
    "damaged": "?",
}


class RunsTable(DataTable[Text]):
    """The runs, the latest first."""

    BINDINGS: ClassVar[list[BindingType]] = keys.RUNS_TABLE


class HomeScreen(Screen[None]):
    """The list of runs; a welcome if there is none."""

    BINDINGS: ClassVar[list[BindingType]] = keys.HOME

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window
        self._home = window.home
        self._runs: tuple[RunInfo, ...] = ()
        self._counts = ""

    def compose(self) -> ComposeResult:
        yield Static(Text("aide-local", "bold") + Text(f"  {self._home.root}", "dim"), id="title")
        yield Static(Text(WELCOME), id="welcome")
        table = RunsTable(cursor_type="row", zebra_stripes=True)
        table.add_columns(*COLUMNS)
        yield table
        yield Static(id="status")
        yield Footer()

    def on_mount(self) -> None:
        self._reread()
        self.set_interval(REREAD_EVERY, self._reread)

    def on_screen_resume(self) -> None:
        self._reread()

    def _reread(self) -> None:
        if not is_open(self):
            return
        try:
            runs = list_runs(self._home, latest=LATEST_RUNS)
            count = len(run_ids(self._home)) if len(runs) == LATEST_RUNS else len(runs)
        except AideError as error:
            self.query_one("#status", Static).update(Text(f"! {harmless(error.message)} {error.fix}", "red"))
            return
        self._counts = _count(runs, count)
        self.show_status()
        if runs == self._runs and runs:
            return
        self._runs = runs
        self.query_one("#welcome").display = not runs
        table = self.query_one(RunsTable)
        table.display = bool(runs)
        at = table.cursor_row
        table.clear()
        for info in runs:
            table.add_row(*_cells(info), key=info.id)
        table.move_cursor(row=min(at, len(runs) - 1), animate=False)
        if runs and self.focused is None:
            table.focus()

    def show_status(self) -> None:
        """Show how many runs there are, and what the person waits for."""
        if is_open(self):
            shown = Text(self._counts, "dim")
            if self._window.waiting_for:
                shown.append(f"   … {self._window.waiting_for}", "not dim")
            self.query_one("#status", Static).update(shown)

    @property
    def current(self) -> RunInfo | None:
        """Return the run under the cursor."""
        row = self.query_one(RunsTable).cursor_row
        return self._runs[row] if 0 <= row < len(self._runs) else None

    def on_data_table_row_selected(self, _: DataTable.RowSelected) -> None:
        if self.current is not None:
            self._window.open_run(self.current.id)

    def action_new(self) -> None:
        self._window.new_run()

    def action_resume(self) -> None:
        if self.current is not None:
            self._window.resume_run(self.current.id)

    def action_sql(self) -> None:
        self._window.open_sql()

    def action_models(self) -> None:
        self._window.open_models()

    def action_copy(self) -> None:
        if self.current is not None:
            self.app.copy_to_clipboard(self.current.id)
            self.notify(f"{self.current.id} is copied.", timeout=2)

    def action_delete(self) -> None:
        info = self.current
        if info is None:
            return

        def on_answer(yes: bool | None) -> None:
            if yes:
                self._delete(info.id)

        question = f"Delete the run {info.id} with its {info.nodes} nodes and its files? It cannot be undone."
        self.app.push_screen(Confirm(question), on_answer)

    @work(thread=True, group="delete")
    def _delete(self, run_id: str) -> None:
        """Delete the run, then what the history keeps of it, which takes seconds if there are many runs."""
        try:
            delete_run(self._home, run_id)
            self.app.call_from_thread(self._reread)
            forget(self._home)
        except AideError as error:
            self.app.call_from_thread(self._window.report, error)


def _count(runs: tuple[RunInfo, ...], count: int) -> str:
    """Return how many runs there are, and of the ones shown, how many in each state."""
    words = [f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}"]
    if count > len(runs):
        words = [f"the latest {len(runs)} of {count:,} runs; an earlier one: aide-local attach RUN"]
    counts = Counter(info.state for info in runs)
    words += [f"{counts[state]} {state}" for state in _GLYPHS if counts[state]]
    return ", ".join(words)


def _cells(info: RunInfo) -> list[Text]:
    """Return a row of the table, by :data:`COLUMNS`."""
    style = _STYLES.get(info.state, "")
    course = [float(one) for one in info.extra.get("course", "").split()]
    return [
        Text(f"{_GLYPHS.get(info.state, ' ')} {info.state}", style),
        Text(one_line(info.task)),
        Text(one_line(info.metric)),
        Text(format_metric(info.best), justify="right"),
        Text(bars(course)),
        Text(f"{info.valid}/{info.nodes}", justify="right"),
        Text(clock(info.seconds), justify="right"),
        Text(one_line(info.model)),
        Text(f"{datetime.fromtimestamp(info.created):%d %b %H:%M}"),
        Text(one_line(info.id)),
    ]
