"""The screen of one run: the solution tree, what is known of a node, the way to the best, and steering."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, ClassVar

import psutil
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, Input, Static, TabbedContent, TabPane
from textual.widgets import Tree as TreeWidget
from textual_plotext import PlotextPlot

from aide_local.digest import format_metric
from aide_local.errors import AideError
from aide_local.home import Home
from aide_local.store.read import RunView, read_run, stamp
from aide_local.task import Direction
from aide_local.tree import Tree
from aide_local.types import NodeState
from tui import panes, text
from tui.dialogs import Compare
from tui.find import matches
from tui.keys import key
from tui.live import LiveRun
from tui.solution_tree import SolutionTree
from tui.steer import Steering

if TYPE_CHECKING:
    from tui.app import AideApp

REFRESH = 0.1  # seconds between looks at what came from the run
REREAD = 2.0  # seconds between looks at the snapshot
MOST_POINTS = 300  # that the plot can show apart
TABS = panes.TABS


class Pane(VerticalScroll):
    """A tab's content, scrolled by the same keys as the tree."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("g", "scroll_home", "Top", show=False),
        Binding("G", "scroll_end", "Bottom", show=False),
    ]


class RunScreen(Steering):
    """Of a run in this process (``live``), or of a published one, which is read again while it goes on."""

    app: AideApp

    BINDINGS: ClassVar[list[BindingType]] = [
        key("b", "best", "Best", "To the best node", group="run", footer=True),
        key("B", "best_path", "Best path", "Along the path to the best node, from its root, round", group="run"),
        key("e", "buggy", "Next buggy", "To the next node that failed", group="run"),
        key("slash", "find", "Find", "Find: words, state:buggy, op:improve, error:KeyError, metric<0.2", group="run", footer=True),
        key("n", "find_next", "Next match", "To the next match", group="run"),
        key("N", "find_previous", "Previous match", "To the match before", group="run"),
        key("left_square_bracket", "by_time(-1)", "Earlier", "To the node before, by time", group="run"),
        key("right_square_bracket", "by_time(1)", "Later", "To the node after, by time", group="run"),
        key("J", "sibling(1)", "Next sibling", "To the next sibling", group="run"),
        key("K", "sibling(-1)", "Previous sibling", "To the sibling before", group="run"),
        key("o", "outline", "Outline", "Open the tree one level deep, two, three, all", group="run"),
        key("s", "sort", "Sort", "Sort siblings by metric, or by time again", group="run"),
        key("m", "mark", "Mark", "Mark the node, or take the mark back", group="run"),
        key("apostrophe", "next_mark", "Next mark", "To the next marked node", group="run"),
        key("equals_sign", "compare", "Compare", "Compare the marked node (or two of them) with this one", group="run"),
        key("w", "path", "Way", "Put scripts of the way to this node into the clipboard", group="run"),
        key("y", "copy", "Copy", "Copy what the tab shows (the script, the error, …)", group="run"),
        key("z", "zoom", "Zoom", "Give the details the whole width, or take it back", group="run"),
        key("r", "resume", "Resume", "Go on with this run in this window", group="run"),
        key("escape", "leave", "Back", "Back to the list of runs; the run goes on", group="run", footer=True),
        *(
            Binding(str(n), f"tab({n - 1})", f"Tab {name}", show=False, id=f"run.tab_{name.lower()}")
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
        self._stamp: object = None
        self._reread_at = 0.0
        self._shown: panes.Shown | None = None
        self._query = ""
        self._depth = 0
        self._problem = ""
        self._use = ""

    @property
    def run_id(self) -> str:
        return self._run_id

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield SolutionTree(id="tree")
                yield PlotextPlot(id="plot")
            with TabbedContent(id="details"):
                for name in TABS:
                    with TabPane(name, id=f"tab-{name.lower()}"), Pane():
                        yield Static(id=f"pane-{name.lower()}")
        yield Input(placeholder="words, state:buggy, op:improve, error:KeyError, metric<0.2", id="find")
        yield Static(id="status")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#find").display = False
        self.query_one(SolutionTree).focus()
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
        if self.live is not None:
            self.live.take()
        if self.live is None or time.monotonic() - self._reread_at > REREAD:
            self._reread()
        tree = self.live.run.tree if self.live is not None else self._view.tree if self._view else None
        if tree is not None and tree is not self.solution:
            self.solution = tree
            self.query_one(SolutionTree).show(tree)
            self._plot(tree)
            if self._go_to_first is not None and self.go_to(self._go_to_first):
                self._go_to_first = None
        self._show_node()
        self._show_status()

    def _reread(self) -> None:
        """The snapshot, where it changed: nodes of a run elsewhere, and everybody's prompts."""
        self._reread_at = time.monotonic()
        try:
            now = stamp(self._home, self._run_id)
            if now != self._stamp or (self._view and self._view.info.state in ("running", "paused")):
                view = read_run(self._home, self._run_id)
                self._view = view if now != self._stamp or not self._view else _same_tree(view, self._view)
                self._stamp = now
            self._problem = ""
        except AideError as error:
            if self.live is None:
                self._problem = f"{error.message} {error.mend}"

    def _plot(self, tree: Tree) -> None:
        scored = [node for node in tree.complete if node.metric is not None]
        plot = self.query_one(PlotextPlot)
        plot.plt.clear_data()
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

    def _show_node(self) -> None:
        """Fill the pane that is seen, where what it shows changed."""
        tab = self.query_one(TabbedContent).active.removeprefix("tab-")
        node = self.node
        if not tab:
            return
        pane = self.query_one(f"#pane-{tab}", Static)
        if node is None:
            pane.update(Text("No node yet: the model is about to write the first draft."))
            return
        stream = ""
        if self.live is not None and node.state is NodeState.PENDING:
            source = self.live.outputs if tab == "output" else self.live.streams
            stream = source.get(node.id, "")
        made = self._view.generations if self._view is not None and tab == "prompt" else ()
        shown = panes.Shown(tab, self.solution, node, made, stream)
        if self._shown is not None and _alike(shown, self._shown):
            return
        scroll = pane.parent
        assert isinstance(scroll, VerticalScroll)
        at_end = scroll.scroll_offset.y >= scroll.max_scroll_y - 1
        same_node = self._shown is not None and self._shown.node.id == node.id and self._shown.tab == tab
        self._shown = shown
        pane.update(panes.content(shown))
        if stream and at_end:
            scroll.scroll_end(animate=False)
        elif not same_node:
            scroll.scroll_home(animate=False)

    # ---- the lines above and below ----

    def _show_status(self) -> None:
        tree, live, view = self.solution, self.live, self._view
        best = f"best {format_metric(tree.best.metric)} #{tree.best.id}" if tree.best else "no valid node yet"
        trouble = self._problem
        if live is not None:
            word = "ended" if live.ended else "paused" if live.paused else "running"
            settings = live.run.settings
            limit = f"/{_clock(settings.time_limit)}" if settings.time_limit else ""
            parts = [word, live.phase, f"step {len(tree)}/{settings.steps}", best]
            if not live.ended:
                parts.append(f"{_clock(live.run.elapsed())}{limit}")
            if live.speed:
                parts.append(
                    f"writes {live.speed:.0f}, reads {live.prefill:.0f} tokens/s, {live.cached:.0%} cached"
                )
            if live.run.waiting:
                parts.append(f"{len(live.run.waiting)} asked for")
            trouble = live.troubles[-1] if live.troubles else ""
        elif view is not None:
            parts = [view.info.state, view.info.stop_reason, f"step {len(tree)}/{view.settings.steps}", best]
        else:
            parts = ["unread"]
        status = Text("  ".join(text.line(part) for part in [*parts, self._use] if part))
        if trouble:
            status.append(f"\n! {text.inert(trouble)}", "red")
        self.query_one("#status", Static).update(status)
        task = text.line(f"{view.task.name}, {view.task.metric}, {view.info.model}") + "  " if view else ""
        course = text.spark([one.metric for one in tree.complete if one.metric is not None])
        title = Text(f"{task}{course}  ", "bold")
        title.append(self._run_id, "dim")
        self.query_one("#title", Static).update(title)

    def _measure(self) -> None:
        """Memory of this process and all it started; processor time of the latter."""
        if self.live is None or self.live.ended:
            self._use = ""
            return
        me = psutil.Process(os.getpid())
        memory, busy = me.memory_info().rss, 0.0
        for child in me.children(recursive=True):
            try:
                memory += child.memory_info().rss
                busy += child.cpu_percent(None)
            except psutil.Error:
                continue  # it ended meanwhile
        self._use = f"{memory / 2**20:.0f} MiB"

    # ---- going about ----

    def go_to(self, node: int) -> bool:
        return self.query_one(SolutionTree).go_to(node)

    def _step_among(self, nodes: list[int], by: int, none: str) -> None:
        """To the next (``by`` 1) or previous of ``nodes``, round the end."""
        here = self.node.id if self.node else -1
        if not nodes:
            self.notify(none, markup=False)
        elif by > 0:
            self.go_to(next((one for one in nodes if one > here), nodes[0]))
        else:
            self.go_to(next((one for one in reversed(nodes) if one < here), nodes[-1]))

    def action_best(self) -> None:
        self._step_among([self.solution.best.id] if self.solution.best else [], 1, "No node is valid yet.")

    def action_best_path(self) -> None:
        best = self.solution.best
        path = [one.id for one in self.solution.lineage(best.id)][::-1] if best else []
        self._step_among(path, 1, "No node is valid yet.")

    def action_buggy(self) -> None:
        buggy = [one.id for one in self.solution.nodes if one.state is NodeState.BUGGY]
        self._step_among(buggy, 1, "No node is buggy.")

    def action_by_time(self, by: int) -> None:
        self._step_among([one.id for one in self.solution.nodes], by, "No node yet.")

    def action_sibling(self, by: int) -> None:
        if self.node is not None:
            siblings = [one.id for one in self.solution.children(self.node.parent)]
            self._step_among(siblings, by, "No sibling.")

    def action_find(self) -> None:
        find = self.query_one("#find", Input)
        find.display = True
        find.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._query = event.value

    def on_input_submitted(self, _: Input.Submitted) -> None:
        self._close_find()
        self.action_find_next()

    def _close_find(self) -> None:
        self.query_one("#find").display = False
        self.query_one(SolutionTree).focus()

    def _found(self) -> list[int]:
        return [one.id for one in self.solution.nodes if matches(one, self._query)]

    def action_find_next(self) -> None:
        self._step_among(self._found(), 1, f"Nothing matches {self._query!r}.")

    def action_find_previous(self) -> None:
        self._step_among(self._found(), -1, f"Nothing matches {self._query!r}.")

    def action_outline(self) -> None:
        self._depth = (self._depth + 1) % 4
        self.query_one(SolutionTree).outline(self._depth)
        self.notify(f"{self._depth} deep" if self._depth else "all open", timeout=2)

    def action_sort(self) -> None:
        tree = self.query_one(SolutionTree)
        tree.by_metric = not tree.by_metric
        tree.rebuild(self.solution)
        self.notify(
            "Siblings by metric, the best first." if tree.by_metric else "Siblings by time.", timeout=2
        )

    def action_mark(self) -> None:
        if self.node is not None:
            tree = self.query_one(SolutionTree)
            tree.marks ^= {self.node.id}
            tree.show(self.solution)

    def action_next_mark(self) -> None:
        self._step_among(sorted(self.query_one(SolutionTree).marks), 1, "No node is marked; m marks one.")

    def action_compare(self) -> None:
        marks = sorted(self.query_one(SolutionTree).marks)
        if len(marks) == 1 and self.node is not None and self.node.id != marks[0]:
            marks.append(self.node.id)
        if len(marks) != 2:
            self.notify("Mark one node with m and go to another, or mark two.", severity="warning")
            return
        one, other = (self.solution[mark] for mark in marks)
        self.app.push_screen(Compare(*panes.comparison(self.solution, one, other)))

    def action_tab(self, number: int) -> None:
        self.query_one(TabbedContent).active = f"tab-{TABS[number].lower()}"

    def action_zoom(self) -> None:
        left = self.query_one("#left")
        left.display = not left.display
        if left.display:
            self.query_one(SolutionTree).focus()
        else:
            self.query_one(f"#{self.query_one(TabbedContent).active} Pane").focus()

    def action_copy(self) -> None:
        node = self.node
        if node is None:
            return
        tab = self.query_one(TabbedContent).active.removeprefix("tab-")
        match tab:
            case "plan":
                copied = node.plan
            case "output":
                copied = node.output
            case "error":
                copied = f"{node.error.one_line(2000)}\n{node.error.traceback}" if node.error else ""
            case _:
                tab, copied = "script", node.code
        self.app.copy_to_clipboard(copied)
        self.notify(f"The {tab} of #{node.id} is copied.", timeout=2)

    def action_path(self) -> None:
        if self.node is not None:
            way = [*self.solution.lineage(self.node.id)][::-1]
            self.app.copy_to_clipboard("\n\n".join(f"# #{one.id}: {one.plan}\n{one.code}" for one in way))
            self.notify(f"{len(way)} scripts are copied.", timeout=2)

    def action_resume(self) -> None:
        if self.live is not None and not self.live.ended:
            self.notify("It is going on.")
        else:
            self.app.resume_run(self._run_id)

    def action_leave(self) -> None:
        if self.query_one("#find").display:
            self._close_find()
        elif not self.query_one("#left").display:
            self.action_zoom()
        else:
            self.app.pop_screen()


def _same_tree(view: RunView, before: RunView) -> RunView:
    """The state of a run can change without its snapshot: then its tree is the one that is shown."""
    from dataclasses import replace

    return replace(view, tree=before.tree)


def _alike(shown: panes.Shown, before: panes.Shown) -> bool:
    """Whether the pane would look the same. Lineage, folds and facts depend on the tree besides the node."""
    same_tree = shown.tree is before.tree or shown.tab in ("code", "output", "error", "prompt")
    return (
        same_tree
        and shown.tab == before.tab
        and shown.node is before.node
        and shown.stream == before.stream
        and shown.generations is before.generations
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
