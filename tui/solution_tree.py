"""The solution tree at the left of a run."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.widgets import Tree as TreeWidget
from textual.widgets.tree import TreeNode

from aide_local.search.tree import Tree
from aide_local.types import Node, Operator
from tui import keys
from tui.draw import node_label, tuned_label


class SolutionTree(TreeWidget[int], inherit_bindings=False):
    """A line for each node. Given the tree as it is now, the widget changes only the lines that are no longer true."""

    BINDINGS: ClassVar[list[BindingType]] = keys.TREE

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__("run", id=id)
        self.show_root = False
        self.guide_depth = 2
        self.auto_expand = False
        self.by_metric = False
        self.marks: set[int] = set()
        self._fitting: frozenset[int] | None = None  # nodes that the filter fits, None without a filter
        self._places: dict[int, TreeNode[int]] = {}
        self._groups: dict[int, TreeNode[int]] = {}  # of a script, the line that holds its tuned nodes
        self._labels: dict[int, Text] = {}
        self._labelled: dict[int, Node] = {}  # the node as its label shows it
        self._ranks: dict[int, tuple[int, float, int]] = {}  # the order of siblings, if it is by metric
        self._sets: tuple[frozenset[int], ...] = (frozenset(),) * 4  # best path, banned, pinned, marked nodes

    def show(self, tree: Tree) -> None:
        """Show the tree as it is now."""
        path = frozenset(one.id for one in tree.lineage(tree.best.id)) if tree.best else frozenset()
        sets = (path, tree.excluded, tree.pinned, frozenset(self.marks))
        for stale in frozenset().union(*(now ^ then for now, then in zip(sets, self._sets, strict=True))):
            self._labelled.pop(stale, None)
        self._sets = sets
        for node in self._visible(tree):
            place = self._places.get(node.id)
            is_true = self._labelled.get(node.id) is node
            if not is_true:
                self._labels[node.id] = self._label(tree, node, path)
                self._labelled[node.id] = node
            if place is None:
                self._add(tree, node)
            elif not is_true and not self._move(tree, node, place):
                place.set_label(self._labels[node.id])
        for parent, place in self._groups.items():
            if (label := tuned_label(tree, parent)) != place.label:
                place.set_label(label)
        if not self.root.is_expanded:
            self.root.expand()
        if self.cursor_node is None and self._places:
            self.call_after_refresh(self.move_cursor, next(iter(self._places.values())))

    def _visible(self, tree: Tree) -> tuple[Node, ...]:
        """Return the nodes that the filter fits, with their ancestors; all nodes without a filter."""
        if self._fitting is None:
            return tree.nodes
        kept = {above.id for one in self._fitting if one in tree for above in tree.lineage(one)}
        return tuple(node for node in tree.nodes if node.id in kept)

    def filter(self, tree: Tree, fitting: frozenset[int] | None) -> bool:
        """Show only these nodes and their ancestors; None shows all. Return whether that changed something."""
        if fitting == self._fitting:
            return False
        self._fitting = fitting
        self.rebuild(tree)
        return True

    def _label(self, tree: Tree, node: Node, path: frozenset[int]) -> Text:
        label = node_label(tree, node, node.id in path)
        return Text("* ", "bold") + label if node.id in self.marks else label

    def _add(self, tree: Tree, node: Node) -> None:
        """Add a node in its place among its siblings, by time or by metric."""
        above = self._above(tree, node)
        before = None
        if self.by_metric:
            own = self._ranks[node.id] = _rank(tree, node)
            siblings = enumerate(above.children)
            before = next((at for at, one in siblings if self._ranks[one.data or 0] > own), None)
        self._places[node.id] = above.add(self._labels[node.id], data=node.id, before=before, expand=True)

    def _above(self, tree: Tree, node: Node) -> TreeNode[int]:
        """Return the line that a node's line belongs under; tuned nodes of one script share a line, closed at first."""
        if node.parent is None:
            return self.root
        if node.operator is not Operator.TUNE:
            return self._places[node.parent]
        if node.parent not in self._groups:
            self._groups[node.parent] = self._places[node.parent].add(
                tuned_label(tree, node.parent), data=node.parent, before=0
            )
        return self._groups[node.parent]

    def _move(self, tree: Tree, node: Node, place: TreeNode[int]) -> bool:
        """Move a leaf that got its metric to its place, and the cursor with it. Return whether it had to move."""
        if not self.by_metric or place.children or self._ranks[node.id] == _rank(tree, node):
            return False
        here = self.cursor_node is place
        place.remove()
        self._add(tree, node)
        if here:
            self.go_to(node.id)
        return True

    def rebuild(self, tree: Tree) -> None:
        """Build all lines anew, the cursor where it was. Labels are kept: the order of siblings does not change them."""
        here = self.cursor_node.data if self.cursor_node is not None else None
        self.clear()
        self._places.clear()
        self._groups.clear()
        self._ranks.clear()
        if self.by_metric:
            self._add_in_order(tree)
        self.show(tree)
        if here is not None:
            self.go_to(here)

    def _add_in_order(self, tree: Tree) -> None:
        """Add the visible nodes level by level, siblings by metric, each after its last sibling."""
        kept = {node.id for node in self._visible(tree)}
        level: list[Node] = [node for node in tree.roots if node.id in kept]
        while level:
            ranks = {node.id: _rank(tree, node) for node in level}
            self._ranks.update(ranks)
            for node in sorted(level, key=lambda one: ranks[one.id]):
                above = self._above(tree, node)
                label = self._labels.get(node.id, Text(""))
                self._places[node.id] = above.add(label, data=node.id, expand=True)
            level = [child for node in level for child in tree.children(node.id) if child.id in kept]

    def go_to(self, node: int) -> bool:
        """Open the node's ancestors and put the cursor on it; return False if it is not shown."""
        place = self._places.get(node)
        if place is None:
            return False
        above = place.parent
        while above is not None:
            if not above.is_expanded:  # expanding it again would lay out all lines anew
                above.expand()
            above = above.parent
        self.call_after_refresh(self.move_cursor, place)
        return True

    def outline(self, depth: int) -> None:
        """Open nodes above ``depth`` and close the others; 0 opens all. Each toggle costs, so only the necessary ones are done."""
        level, places = 0, list(self.root.children)
        while places:
            for place in places:
                if place.children and place.is_expanded != (depth == 0 or level < depth - 1):
                    place.toggle()
            level, places = level + 1, [child for place in places for child in place.children]

    def action_open(self) -> None:
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded and node.children:
            self.move_cursor(node.children[0])
        else:
            node.expand()

    def action_first(self) -> None:
        self.cursor_line = 0

    def action_last(self) -> None:
        self.cursor_line = self.last_line

    def get_label_width(self, node: TreeNode[int]) -> int:
        """Return any width: the tree does not scroll sideways, and measuring thousands of labels would cost 200 ms."""
        return 1

    def render_label(self, node: TreeNode[int], base_style: Style, style: Style) -> Text:
        label = node._label.copy() if isinstance(node._label, Text) else Text(str(node._label))
        label.stylize(style)
        if node is self.cursor_node:
            label.stylize(Style(dim=False))  # dim text cannot be read on the cursor's ground
        if node.children:
            return Text("▾ " if node.is_expanded else "▸ ", style=base_style) + label
        return Text("  ", style=base_style) + label


def _rank(tree: Tree, node: Node) -> tuple[int, float, int]:
    """Return a key that sorts the best node first, and those that are not compared last, by time."""
    if node.metric is None or not node.complete or node.id in tree.excluded:
        return (1, 0.0, node.id)
    return (0, -tree.direction.sign * node.metric, node.id)
