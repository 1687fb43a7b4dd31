"""The screen of models: their list, facts and cards, and the ways to add and forget one."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from aide_local.basics.units import MIB, format_mib
from aide_local.errors import AideError
from aide_local.llm.gguf import read_header
from aide_local.llm.registry import ModelEntry, add_model, list_models, remove_model
from aide_local.store.exams import last_exam
from aide_local.store.read import list_runs
from tui import keys
from tui.dialogs import Ask, Confirm, TextDialog
from tui.draw import harmless, one_line
from tui.liveness import is_open
from tui.protocol import Window
from tui.settings import LATEST_RUNS

MOST_CONTEXT = 16_384  # tokens, unless a run sets another number


def card_of(entry: ModelEntry) -> Path:
    """Return where a model's card lies: beside its file, with the same name."""
    return entry.path.with_suffix(".md")


class ModelsTable(DataTable[Text]):
    """The models, the bundled ones first."""

    BINDINGS: ClassVar[list[BindingType]] = keys.MODELS_TABLE


class ModelsScreen(Screen[None]):
    """The list of models, and what is known of the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = keys.MODELS

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window
        self._home = window.home
        self._models: tuple[ModelEntry, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(
            Text("Models", "bold") + Text("  the next run begins with the one you choose (c)", "dim"),
            id="title",
        )
        table = ModelsTable(cursor_type="row", zebra_stripes=True)
        table.add_columns("name", "for", "size", "from", "description")
        yield table
        yield Static(id="status")
        yield Footer()

    def on_mount(self) -> None:
        self._reread()

    def _reread(self) -> None:
        if not is_open(self):
            return
        table = self.query_one(ModelsTable)
        at = table.cursor_row
        table.clear()
        try:
            self._models = list_models(self._home)
        except AideError as error:
            self._window.report(error)
        for entry in self._models:
            there = entry.path.exists()
            table.add_row(
                Text(one_line(entry.name)),
                Text(self._use(entry)),
                Text(
                    format_mib(entry.path.stat().st_size) if there else "absent",
                    "" if there else "red",
                ),
                Text("bundled" if entry.bundled else one_line(str(entry.path.parent))),
                Text(one_line(entry.description)),
            )
        table.move_cursor(row=min(at, len(self._models) - 1), animate=False)
        table.focus()

    @property
    def current(self) -> ModelEntry | None:
        """Return the model under the cursor."""
        row = self.query_one(ModelsTable).cursor_row
        return self._models[row] if 0 <= row < len(self._models) else None

    def _use(self, entry: ModelEntry) -> str:
        if entry.name == self._window.settings.model:
            return "next run"
        return "default" if entry.default else ""

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        entry = self.current
        if entry is None:
            return
        try:
            shown = Text(harmless(self._facts(entry)))
        except AideError as error:
            shown = Text(f"! {harmless(error.message)} {error.fix}", "red")
        self.query_one("#status", Static).update(shown)

    def _facts(self, entry: ModelEntry) -> str:
        """Return what the model is, the memory it will take, and what it did on this machine.

        Raises:
            ModelError: its file cannot be read.
        """
        header = read_header(entry.path)
        n_ctx = min(header.n_ctx_train or MOST_CONTEXT, MOST_CONTEXT)
        cache = header.cache_size(n_ctx)
        exam = last_exam(self._home, entry.name)
        latest = list_runs(self._home, latest=LATEST_RUNS)
        runs = [info for info in latest if info.model == entry.name]
        nodes, valid = sum(info.nodes for info in runs), sum(info.valid for info in runs)
        did = (
            f"{len(runs)} of the latest {len(latest)} runs here, {valid} of {nodes} scripts valid"
            if runs
            else "no run here yet"
        )
        card = (
            "v: its card" if card_of(entry).exists() else f"no card ({card_of(entry).name} beside the file)"
        )
        return (
            f"{one_line(entry.description)}\n"
            f"{header.architecture}, {header.parameters:,} parameters, context of {header.n_ctx_train:,} tokens\n"
            f"memory: about {format_mib(header.size + cache)} = {header.size / MIB:,.0f} weights"
            f" + {cache / MIB:,.0f} cache of {n_ctx:,} tokens, and its buffers\n"
            f"{did}; {card}\n"
            f"exam {exam.sentence(entry.sha256) if exam else f'none; aide-local models exam {entry.name}'}\n"
            f"sha256 {entry.sha256 or 'not registered'}; licence {entry.licence or 'not stated'}"
        )

    def on_data_table_row_selected(self, _: DataTable.RowSelected) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        if self.current is not None:
            self._window.choose_model(self.current.name)
            self._reread()

    def action_card(self) -> None:
        entry = self.current
        if entry is None:
            return
        try:
            text = card_of(entry).read_text("utf-8", "replace")
        except OSError:
            self.notify(
                f"{entry.name} has no card: {card_of(entry)} is not there.", severity="warning", markup=False
            )
            return
        self.app.push_screen(TextDialog(f"Card of {entry.name}", text))

    def action_add(self) -> None:
        def on_answer(path: str | None) -> None:
            if path:
                self.notify("Its checksum is being taken.", timeout=3)
                self._add(Path(path).expanduser())

        self.app.push_screen(
            Ask("Path of a GGUF file. Its checksum is taken, which takes a while."), on_answer
        )

    @work(thread=True, group="add")
    def _add(self, path: Path) -> None:
        try:
            added = add_model(path, self._home)
        except AideError as error:
            self.app.call_from_thread(self._window.report, error)
        else:
            self.app.call_from_thread(self.notify, f"{added.name} is added; c takes it for the next run.")
            self.app.call_from_thread(self._reread)

    def action_delete(self) -> None:
        entry = self.current
        if entry is None:
            return

        def on_answer(yes: bool | None) -> None:
            if yes:
                try:
                    remove_model(entry.name, self._home)
                except AideError as error:
                    self._window.report(error)
                self._reread()

        self.app.push_screen(
            Confirm(f"Forget the model {entry.name}? A file outside {self._home.models} stays."), on_answer
        )
