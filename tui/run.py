"""The screen of one run: the solution tree, the node under the cursor, the best so far, and steering."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.theme import Theme
from textual.widgets import Footer, Input, Static, TabbedContent, TabPane
from textual.widgets import Tree as TreeWidget

from aide_local.errors import AideError
from aide_local.search.tree import Tree
from aide_local.store.read import RunView, read_run, stamp
from aide_local.types import NodeState
from tui import keys, status
from tui.browsing_keys import BrowsingKeys
from tui.details import Details, Subject
from tui.live import NO_STREAM, LiveRun
from tui.liveness import is_open
from tui.meter import Meter, Reading
from tui.metric_plot import MetricPlot
from tui.pane import Pane
from tui.protocol import Window
from tui.settings import REREAD_EVERY
from tui.solution_tree import SolutionTree
from tui.tab_content import Tab

REFRESH_EVERY = 0.1  # seconds between two looks at what came from the run


class RunScreen(BrowsingKeys):
    """A run of this process (``live``), or one that is read from its snapshot, again and again while it goes on."""

    BINDINGS: ClassVar[list[BindingType]] = keys.RUN

    def __init__(
        self, window: Window, run_id: str, live: LiveRun | None = None, node: int | None = None
    ) -> None:
        super().__init__()
        self._window = window
        self._home = window.home
        self.run_id = run_id
        self.live = live
        self._go_to_first = node
        self._view: RunView | None = None
        self._titled: tuple[Tree | None, RunView | None] = (None, None)  # what the title shows
        self._stamp: object = None  # of the snapshot that was read
        self._reread_at = float("-inf")
        self._reading = False
        self._problem = ""
        self._footer = (False, False)  # (can be steered, paused), as it shows the keys
        self._meter = Meter()
        self._use = Reading()

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield SolutionTree(id="tree")
                yield MetricPlot(id="plot", classes="empty")
            with Details():
                for number, tab in enumerate(Tab, 1):
                    with TabPane(f"{number} {tab.label}", id=f"tab-{tab}"):
                        yield Pane(tab)
        yield Input(placeholder="words, state:buggy, op:improve, error:KeyError, metric<0.2", id="find")
        yield Static(id="status")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#find").display = False
        self.query_one(SolutionTree).focus()
        self.app.theme_changed_signal.subscribe(self, self._follow_theme)
        self._look()
        self.set_interval(REFRESH_EVERY if self.live else REREAD_EVERY, self._look)
        self.set_interval(REREAD_EVERY, self._measure)

    # ---- what is known ----

    def attach(self, live: LiveRun) -> None:
        """Show the run as one that goes on in this process from now on."""
        self.live = live
        self.set_interval(REFRESH_EVERY, self._look)

    def _look(self) -> None:
        """Take what is new, and show it."""
        if not is_open(self):
            return
        if self.live is not None:
            self.live.take()
        if not self._reading and time.monotonic() - self._reread_at > REREAD_EVERY * 0.9:
            self._reading = True
            self._read(self._stamp, self._view)
        self._show()

    def _show(self) -> None:
        tree = self.live.run.tree if self.live is not None else self._view.tree if self._view else None
        if tree is not None and tree is not self.solution:
            self.solution = tree
            self.show_tree()
            self.query_one(MetricPlot).show(tree)
            if self._go_to_first is not None and self.go_to(self._go_to_first):
                self._go_to_first = None
        self._show_node()
        self.show_status()

    @work(thread=True, group="read")
    def _read(self, known: object, view: RunView | None) -> None:
        """Read the snapshot if it changed: it has the nodes of a run elsewhere, and every run's prompts."""
        problem = ""
        try:
            now = stamp(self._home, self.run_id)
            if now != known or view is None:
                view, known = read_run(self._home, self.run_id), now
            elif view.info.state in ("running", "paused"):
                # The state of a run can change without its snapshot: then its tree is the one that is shown.
                view = replace(read_run(self._home, self.run_id), tree=view.tree)
        except AideError as error:
            problem = f"{error.message} {error.fix}"
        self.app.call_from_thread(self._take_view, known, view, problem)

    def _take_view(self, known: object, view: RunView | None, problem: str) -> None:
        self._reading = False
        self._reread_at = time.monotonic()
        self._stamp, self._view = known, view
        self._problem = problem if self.live is None else ""
        if is_open(self):
            self._show()

    # ---- the node ----

    def on_tree_node_highlighted(self, _: TreeWidget.NodeHighlighted[int]) -> None:
        self._show_node()

    def on_tabbed_content_tab_activated(self, _: TabbedContent.TabActivated) -> None:
        self._show_node()

    def _follow_theme(self, _: Theme) -> None:
        if is_open(self):
            self.query_one(Details).draw_anew()
            self._show_node()

    def _show_node(self) -> None:
        """Show the node under the cursor beside the tree."""
        if not is_open(self):
            return
        details, node = self.query_one(Details), self.node
        if node is None:
            known = self.live is not None or self._view is not None
            none_yet = (
                "No node yet: the model is about to write the first draft."
                if known
                else "The run is being read."
            )
            details.show_nothing("" if len(self.solution) else none_yet)
            return
        reply = output = NO_STREAM
        if self.live is not None and node.state is NodeState.PENDING:
            reply = self.live.streams.get(node.id, NO_STREAM)
            output = self.live.outputs.get(node.id, NO_STREAM)
        generations = self._view.generations if self._view is not None else ()
        details.show(Subject(self.solution, node, generations, reply, output))

    def watch_query_text(self) -> None:
        self.show_status()

    def show_status(self) -> None:
        """Show how far the run is, and the keys that work by now."""
        if not is_open(self):
            return
        tree, live, view = self.solution, self.live, self._view
        trouble = self._problem
        if live is not None:
            parts = status.live_parts(live, tree, self._use)
            trouble = live.troubles[-1] if live.troubles else ""
        else:
            parts = status.view_parts(view, tree) if view is not None else ["reading"]
        if self.query_text:
            parts.append(f"{len(self.matching)} of {len(tree)} fit {self.query_text!r}; escape shows all")
        if self._window.waiting_for:
            parts.append(f"… {self._window.waiting_for}")
        self.query_one("#status", Static).update(status.status_line(parts, trouble))
        now = (self.can_be_steered, live is not None and live.paused)
        if now != self._footer:
            self._footer = now
            self.refresh_bindings()
        if tree is not self._titled[0] or view is not self._titled[1]:
            self._titled = (tree, view)
            self.query_one("#title", Static).update(status.title_line(self.run_id, tree, view))

    @work(thread=True, group="measure", exclusive=True)
    def _measure(self) -> None:
        self._use = self._meter.read() if self.can_be_steered else Reading()

    # ---- keys ----

    def action_tree(self) -> None:
        if not self.query_one("#left").display:
            self.action_zoom()
        self.query_one(SolutionTree).focus()

    def action_tab(self, name: str) -> None:
        details, tab = self.query_one(Details), Tab(name)
        if details.tab is tab:
            details.pane.focus()
        else:
            details.open(tab)
            if isinstance(self.focused, Pane):
                details.pane.focus()

    def action_zoom(self) -> None:
        left = self.query_one("#left")
        left.display = not left.display
        if left.display:
            self.query_one(SolutionTree).focus()
        else:
            self.query_one(Details).pane.focus()

    def action_wrap(self) -> None:
        details = self.query_one(Details)
        details.toggle_wrap()
        self._show_node()
        self.notify(
            "Long lines are wrapped." if details.wrap else "Long lines go on; h and l in the text scroll.",
            timeout=2,
        )

    def action_copy(self) -> None:
        details = self.query_one(Details)
        text = details.clipboard_text()
        if self.node is not None and text is not None:
            self.app.copy_to_clipboard(text)
            self.notify(f"The {details.tab} of #{self.node.id} is copied.", timeout=2)

    def action_path(self) -> None:
        if self.node is not None:
            path = [*self.solution.lineage(self.node.id)][::-1]
            self.app.copy_to_clipboard("\n\n".join(f"# #{one.id}: {one.plan}\n{one.code}" for one in path))
            self.notify(f"{len(path)} scripts are copied.", timeout=2)

    def action_resume(self) -> None:
        self._window.resume_run(self.run_id)

    def action_leave(self) -> None:
        if self.query_one("#find").display:
            self.close_find()
            self.end_filter()
        elif not self.query_one("#left").display:
            self.action_zoom()
        elif self.query_text:
            self.end_filter()
        else:
            self.app.pop_screen()
