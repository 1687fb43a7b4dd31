"""The editor of the SQL console: highlighting, and completion with tab."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.theme import Theme
from textual.widgets import TextArea

_WORD = re.compile(r"\w+$")


class SqlEditor(TextArea):
    """An editor of SQL; tab completes :attr:`words`."""

    class ManyFit(Message):
        """More than one word begins with what is typed."""

        def __init__(self, words: Sequence[str]) -> None:
            super().__init__()
            self.words = list(words)

    def __init__(self) -> None:
        super().__init__(language="sql", show_line_numbers=True, tab_behavior="focus", id="editor")
        self.words: list[str] = []

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, self._follow_theme)
        self._follow_theme(self.app.current_theme)

    def _follow_theme(self, theme: Theme) -> None:
        """Take colours for a light ground if it is light: the editor's own are made for a dark one."""
        self.theme = "css" if theme.dark or theme.ansi else "github_light"

    def statement(self) -> tuple[str, int]:
        """Return what is selected, or else all, without blanks around it, and at which character of the text it begins."""
        selected = self.selected_text
        first = min(self.selection.start, self.selection.end) if selected.strip() else (0, 0)
        chosen = selected if selected.strip() else self.text
        blanks = len(chosen) - len(chosen.lstrip())
        return chosen.strip(), self._offset(first) + blanks

    def _offset(self, location: tuple[int, int]) -> int:
        row, column = location
        return sum(len(self.document.get_line(above)) + 1 for above in range(row)) + column

    def go_to(self, offset: int) -> None:
        """Put the cursor on a character of the text; nothing is selected any more."""
        before = self.text[:offset]
        self.move_cursor((before.count("\n"), offset - (before.rfind("\n") + 1)), center=True)
        self.focus()

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "tab" and self._complete():
            event.prevent_default()  # of the widget below, which would leave the editor
            event.stop()

    def _complete(self) -> bool:
        """Complete the word before the cursor; return False if there is none."""
        row, column = self.cursor_location
        found = _WORD.search(self.document.get_line(row)[:column])
        if found is None:
            return False
        typed = found[0].lower()
        fitting = sorted({word for word in self.words if word.lower().startswith(typed)}, key=str.lower)
        if len(fitting) > 1:
            self.post_message(self.ManyFit(fitting))
        if fitting:
            common = _common_beginning(fitting)
            if len(common) >= len(typed):
                self.replace(common, (row, column - len(typed)), (row, column))
        return True


def _common_beginning(words: Sequence[str]) -> str:
    """Return the longest beginning that all words have, in the case of the first one."""
    first = words[0]
    at = len(first)
    for word in words[1:]:
        at = min(at, len(word))
        while first[:at].lower() != word[:at].lower():
            at -= 1
    return first[:at]
