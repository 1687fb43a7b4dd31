"""Queries of the SQL console that a person keeps under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.screen import Screen

from aide_local.errors import SettingsError
from aide_local.home import Home
from tui.dialogs import Ask, Confirm
from tui.keys import key
from tui.queries import keep, saved_queries
from tui.sql_editor import SqlEditor
from tui.text import line

if TYPE_CHECKING:
    from tui.app import AideApp


class OwnQueries(Screen[None]):
    """The part of the console that saves and deletes them."""

    app: AideApp

    BINDINGS: ClassVar[list[BindingType]] = [
        key("ctrl+s", "save", "Save", "Save the query under a name; f2 lists it", group="sql"),
    ]

    def __init__(self, home: Home) -> None:
        super().__init__()
        self._home = home

    def saved(self) -> dict[str, str] | None:
        """By name; None where their file cannot be read, which is told and nothing is written over it."""
        try:
            return saved_queries(self._home)
        except SettingsError as error:
            self.app.tell(error)
            return None

    def action_save(self) -> None:
        query, own = self.query_one(SqlEditor).text.strip(), self.saved()
        if own is None:
            return
        if not query:
            self.notify("There is no query to save.", severity="warning")
            return

        def save(name: str) -> None:
            self._keep({**own, name: query}, f"Saved as {name}; f2 lists it.")

        def named(said: str | None) -> None:
            name = line(said or "")
            if name in own:
                self.app.push_screen(
                    Confirm(f"Replace your query {name}?"), lambda yes: save(name) if yes else None
                )
            elif name:
                save(name)

        self.app.push_screen(Ask("Save the query under which name?"), named)

    def forget(self, name: str) -> None:
        """Delete one, after a question."""

        def answered(yes: bool | None) -> None:
            own = self.saved() if yes else None
            if own is not None:
                own.pop(name, None)
                self._keep(own, f"{name} is deleted.")

        self.app.push_screen(Confirm(f"Delete your query {name}?"), answered)

    def _keep(self, queries: dict[str, str], done: str) -> None:
        try:
            keep(self._home, queries)
        except SettingsError as error:
            self.app.tell(error)
        else:
            self.notify(done, timeout=3)
