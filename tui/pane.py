"""A scrolled text beside the tree: it follows what comes in, until the reader scrolls up."""

from __future__ import annotations

from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.keys import key


class Pane(VerticalScroll):
    """What comes in is shown at its end; scrolled up, the text stands still and a line says how much more there is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("j,down", "scroll_down", "Down", "Down a line", group="text"),
        key("k,up", "scroll_up", "Up", "Up a line", group="text"),
        key("h,left", "scroll_left", "Left", "To the left, where lines are not wrapped", group="text"),
        key("l,right", "scroll_right", "Right", "To the right, where lines are not wrapped", group="text"),
        key("pagedown,ctrl+d", "page_down", "Page down", "Down a page", group="text"),
        key("pageup,ctrl+u", "page_up", "Page up", "Up a page", group="text"),
        key("g,home", "scroll_home", "Top", "To the top", group="text"),
        key("G,end", "scroll_end", "Bottom", "To the end, and follow what comes in", group="text"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._lines = 0  # of what came in, when it was last shown

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
        return self.scroll_offset.y >= self.max_scroll_y - 1

    def show(self, content: RenderableType) -> None:
        """Something else: from its top."""
        self._lines = 0
        self._text.update(content)
        self._tell(0)
        self.scroll_home(animate=False)

    def renew(self, content: RenderableType) -> None:
        """The same, as it is now."""
        self._text.update(content)
        self._tell(0)

    def holds(self, lines: int) -> bool:
        """Whether the reader scrolled up from a text that has ``lines`` lines by now: then it stays as it is."""
        held = self._lines > 0 and not self.at_end
        self._tell(lines - self._lines if held else 0)
        return held

    def follow(self, content: RenderableType, lines: int) -> None:
        """More of a text that comes in, to its end."""
        self._lines = max(1, lines)
        self._text.update(content)
        self.scroll_end(animate=False)

    def _tell(self, more: int) -> None:
        label = self.query_one(".more", Static)
        label.display = more > 0
        if more > 0:
            label.update(Text(f"+{more:,} {'line' if more == 1 else 'lines'}, G follows"))
