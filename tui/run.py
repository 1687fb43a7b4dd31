"""The screen of one run: the solution tree, what is known of a node, the way to the best, and steering."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.theme import Theme
from textual.widgets import Footer, Input, Static, TabbedContent, TabPane
from textual.widgets import Tree as TreeWidget
from textual_plotext import PlotextPlot

from aide_local.errors import AideError
from aide_local.home import Home
from aide_local.search.tree import Tree
from aide_local.store.read import RunView, read_run, stamp
from aide_local.task import Direction
from aide_local.types import NodeState
from tui import panes, status
from tui.browse import Browsing
from tui.keys import key
from tui.live import NO_STREAM, LiveRun
from tui.meter import Meter, Reading
from tui.open import is_open
from tui.pane import Pane
from tui.solution_tree import SolutionTree

if TYPE_CHECKING:
    from tui.app import AideApp

REFRESH = 0.1  # seconds between looks at what came from the run
REREAD = 2.0  # seconds between looks at the snapshot
MOST_POINTS = 300  # that the plot can show apart
TABS = panes.TABS


class RunScreen(Browsing):
    """Of a run in this process (``live``), or of a published one, which is read again while it goes on."""

    app: AideApp

    BINDINGS: ClassVar[list[BindingType]] = [
        key("w", "path", "Way", "Put scripts of the way to this node into the clipboard", group="run"),
        key("y", "copy", "Copy", "Copy what the tab shows", group="run"),
        key("z", "zoom", "Zoom", "Give the details the whole width, or take it back", group="run"),
        key("W", "wrap", "Wrap", "Wrap long lines, or do not", group="run"),
        key("r", "resume", "Go on", "Go on with this run in this window", group="run", footer=True),
        key("escape,q", "leave", "Back", "Back a layer, at last to the list; the run goes on", group="run", footer=True),
        key("0", "tree", "Tree", "Into the tree", group="run"),
        *(
            Binding(
                str(n), f"tab({n - 1})", f"Tab {name}", show=False, id=f"run.tab_{name.lower()}",
                tooltip=f"Tab {name}; again: into its text",
            )
            for n, name in enumerate(TABS, 1)
        ),
    ]  # fmt: skip

    def __init__(self, home: Home, run_id: str, live: LiveRun | None = None, node: int | None = None) -> None:
        super().__init__()
        self._home = home
        self._run_id = run_id
        self.live = live
        self._go_to_first = node
        self._view: RunView | None = None
        self._titled: tuple[Tree | None, RunView | None] = (None, None)
        self._stamp: object = None
        self._reread_at = float("-inf")
        self._reading = False
        self._shown: panes.Shown | None = None
        self._wrap = True
        self._problem = ""
        self._keys = (False, False)  # whether the run goes on here, whether it is paused: by which keys work
        self._meter = Meter()
        self._use = Reading()

    @property
    def run_id(self) -> str:
        return self._run_id

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield SolutionTree(id="tree")
                yield PlotextPlot(id="plot", classes="empty")
            with TabbedContent(id="details"):
                for number, name in enumerate(TABS, 1):
                    with TabPane(f"{number} {name}", id=f"tab-{name.lower()}"):
                        yield Pane(name.lower())
        yield Input(placeholder="words, state:buggy, op:improve, error:KeyError, metric<0.2", id="find")
        yield Static(id="status")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#find").display = False
        self.query_one(SolutionTree).focus()
        self.app.theme_changed_signal.subscribe(self, self._change_theme)
        self._look()
        self.set_interval(REFRESH if self.live else REREAD, self._look)
        self.set_interval(REREAD, self._measure)

    # ---- what is known ----

    def attach(self, live: LiveRun) -> None:
        """The run goes on in this process now."""
        self.live = live
        self.set_interval(REFRESH, self._look)

    def _look(self) -> None:
        """Take what is new, and show it."""
        if not is_open(self):
            return
        if self.live is not None:
            self.live.take()
        if not self._reading and time.monotonic() - self._reread_at > REREAD * 0.9:
            self._reading = True
            self._read(self._stamp, self._view)
        self._show()

    def _show(self) -> None:
        tree = self.live.run.tree if self.live is not None else self._view.tree if self._view else None
        if tree is not None and tree is not self.solution:
            self.solution = tree
            self.show_tree()
            self._plot(tree)
            if self._go_to_first is not None and self.go_to(self._go_to_first):
                self._go_to_first = None
        self._show_node()
        self.show_status()

    @work(thread=True, group="read")
    def _read(self, known: object, view: RunView | None) -> None:
        """The snapshot, where it changed: nodes of a run elsewhere, and everybody's prompts."""
        problem = ""
        try:
            now = stamp(self._home, self._run_id)
            if now != known or view is None:
                view, known = read_run(self._home, self._run_id), now
            elif view.info.state in ("running", "paused"):
                # The state of a run can change without its snapshot: then its tree is the one that is shown.
                view = replace(read_run(self._home, self._run_id), tree=view.tree)
        except AideError as error:
            problem = f"{error.message} {error.fix}"
        self.app.call_from_thread(self._has_read, known, view, problem)

    def _has_read(self, known: object, view: RunView | None, problem: str) -> None:
        self._reading = False
        self._reread_at = time.monotonic()
        self._stamp, self._view = known, view
        self._problem = problem if self.live is None else ""
        if is_open(self):
            self._show()

    def _plot(self, tree: Tree) -> None:
        scored = [node for node in tree.complete if node.metric is not None]
        plot = self.query_one(PlotextPlot)
        plot.plt.clear_data()
        plot.set_class(len(scored) < 2, "empty")
        if len(scored) > 1:
            better = max if tree.direction is Direction.MAXIMIZE else min
            metrics = [node.metric for node in scored if node.metric is not None]
            way = [metrics[0]]
            for metric in metrics[1:]:
                way.append(better(way[-1], metric))
            ids = [node.id for node in scored]
            few = slice(None, None, -(-len(ids) // MOST_POINTS))
            plot.plt.scatter(ids[few], metrics[few], marker="dot")
            plot.plt.plot([*ids[few], ids[-1]], [*way[few], way[-1]], marker="braille")
            step = max(1, len(tree) // 6)
            plot.plt.xticks(
                [float(tick) for tick in range(0, len(tree), step)],
                [str(tick) for tick in range(0, len(tree), step)],
            )
            plot.plt.title(f"metric by node, best so far; {tree.direction.value}")
        plot.refresh()

    # ---- the node ----

    def on_tree_node_highlighted(self, _: TreeWidget.NodeHighlighted[int]) -> None:
        self._show_node()

    def on_tabbed_content_tab_activated(self, _: TabbedContent.TabActivated) -> None:
        self._show_node()

    def _change_theme(self, _: Theme) -> None:
        self._shown = None
        self._show_node()

    @property
    def _tab(self) -> str:
        return self.query_one(TabbedContent).active.removeprefix("tab-")

    @property
    def _pane(self) -> Pane:
        return self.query_one(f"#tab-{self._tab} Pane", Pane)

    def _show_node(self) -> None:
        """Fill the pane that is seen, where what it shows changed."""
        if not is_open(self):
            return
        tab, node = self._tab, self.node
        if not tab:
            return
        pane = self._pane
        if node is None:
            there = self.live is not None or self._view is not None
            none_yet = (
                "No node yet: the model is about to write the first draft."
                if there
                else "The run is being read."
            )
            pane.renew(Text("" if len(self.solution) else none_yet))
            return
        stream = NO_STREAM
        if self.live is not None and node.state is NodeState.PENDING:
            source = self.live.outputs if tab == "output" else self.live.streams
            stream = source.get(node.id, stream)
        made = self._view.generations if self._view is not None and tab == "prompt" else ()
        dark = self.app.current_theme.dark
        shown = panes.Shown(tab, self.solution, node, made, stream, self._wrap, dark)
        before = self._shown
        if before is not None and _alike(shown, before):
            return
        same_node = before is not None and before.node.id == node.id and before.tab == tab
        comes_in = bool(stream.text) and tab in panes.STREAMED
        if same_node and comes_in and pane.holds(stream.lines):
            return
        self._shown = shown
        if comes_in:
            pane.follow(panes.content(shown), stream.lines)
        elif same_node:
            pane.renew(panes.content(shown))
        else:
            pane.show(panes.content(shown))

    def watch_query_text(self) -> None:
        self.show_status()

    def show_status(self) -> None:
        if not is_open(self):
            return
        tree, live, view = self.solution, self.live, self._view
        trouble = self._problem
        if live is not None:
            parts = status.of_live(live, tree, self._use)
            trouble = live.troubles[-1] if live.troubles else ""
        else:
            parts = status.of_view(view, tree) if view is not None else ["reading"]
        if self.query_text:
            parts.append(f"{len(self.found)} of {len(tree)} fit {self.query_text!r}; escape shows all")
        if self.app.doing:
            parts.append(f"… {self.app.doing}")
        self.query_one("#status", Static).update(status.line(parts, trouble))
        keys = (self.going, live is not None and live.paused)
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()
        if tree is not self._titled[0] or view is not self._titled[1]:
            self._titled = (tree, view)
            self.query_one("#title", Static).update(status.title(self._run_id, tree, view))

    @work(thread=True, group="measure", exclusive=True)
    def _measure(self) -> None:
        going = self.live is not None and not self.live.ended
        self._use = self._meter.read() if going else Reading()

    # ---- keys ----

    def action_tree(self) -> None:
        if not self.query_one("#left").display:
            self.action_zoom()
        self.query_one(SolutionTree).focus()

    def action_tab(self, number: int) -> None:
        name = TABS[number].lower()
        if self._tab == name:
            self._pane.focus()
        else:
            self.query_one(TabbedContent).active = f"tab-{name}"
            if isinstance(self.focused, Pane):
                self._pane.focus()

    def action_zoom(self) -> None:
        left = self.query_one("#left")
        left.display = not left.display
        if left.display:
            self.query_one(SolutionTree).focus()
        else:
            self._pane.focus()

    def action_wrap(self) -> None:
        self._wrap = not self._wrap
        for pane in self.query(Pane):
            pane.set_class(not self._wrap, "unwrapped")
        self._show_node()
        self.notify(
            "Long lines are wrapped." if self._wrap else "Long lines go on; h and l in the text scroll.",
            timeout=2,
        )

    def action_copy(self) -> None:
        if self.node is not None and self._shown is not None:
            self.app.copy_to_clipboard(panes.copied(self._shown))
            self.notify(f"The {self._tab} of #{self.node.id} is copied.", timeout=2)

    def action_path(self) -> None:
        if self.node is not None:
            way = [*self.solution.lineage(self.node.id)][::-1]
            self.app.copy_to_clipboard("\n\n".join(f"# #{one.id}: {one.plan}\n{one.code}" for one in way))
            self.notify(f"{len(way)} scripts are copied.", timeout=2)

    def action_resume(self) -> None:
        self.app.resume_run(self._run_id)

    def action_leave(self) -> None:
        if self.query_one("#find").display:
            self._close_find()
            self.end_filter()
        elif not self.query_one("#left").display:
            self.action_zoom()
        elif self.query_text:
            self.end_filter()
        else:
            self.app.pop_screen()


def _alike(shown: panes.Shown, before: panes.Shown) -> bool:
    """Whether the pane would look the same. Lineage, folds and facts depend on the tree besides the node."""
    same_tree = shown.tree is before.tree or shown.tab in ("code", "output", "error", "prompt")
    return (
        same_tree
        and shown.tab == before.tab
        and shown.node is before.node
        and shown.stream == before.stream
        and shown.generations is before.generations
        and (shown.wrap, shown.dark) == (before.wrap, before.dark)
    )
