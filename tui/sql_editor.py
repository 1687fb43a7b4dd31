"""The editor of the SQL console: highlighting, and completion with tab."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.theme import Theme
from textual.widgets import TextArea

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

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, self._follow_theme)
        self._follow_theme(self.app.current_theme)

    def _follow_theme(self, theme: Theme) -> None:
        """The editor's own colours are made for a dark ground."""
        self.theme = "css" if theme.dark or theme.ansi else "github_light"

    def asked(self) -> tuple[str, int]:
        """What is selected, else all, without blanks around it; and at which character of the text it begins."""
        selected = self.selected_text
        first = min(self.selection.start, self.selection.end) if selected.strip() else (0, 0)
        chosen = selected if selected.strip() else self.text
        blanks = len(chosen) - len(chosen.lstrip())
        return chosen.strip(), self._offset(first) + blanks

    def _offset(self, location: tuple[int, int]) -> int:
        row, column = location
        return sum(len(self.document.get_line(above)) + 1 for above in range(row)) + column

    def go_to(self, offset: int) -> None:
        """The cursor to a character of the text; what was selected no longer is."""
        before = self.text[:offset]
        self.move_cursor((before.count("\n"), offset - (before.rfind("\n") + 1)), center=True)
        self.focus()

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
