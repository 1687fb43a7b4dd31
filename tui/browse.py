"""Keys of a run's screen that go from node to node: by metric, by time, by what is looked for, by marks."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.reactive import reactive
from textual.widgets import Input

from aide_local.search.tree import Tree
from aide_local.types import NodeState
from tui import panes
from tui.dialogs import Compare
from tui.find import matches
from tui.keys import key
from tui.open import is_open
from tui.solution_tree import SolutionTree
from tui.steer import Steering

WAIT = 0.15  # seconds without a key before the tree is filtered


class Browsing(Steering):
    """The part of the run's screen that moves in the tree and filters it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("b", "best", "Best", "To the best node", group="run", footer=True),
        key("B", "best_path", "Best path", "Along the path to the best node, from its root, round", group="run"),
        key("e", "buggy", "Next buggy", "To the next node that failed", group="run"),
        key("slash", "find", "Find", "Filter: words, state:buggy, op:improve, error:Key, metric<0.2", group="run", footer=True),
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
    ]  # fmt: skip

    query_text = reactive("", init=False)

    def __init__(self) -> None:
        super().__init__()
        self._typed = 0
        self._depth = 0
        self._found: tuple[Tree | None, str, list[int]] = (None, "", [])

    def go_to(self, node: int) -> bool:
        return self.query_one(SolutionTree).go_to(node)

    def _step_among(self, nodes: list[int], by: int, none: str) -> None:
        """To the next (``by`` 1) or previous of ``nodes``, round the end."""
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
    def found(self) -> list[int]:
        """Nodes that fit, by time. Kept until the tree or the query is another: the status line asks ten times a second."""
        tree, query, found = self._found
        if tree is not self.solution or query != self.query_text:
            found = [one.id for one in self.solution.nodes if matches(one, self.query_text)]
            self._found = (self.solution, self.query_text, found)
        return found

    def action_find(self) -> None:
        find = self.query_one("#find", Input)
        find.display = True
        find.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._typed += 1
        self.set_timer(WAIT, lambda number=self._typed: self._filter(number, event.value))

    def _filter(self, number: int, query: str) -> None:
        """Once nothing was typed for a while."""
        if number == self._typed and is_open(self):
            self.query_text = query
            self.show_tree()

    def show_tree(self) -> None:
        """The tree as it is now, filtered where something is looked for and found."""
        tree = self.query_one(SolutionTree)
        found = self.found
        if not found:
            tree.filter(self.solution, None)
        elif tree.filter(self.solution, frozenset(found)) and (not self.node or self.node.id not in found):
            tree.go_to(found[0])
        tree.show(self.solution)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._filter(self._typed, event.value)
        self._close_find()
        if not self.found:
            self.notify(f"Nothing matches {self.query_text!r}.", markup=False)
        elif self.node is None or self.node.id not in self.found:
            self.action_find_next()

    def end_filter(self) -> None:
        """Show all nodes again."""
        self.query_text = ""
        self.query_one("#find", Input).value = ""
        self.show_tree()

    def _close_find(self) -> None:
        self.query_one("#find").display = False
        self.query_one(SolutionTree).focus()

    def action_find_next(self) -> None:
        self._find(1)

    def action_find_previous(self) -> None:
        self._find(-1)

    def _find(self, by: int) -> None:
        none = f"Nothing matches {self.query_text!r}." if self.query_text else "/ looks for something first."
        self._step_among(self.found, by, none)

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
        self.app.push_screen(Compare(*panes.comparison(self.solution, one, other)))
