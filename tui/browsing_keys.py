"""The keys of a run's screen that go from node to node: by metric, time, filter or marks."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.reactive import reactive
from textual.widgets import Input

from aide_local.search.tree import Tree
from aide_local.types import NodeState
from tui import keys
from tui.dialogs import Compare
from tui.liveness import is_open
from tui.node_filter import matches
from tui.solution_tree import SolutionTree
from tui.steering_keys import SteeringKeys
from tui.tab_content import comparison

WAIT = 0.15  # seconds without a key before the tree is filtered


class BrowsingKeys(SteeringKeys):
    """The part of the run's screen that moves in the tree and filters it."""

    BINDINGS: ClassVar[list[BindingType]] = keys.BROWSING

    query_text = reactive("", init=False)

    def __init__(self) -> None:
        super().__init__()
        self._edits = 0  # of the filter's line; a timer of an earlier edit has nothing to do
        self._depth = 0  # to which the tree is open; 0: all of it
        self._matching: tuple[Tree | None, str, list[int]] = (None, "", [])

    def go_to(self, node: int) -> bool:
        """Put the cursor on a node; return False if it is not shown."""
        return self.query_one(SolutionTree).go_to(node)

    def _step_among(self, nodes: list[int], by: int, none: str) -> None:
        """Go to the next (``by`` 1) or previous of ``nodes``, around the end; show ``none`` if there are no nodes."""
        here = self.node.id if self.node else -1
        if not nodes:
            self.notify(none, markup=False)
            return
        if by > 0:
            to = next((one for one in nodes if one > here), nodes[0])
        else:
            to = next((one for one in reversed(nodes) if one < here), nodes[-1])
        if not self.go_to(to) and self.query_text:
            self.end_filter()
            self.go_to(to)

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

    # ---- filter ----

    @property
    def matching(self) -> list[int]:
        """Return the nodes that the filter fits, by time.

        They are kept until tree or query change: the status line asks ten times a second.
        """
        tree, query, found = self._matching
        if tree is not self.solution or query != self.query_text:
            found = [one.id for one in self.solution.nodes if matches(one, self.query_text)]
            self._matching = (self.solution, self.query_text, found)
        return found

    def action_find(self) -> None:
        find = self.query_one("#find", Input)
        find.display = True
        find.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._edits += 1
        self.set_timer(WAIT, lambda number=self._edits: self._filter(number, event.value))

    def _filter(self, number: int, query: str) -> None:
        """Filter the tree, if nothing was typed since edit ``number``."""
        if number == self._edits and is_open(self):
            self.query_text = query
            self.show_tree()

    def show_tree(self) -> None:
        """Show the tree as it is now, filtered if there is a filter that fits something."""
        tree = self.query_one(SolutionTree)
        found = self.matching
        if not found:
            tree.filter(self.solution, None)
        elif tree.filter(self.solution, frozenset(found)) and (not self.node or self.node.id not in found):
            tree.go_to(found[0])
        tree.show(self.solution)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._filter(self._edits, event.value)
        self.close_find()
        if not self.matching:
            self.notify(f"Nothing matches {self.query_text!r}.", markup=False)
        elif self.node is None or self.node.id not in self.matching:
            self.action_find_next()

    def end_filter(self) -> None:
        """Show all nodes again."""
        self.query_text = ""
        self.query_one("#find", Input).value = ""
        self.show_tree()

    def close_find(self) -> None:
        """Go from the filter's line to the tree."""
        self.query_one("#find").display = False
        self.query_one(SolutionTree).focus()

    def action_find_next(self) -> None:
        self._find(1)

    def action_find_previous(self) -> None:
        self._find(-1)

    def _find(self, by: int) -> None:
        none = f"Nothing matches {self.query_text!r}." if self.query_text else "/ looks for something first."
        self._step_among(self.matching, by, none)

    # ---- order and marks ----

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
        self.app.push_screen(Compare(*comparison(one, other)))
