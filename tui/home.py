"""The first screen: all runs, and the ways from here."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from aide_local.errors import AideError
from aide_local.home import Home
from aide_local.search.digest import format_metric
from aide_local.store.history import forget
from aide_local.store.read import list_runs, run_ids
from aide_local.store.run_store import delete_run
from aide_local.types import RunInfo
from tui.dialogs import Confirm
from tui.keys import key
from tui.open import is_open
from tui.status import clock
from tui.text import inert, line, spark

if TYPE_CHECKING:
    from tui.app import AideApp

REREAD = 2.0  # seconds
SHOWN = 500  # runs, the latest: more would be read every time
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
    BINDINGS: ClassVar[list[BindingType]] = [
        key("enter", "select_cursor", "Open", "Open the run", group="runs", footer=True),
        key("j,down", "cursor_down", "Down", "Down a run", group="runs"),
        key("k,up", "cursor_up", "Up", "Up a run", group="runs"),
        key("g,home", "scroll_top", "First", "To the first run", group="runs"),
        key("G,end", "scroll_bottom", "Last", "To the last run", group="runs"),
    ]


class HomeScreen(Screen[None]):
    app: AideApp

    BINDINGS: ClassVar[list[BindingType]] = [
        key("n", "new", "New run", "Begin a run: a sample task, a folder or a CSV file", group="home", footer=True),
        key("r", "resume", "Resume", "Go on with a run that was stopped, killed or finished", group="home", footer=True),
        key("s", "sql", "SQL", "Ask all runs questions in SQL", group="home", footer=True),
        key("m", "models", "Models", "Models: what there is, add, delete", group="home", footer=True),
        key("d", "delete", "Delete", "Delete a run and its files, after a question", group="home"),
        key("y", "copy", "Copy id", "Copy the run's id", group="home"),
        key("q", "app.leave", "Quit", "Leave the program", group="home", footer=True),
    ]  # fmt: skip

    def __init__(self, home: Home) -> None:
        super().__init__()
        self._home = home
        self._runs: tuple[RunInfo, ...] = ()
        self._counted = ""

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
        self.set_interval(REREAD, self._reread)

    def on_screen_resume(self) -> None:
        self._reread()

    def _reread(self) -> None:
        if not is_open(self):
            return
        try:
            runs = list_runs(self._home, latest=SHOWN)
            count = len(run_ids(self._home)) if len(runs) == SHOWN else len(runs)
        except AideError as error:
            self.query_one("#status", Static).update(Text(f"! {inert(error.message)} {error.fix}", "red"))
            return
        self._counted = _counts(runs, count)
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
        if is_open(self):
            shown = Text(self._counted, "dim")
            if self.app.doing:
                shown.append(f"   … {self.app.doing}", "not dim")
            self.query_one("#status", Static).update(shown)

    @property
    def chosen(self) -> RunInfo | None:
        row = self.query_one(RunsTable).cursor_row
        return self._runs[row] if 0 <= row < len(self._runs) else None

    def on_data_table_row_selected(self, _: DataTable.RowSelected) -> None:
        if self.chosen is not None:
            self.app.open_run(self.chosen.id)

    def action_new(self) -> None:
        self.app.new_run()

    def action_resume(self) -> None:
        if self.chosen is not None:
            self.app.resume_run(self.chosen.id)

    def action_sql(self) -> None:
        self.app.open_sql()

    def action_models(self) -> None:
        self.app.open_models()

    def action_copy(self) -> None:
        if self.chosen is not None:
            self.app.copy_to_clipboard(self.chosen.id)
            self.notify(f"{self.chosen.id} is copied.", timeout=2)

    def action_delete(self) -> None:
        info = self.chosen
        if info is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._delete(info.id)

        question = f"Delete the run {info.id} with its {info.nodes} nodes and its files? It cannot be undone."
        self.app.push_screen(Confirm(question), answered)

    @work(thread=True, group="delete")
    def _delete(self, run_id: str) -> None:
        """The run, then what the history keeps of it, which takes seconds where there are many runs."""
        try:
            delete_run(self._home, run_id)
            self.app.call_from_thread(self._reread)
            forget(self._home)
        except AideError as error:
            self.app.call_from_thread(self.app.tell, error)


def _counts(runs: tuple[RunInfo, ...], count: int) -> str:
    words = [f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}"]
    if count > len(runs):
        words = [f"the latest {len(runs)} of {count:,} runs; an earlier one: aide-local attach RUN"]
    counts = Counter(info.state for info in runs)
    words += [f"{counts[state]} {state}" for state in _GLYPHS if counts[state]]
    return ", ".join(words)


def _cells(info: RunInfo) -> list[Text]:
    style = _STYLES.get(info.state, "")
    course = [float(one) for one in info.extra.get("course", "").split()]
    return [
        Text(f"{_GLYPHS.get(info.state, ' ')} {info.state}", style),
        Text(line(info.task)),
        Text(line(info.metric)),
        Text(format_metric(info.best), justify="right"),
        Text(spark(course)),
        Text(f"{info.valid}/{info.nodes}", justify="right"),
        Text(clock(info.seconds), justify="right"),
        Text(line(info.model)),
        Text(f"{datetime.fromtimestamp(info.created):%d %b %H:%M}"),
        Text(line(info.id)),
    ]
