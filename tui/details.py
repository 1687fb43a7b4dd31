"""The tabs beside the tree, which show the node under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.widgets import TabbedContent

from aide_local.search.tree import Tree
from aide_local.store.read import SavedGeneration
from aide_local.types import Node
from tui.live import NO_STREAM, Stream
from tui.pane import Pane
from tui.tab_content import Tab, TabContent, clipboard_text, render


@dataclass(frozen=True, slots=True)
class Subject:
    """A node with its prompts, and the reply and the output that come in for it."""

    tree: Tree
    node: Node
    generations: Sequence[SavedGeneration] = ()
    reply: Stream = NO_STREAM
    output: Stream = NO_STREAM


class Details(TabbedContent):
    """One pane for each tab. Only the pane in sight is drawn, and only if what it shows has changed."""

    def __init__(self) -> None:
        super().__init__(id="details")
        self.wrap = True
        self._content: TabContent | None = None  # that is drawn

    @property
    def tab(self) -> Tab | None:
        """Return the tab in sight; None before there is one."""
        name = self.active.removeprefix("tab-")
        return Tab(name) if name else None

    @property
    def pane(self) -> Pane:
        """Return the pane in sight."""
        return self.query_one(f"#{self.active} Pane", Pane)

    def open(self, tab: Tab) -> None:
        """Bring a tab in sight."""
        self.active = f"tab-{tab}"

    def show_nothing(self, why: str) -> None:
        """Show why there is no node."""
        if self.tab is not None:
            self.pane.renew(Text(why))

    def show(self, subject: Subject) -> None:
        """Show a node in the tab in sight."""
        tab, before = self.tab, self._content
        if tab is None:
            return
        content = TabContent(
            tab,
            subject.tree,
            subject.node,
            subject.generations if tab is Tab.PROMPT else (),
            subject.output if tab is Tab.OUTPUT else subject.reply,
            self.wrap,
            self.app.current_theme.dark,
        )
        if before is not None and content.looks_like(before):
            return
        pane, lines = self.pane, content.stream.lines
        same_node = before is not None and before.node.id == subject.node.id and before.tab is tab
        if same_node and content.streams and pane.stands_still(lines):
            return
        self._content = content
        if content.streams:
            pane.follow(render(content), lines)
        elif same_node:
            pane.renew(render(content))
        else:
            pane.show(render(content))

    def draw_anew(self) -> None:
        """Draw the pane at the next :meth:`show`, whatever it shows already."""
        self._content = None

    def toggle_wrap(self) -> None:
        """Wrap long lines, or let them run on to be scrolled sideways."""
        self.wrap = not self.wrap
        for pane in self.query(Pane):
            pane.set_class(not self.wrap, "unwrapped")

    def clipboard_text(self) -> str | None:
        """Return what the tab in sight shows, as it is; None if it shows no node."""
        return None if self._content is None else clipboard_text(self._content)
