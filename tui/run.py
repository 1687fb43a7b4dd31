"""The screen of one run: the solution tree, what is known of a node, the way to the best, and steering."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Input, Static, TabbedContent, TabPane
from textual.widgets import Tree as TreeWidget
from textual.widgets.tree import TreeNode
from textual_plotext import PlotextPlot

from aide_local.digest import format_metric
from aide_local.errors import AideError
from aide_local.home import Home
from aide_local.store.read import RunView, read_run
from aide_local.tree import Tree
from aide_local.types import Direction, Node, NodeState
from tui import text
from tui.find import matches
from tui.live import LiveRun

TABS = ("Plan", "Code", "Diff", "Output", "Error", "Prompt", "Folds", "Lineage")
REFRESH = 0.1  # seconds between looks at a run of this process
REREAD = 2.0  # seconds between looks at a run of another process


class SolutionTree(TreeWidget[int]):
    """Nodes by id. Motion keys are the screen's, so that they work whatever has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("h", "cursor_parent", "Parent", show=False),
        Binding("l", "toggle_node", "Open", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Last", show=False),
    ]


class RunScreen(Screen[None]):
    """Of a run in this process (``live``), or of a published one, which is read again while it goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", tooltip="Back to the list of runs; the run goes on"),
        Binding("space", "pause", "Pause/resume", tooltip="What is in flight ends, nothing new begins"),
        Binding("S", "stop", "Stop", tooltip="End the search and deliver the best so far"),
        Binding("b", "best", "Best", tooltip="Go to the best node"),
        Binding("e", "buggy", "Next buggy", tooltip="Go to the next node that failed"),
        Binding(
            "slash", "find", "Find", tooltip="Words, state:buggy, op:improve, error:KeyError, metric<0.2"
        ),
        Binding("n", "find_next", "Next match", show=False),
        Binding("N", "find_previous", "Previous match", show=False),
        Binding("left_square_bracket", "by_time(-1)", "Earlier", show=False, tooltip="Node before, by time"),
        Binding("right_square_bracket", "by_time(1)", "Later", show=False, tooltip="Node after, by time"),
        Binding("J", "sibling(1)", "Next sibling", show=False),
        Binding("K", "sibling(-1)", "Previous sibling", show=False),
        Binding("z", "zoom", "Zoom", show=False, tooltip="Give the details the whole width, or take it back"),
        Binding("y", "copy", "Copy code", tooltip="Copy the node's script to the clipboard"),
        *(Binding(str(n), f"tab({n - 1})", f"Tab {name}", show=False) for n, name in enumerate(TABS, 1)),
    ]

    def __init__(self, home: Home, run_id: str = "", live: LiveRun | None = None) -> None:
        super().__init__()
        self._home = home
        self._run_id = run_id
        self._live = live
        self._view: RunView | None = None
        self._places: dict[int, TreeNode[int]] = {}
        self._labelled: dict[int, tuple[Node, bool]] = {}
        self._shown: tuple[object, ...] = ()
        self._query = ""
        self._opened = time.monotonic()
        self._problem = ""

    # ---- layout ----

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                tree: SolutionTree = SolutionTree("run", id="tree")
                tree.show_root = False
                tree.guide_depth = 2
                yield tree
                yield PlotextPlot(id="plot")
            with TabbedContent(id="details"):
                for name in TABS:
                    with TabPane(name, id=f"tab-{name.lower()}"), VerticalScroll():
                        yield Static(id=f"pane-{name.lower()}")
        yield Input(placeholder="find: words, state:buggy, op:improve, error:KeyError, metric<0.2", id="find")
        yield Static(id="status")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#find").display = False
        self.query_one(SolutionTree).focus()
        self._look()
        self.set_interval(REFRESH if self._live else REREAD, self._look)

    # ---- what is known ----

    @property
    def tree(self) -> Tree:
        if self._live is not None:
            return self._live.run.tree
        return self._view.tree if self._view is not None else Tree((), Direction.MAXIMIZE)

    @property
    def node(self) -> Node | None:
        """The node under the cursor."""
        at = self.query_one(SolutionTree).cursor_node
        return self.tree[at.data] if at is not None and at.data is not None and at.data in self.tree else None

    def _look(self) -> None:
        """Take what is new, and show it."""
        if self._live is not None:
            if self._live.take() or self._live.changes == 0:
                self._run_id = self._live.id
        else:
            try:
                self._view = read_run(self._home, self._run_id)
                self._problem = ""
            except AideError as error:
                self._problem = f"{error.message} {error.mend}"
        self._grow()
        self._show_node()
        self._show_status()

    def _grow(self) -> None:
        widget, tree = self.query_one(SolutionTree), self.tree
        path = {one.id for one in tree.lineage(tree.best.id)} if tree.best else set()
        changed = False
        for node in tree.nodes:
            state = (node, node.id in path)
            if self._labelled.get(node.id) == state:
                continue
            changed = True
            shown = text.label(tree, *state)
            if node.id in self._places:
                self._places[node.id].set_label(shown)
            else:
                above = self._places[node.parent] if node.parent is not None else widget.root
                self._places[node.id] = above.add(shown, data=node.id, expand=True)
            self._labelled[node.id] = state
        widget.root.expand()
        if changed:
            self._plot(tree)
            if widget.cursor_node is None and self._places:
                self.call_after_refresh(widget.move_cursor, self._places[0])

    def _plot(self, tree: Tree) -> None:
        scored = [node for node in tree.nodes if node.complete and node.metric is not None]
        plot = self.query_one(PlotextPlot)
        plot.plt.clear_data()
        if scored:
            best, way = tree.direction, []
            for node in scored:
                assert node.metric is not None
                better = max if best is Direction.MAXIMIZE else min
                way.append(better(way[-1], node.metric) if way else node.metric)
            ids = [node.id for node in scored]
            plot.plt.scatter(ids, [node.metric for node in scored], marker="dot")
            plot.plt.plot(ids, way, marker="braille")
            plot.plt.title("metric by node; line: best so far")
        plot.refresh()

    # ---- the node ----

    def on_tree_node_highlighted(self, _: TreeWidget.NodeHighlighted[int]) -> None:
        self._show_node()

    def on_tabbed_content_tab_activated(self, _: TabbedContent.TabActivated) -> None:
        self._show_node()

    def _show_node(self) -> None:
        """Fill the pane that is seen, when what it shows changed."""
        name = self.query_one(TabbedContent).active.removeprefix("tab-")
        node = self.node
        if not name:
            return
        stream = ""
        if node is not None and self._live is not None and node.state is NodeState.PENDING:
            source = self._live.outputs if name == "output" else self._live.streams
            stream = source.get(node.id, "")
        shown = (name, node, stream, self._view and len(self._view.generations))
        if shown != self._shown:
            self._shown = shown
            self.query_one(f"#pane-{name}", Static).update(self._content(name, node, stream))

    def _content(self, name: str, node: Node | None, stream: str) -> RenderableType:
        if node is None:
            return Text("No node yet: the model is about to write the first draft.")
        if stream and name in ("plan", "code", "output"):
            return text.plain(stream)
        match name:
            case "plan":
                hint = f"\n\nhint: {node.hint}" if node.hint else ""
                return text.plain(f"{node.plan or 'being written'}{hint}\n\n{self._facts(node)}")
            case "code":
                return text.code(node.code) if node.code else Text("No script yet.")
            case "diff":
                if node.parent is None:
                    return Text("A draft has no parent.")
                return text.diff(self.tree[node.parent].code, node.code)
            case "output":
                return text.plain(node.output or "The script printed nothing.")
            case "error":
                error = node.error
                return text.plain(error.traceback or error.one_line(2000)) if error else Text("No error.")
            case "prompt":
                return text.plain(self._prompt(node))
            case "folds":
                return self._folds(node)
            case _:
                return text.plain(
                    "\n\n".join(
                        f"#{one.id} {one.operator.value}: {one.plan}" for one in self.tree.lineage(node.id)
                    )
                )

    def _facts(self, node: Node) -> str:
        use = node.usage
        return (
            f"{node.state.value}; attempt {node.attempts}; {use.wall:.1f} s, {use.cpu:.1f} s of processor time,"
            f" {use.peak_memory / 2**20:.0f} MiB"
        )

    def _prompt(self, node: Node) -> str:
        dropped = "".join(f"left out: {one}\n" for one in node.dropped)
        view = self._view
        if self._live is not None:
            try:
                view = read_run(self._home, self._run_id)
            except AideError:
                return f"{dropped}The prompt can be read after the next snapshot, in a few seconds."
        made = [one for one in view.generations if one.node == node.id] if view else []
        parts = [
            f"---- {one.purpose}, attempt {one.attempt}\n{one.prompt}\n---- reply\n{one.reply}"
            for one in made
        ]
        return dropped + ("\n\n".join(parts) or "No prompt in the last snapshot.")

    def _folds(self, node: Node) -> RenderableType:
        best = self.tree.best
        others = {one.fold: one.score for one in best.folds} if best else {}
        table = Table("fold", "score", f"best (#{best.id})" if best else "best", "difference", box=None)
        for one in node.folds:
            other = others.get(one.fold)
            gap = f"{one.score - other:+.5g}" if one.score is not None and other is not None else ""
            table.add_row(str(one.fold), _number(one.score), _number(other), gap)
        return table if node.folds else Text("Not executed.")

    def _show_status(self) -> None:
        tree, live, view = self.tree, self._live, self._view
        best = f"best {format_metric(tree.best.metric)} #{tree.best.id}" if tree.best else "no valid node yet"
        if live is not None:
            word = "ended" if live.ended else "paused" if live.paused else "running"
            phase, steps = live.phase, live.steps
            speed = f"{live.speed:.0f} tokens/s, {live.cached:.0%} of the prompt cached" if live.speed else ""
            trouble = live.troubles[-1] if live.troubles else ""
        else:
            word = view.info.state if view else "unread"
            phase = view.info.stop_reason if view else ""
            steps, speed, trouble = view.settings.steps if view else 0, "", self._problem
        parts = [word, phase, f"step {len(tree)}/{steps}", best, speed]
        status = Text("  ".join(part for part in parts if part))
        if trouble:
            status.append(f"\n! {text.inert(trouble)}", "red")
        self.query_one("#status", Static).update(status)
        task = f" {view.task.name}, {view.task.metric}, {view.info.model}" if view else ""
        self.query_one("#title", Static).update(Text(f"{self._run_id or 'starting'}{task}", "bold"))

    # ---- going about ----

    def go_to(self, node: int) -> None:
        place = self._places.get(node)
        if place is None:
            return
        above = place.parent
        while above is not None:
            above.expand()
            above = above.parent
        self.call_after_refresh(self.query_one(SolutionTree).move_cursor, place)

    def action_leave(self) -> None:
        find = self.query_one("#find", Input)
        if find.display:
            find.display = False
            self.query_one(SolutionTree).focus()
        else:
            self.app.pop_screen()

    def action_best(self) -> None:
        if self.tree.best is None:
            self.notify("No node is valid yet.")
        else:
            self.go_to(self.tree.best.id)

    def _step_among(self, nodes: list[int], by: int, none: str) -> None:
        """To the next (``by`` 1) or previous of ``nodes``, round the end."""
        here = self.node.id if self.node else -1
        if not nodes:
            self.notify(none)
            return
        if by > 0:
            self.go_to(next((one for one in nodes if one > here), nodes[0]))
        else:
            self.go_to(next((one for one in reversed(nodes) if one < here), nodes[-1]))

    def action_buggy(self) -> None:
        buggy = [one.id for one in self.tree.nodes if one.state is NodeState.BUGGY]
        self._step_among(buggy, 1, "No node is buggy.")

    def action_by_time(self, by: int) -> None:
        self._step_among([one.id for one in self.tree.nodes], by, "No node yet.")

    def action_sibling(self, by: int) -> None:
        if self.node is not None:
            siblings = self.tree.children(self.node.parent)
            self._step_among([one.id for one in siblings], by, "No sibling.")

    def action_find(self) -> None:
        find = self.query_one("#find", Input)
        find.display = True
        find.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._query = event.value

    def on_input_submitted(self, _: Input.Submitted) -> None:
        self.action_leave()
        self.action_find_next()

    def _found(self) -> list[int]:
        return [one.id for one in self.tree.nodes if matches(one, self._query)]

    def action_find_next(self) -> None:
        self._step_among(self._found(), 1, f"Nothing matches {self._query!r}.")

    def action_find_previous(self) -> None:
        self._step_among(self._found(), -1, f"Nothing matches {self._query!r}.")

    def action_tab(self, number: int) -> None:
        self.query_one(TabbedContent).active = f"tab-{TABS[number].lower()}"

    def action_zoom(self) -> None:
        left = self.query_one("#left")
        left.display = not left.display
        (self.query_one(SolutionTree) if left.display else self.query_one(TabbedContent)).focus()

    def action_copy(self) -> None:
        if self.node is not None and self.node.code:
            self.app.copy_to_clipboard(self.node.code)
            self.notify(f"The script of #{self.node.id} is copied.")

    # ---- steering ----

    def action_pause(self) -> None:
        if self._live is None or self._live.ended:
            self.notify("Only a run of this window can be paused; `r` in the list of runs resumes one.")
        elif self._live.paused:
            self._live.run.unpause()
        else:
            self._live.run.pause()

    def action_stop(self) -> None:
        if self._live is None or self._live.ended:
            self.notify("Only a run of this window can be stopped.")
        else:
            self._live.run.stop()
            self.notify("Ending the search; the best so far is delivered.")


def _number(value: float | None) -> str:
    return "failed" if value is None else f"{value:.5g}"
