"""Models: what there is, what it needs, add and delete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from aide_local.errors import AideError
from aide_local.home import Home
from aide_local.llm.gguf import read_header
from aide_local.llm.registry import ModelEntry, add_model, list_models, remove_model
from tui.dialogs import Ask, Confirm
from tui.keys import key
from tui.text import inert, line

if TYPE_CHECKING:
    from tui.app import AideApp


class ModelsScreen(Screen[None]):
    app: AideApp

    BINDINGS: ClassVar[list[BindingType]] = [
        key("a", "add", "Add", "Add a GGUF file by its path", group="models", footer=True),
        key("d", "delete", "Delete", "Forget a model that you added, after a question", group="models", footer=True),
        key("escape,q", "app.pop_screen", "Back", "Back to the list of runs", group="models", footer=True),
    ]  # fmt: skip

    def __init__(self, home: Home) -> None:
        super().__init__()
        self._home = home
        self._models: tuple[ModelEntry, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(
            Text("Models", "bold") + Text("  choose one in the form of a new run (n)", "dim"), id="title"
        )
        table: DataTable[Text] = DataTable(cursor_type="row", zebra_stripes=True)
        table.add_columns("name", "default", "size", "from", "description")
        yield table
        yield Static(id="status")
        yield Footer()

    def on_mount(self) -> None:
        self._reread()

    def _reread(self) -> None:
        table: DataTable[Text] = self.query_one(DataTable)
        table.clear()
        try:
            self._models = list_models(self._home)
        except AideError as error:
            self._tell(error)
        for entry in self._models:
            there = entry.path.exists()
            table.add_row(
                Text(line(entry.name)),
                Text("default" if entry.default else ""),
                Text(
                    f"{entry.path.stat().st_size / 2**20:,.0f} MiB" if there else "absent",
                    "" if there else "red",
                ),
                Text("bundled" if entry.bundled else line(str(entry.path.parent))),
                Text(line(entry.description)),
            )
        table.focus()

    def _tell(self, error: AideError) -> None:
        self.notify(f"{error.message} {error.mend}", severity="error", markup=False)

    @property
    def chosen(self) -> ModelEntry | None:
        row = self.query_one(DataTable).cursor_row
        return self._models[row] if 0 <= row < len(self._models) else None

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        entry = self.chosen
        if entry is None:
            return
        try:
            header = read_header(entry.path)
            text = (
                f"{header.architecture}, {header.parameters:,} parameters, context of {header.n_ctx_train:,} tokens;"
                f" the file takes {header.size / 2**20:,.0f} MiB of memory, its cache and buffers besides.\n"
                f"sha256 {entry.sha256 or 'not registered'}; licence {entry.licence or 'not stated'}"
            )
            shown = Text(inert(text))
        except AideError as error:
            shown = Text(f"! {inert(error.message)} {error.mend}", "red")
        self.query_one("#status", Static).update(shown)

    def action_add(self) -> None:
        def answered(path: str | None) -> None:
            if path:
                try:
                    add_model(Path(path).expanduser(), self._home)
                except AideError as error:
                    self._tell(error)
                self._reread()

        self.app.push_screen(
            Ask("Path of a GGUF file. Its checksum is taken, which needs a while."), answered
        )

    def action_delete(self) -> None:
        entry = self.chosen
        if entry is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                try:
                    remove_model(entry.name, self._home)
                except AideError as error:
                    self._tell(error)
                self._reread()

        self.app.push_screen(
            Confirm(f"Forget the model {entry.name}? A file outside {self._home.models} stays."), answered
        )
