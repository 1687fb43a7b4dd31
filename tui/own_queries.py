"""The part of the SQL console that saves and deletes queries under a name of the person's."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.screen import Screen

from aide_local.errors import SettingsError
from tui import keys
from tui.dialogs import Ask, Confirm
from tui.draw import one_line
from tui.protocol import Window
from tui.queries import saved_queries, write_queries
from tui.sql_editor import SqlEditor


class OwnQueries(Screen[None]):
    """A screen with an editor whose query can be saved."""

    BINDINGS: ClassVar[list[BindingType]] = keys.OWN_QUERIES

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window
        self._home = window.home

    def read_own(self) -> dict[str, str] | None:
        """Return the saved queries by name; None, after a message, if their file cannot be read and must stay as it is."""
        try:
            return saved_queries(self._home)
        except SettingsError as error:
            self._window.report(error)
            return None

    def action_save(self) -> None:
        query, own = self.query_one(SqlEditor).text.strip(), self.read_own()
        if own is None:
            return
        if not query:
            self.notify("There is no query to save.", severity="warning")
            return

        def save(name: str) -> None:
            self._save({**own, name: query}, f"Saved as {name}; f2 lists it.")

        def on_name(answer: str | None) -> None:
            name = one_line(answer or "")
            if name in own:
                self.app.push_screen(
                    Confirm(f"Replace your query {name}?"), lambda yes: save(name) if yes else None
                )
            elif name:
                save(name)

        self.app.push_screen(Ask("Save the query under which name?"), on_name)

    def forget(self, name: str) -> None:
        """Delete a saved query, after a question."""

        def on_answer(yes: bool | None) -> None:
            own = self.read_own() if yes else None
            if own is not None:
                own.pop(name, None)
                self._save(own, f"{name} is deleted.")

        self.app.push_screen(Confirm(f"Delete your query {name}?"), on_answer)

    def _save(self, queries: dict[str, str], done: str) -> None:
        try:
            write_queries(self._home, queries)
        except SettingsError as error:
            self._window.report(error)
        else:
            self.notify(done, timeout=3)
