"""A scrolled text beside the tree: it follows what comes in, until the reader scrolls up."""

from __future__ import annotations

from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui import keys


class Pane(VerticalScroll):
    """A text that is shown whole, or its end while it comes in.

    Once the reader scrolls up, the text stands still and a line says how much more has come.
    """

    BINDINGS: ClassVar[list[BindingType]] = keys.PANE

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._lines = 0  # of the text that comes in, when it was last shown

    def compose(self) -> ComposeResult:
        yield Static(id=f"pane-{self._name}")
        more = Static(classes="more")
        more.display = False
        yield more

    @property
    def _text(self) -> Static:
        return self.query_one(f"#pane-{self._name}", Static)

    @property
    def at_end(self) -> bool:
        """Return whether the end of the text is in sight."""
        return self.scroll_offset.y >= self.max_scroll_y - 1

    def show(self, content: RenderableType) -> None:
        """Show another text, from its top."""
        self._lines = 0
        self._text.update(content)
        self._show_more(0)
        self.scroll_home(animate=False)

    def renew(self, content: RenderableType) -> None:
        """Show the same text as it is now, where the reader is."""
        self._text.update(content)
        self._show_more(0)

    def stands_still(self, lines: int) -> bool:
        """Return whether the reader scrolled up from a text that comes in and has ``lines`` lines by now."""
        still = self._lines > 0 and not self.at_end
        self._show_more(lines - self._lines if still else 0)
        return still

    def follow(self, content: RenderableType, lines: int) -> None:
        """Show the end of a text that comes in and has ``lines`` lines by now."""
        self._lines = max(1, lines)
        self._text.update(content)
        self.scroll_end(animate=False)

    def _show_more(self, more: int) -> None:
        label = self.query_one(".more", Static)
        label.display = more > 0
        if more > 0:
            label.update(Text(f"+{more:,} {'line' if more == 1 else 'lines'}, G follows"))
