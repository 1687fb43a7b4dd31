"""The tree of nodes at the left of a run."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Tree as TreeWidget
from textual.widgets.tree import TreeNode

from aide_local.tree import Tree
from aide_local.types import Node
from tui import text
from tui.keys import key


class SolutionTree(TreeWidget[int]):
    """Nodes by id; told the tree as it is, it changes only what changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("j,down", "cursor_down", "Down", "Down a node", group="tree"),
        key("k,up", "cursor_up", "Up", "Up a node", group="tree"),
        key("h,left", "cursor_parent", "Parent", "To the parent", group="tree"),
        key("l,right", "open", "Open", "Open, or to the first child", group="tree"),
        key("enter", "toggle_node", "Open or close", "Open or close what grew from this node", group="tree"),
        key("g,home", "first", "First", "To the first node", group="tree"),
        key("G,end", "last", "Last", "To the last node", group="tree"),
        key("pagedown,ctrl+d", "page_down", "Page down", "Down a page", group="tree"),
        key("pageup,ctrl+u", "page_up", "Page up", "Up a page", group="tree"),
        Binding("space", "screen.pause", "Pause"),  # in place of the widget's own
    ]

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__("run", id=id)
        self.show_root = False
        self.guide_depth = 2
        self.auto_expand = False
        self.by_metric = False
        self.marks: set[int] = set()
        self._fitting: frozenset[int] | None = None  # nodes that a filter left, None without one
        self._places: dict[int, TreeNode[int]] = {}
        self._labelled: dict[int, Node] = {}
        self._sets: tuple[frozenset[int], ...] = (frozenset(),) * 4  # what labels show besides the node

    def show(self, tree: Tree) -> None:
        path = frozenset(one.id for one in tree.lineage(tree.best.id)) if tree.best else frozenset()
        nodes = self._left(tree)
        if self.by_metric and self._places and any(node.id not in self._places for node in nodes):
            self.rebuild(tree)
            return
        sets = (path, tree.excluded, tree.pinned, frozenset(self.marks))
        relabel = frozenset().union(*(now ^ before for now, before in zip(sets, self._sets, strict=True)))
        self._sets = sets
        for node in nodes:
            if self._labelled.get(node.id) is node and node.id not in relabel:
                continue
            label = text.label(tree, node, node.id in path)
            if node.id in self.marks:
                label = Text("* ", "bold") + label
            if node.id in self._places:
                self._places[node.id].set_label(label)
            else:
                self._add(node, label)
            self._labelled[node.id] = node
        if not self.root.is_expanded:
            self.root.expand()
        if self.cursor_node is None and self._places:
            self.call_after_refresh(self.move_cursor, next(iter(self._places.values())))

    def _left(self, tree: Tree) -> tuple[Node, ...]:
        """Nodes that a filter leaves, with all above them."""
        if self._fitting is None:
            return tree.nodes
        kept = {above.id for one in self._fitting if one in tree for above in tree.lineage(one)}
        return tuple(node for node in tree.nodes if node.id in kept)

    def filter(self, tree: Tree, fitting: frozenset[int] | None) -> bool:
        """Show these nodes and what is above them alone; None shows all. Whether that changed something."""
        if fitting == self._fitting:
            return False
        self._fitting = fitting
        self.rebuild(tree)
        return True

    def _add(self, node: Node, label: Text) -> None:
        above = self._places[node.parent] if node.parent is not None else self.root
        self._places[node.id] = above.add(label, data=node.id, expand=True)

    def rebuild(self, tree: Tree) -> None:
        """Anew, siblings by time or by metric, the cursor where it was."""
        here = self.cursor_node.data if self.cursor_node is not None else None
        self.clear()
        self._places.clear()
        self._labelled.clear()
        self._sets = (frozenset(),) * 4
        ranks = {node.id: rank for rank, node in enumerate(tree.ranked())}
        kept = {node.id for node in self._left(tree)}
        if self.by_metric:
            waiting: list[int | None] = [None]
            order: list[Node] = []
            while waiting:
                children = sorted(
                    (node for node in tree.children(waiting.pop(0)) if node.id in kept),
                    key=lambda node: (ranks.get(node.id, len(tree)), node.id),
                )
                order += children
                waiting += [node.id for node in children]
            for node in order:
                self._add(node, Text(""))
        self.show(tree)
        if here is not None:
            self.go_to(here)

    def go_to(self, node: int) -> bool:
        """Open what is above the node and put the cursor on it; False where it is not in the tree."""
        place = self._places.get(node)
        if place is None:
            return False
        above = place.parent
        while above is not None:
            if not above.is_expanded:  # asked again, the widget would lay out all its lines anew
                above.expand()
            above = above.parent
        self.call_after_refresh(self.move_cursor, place)
        return True

    def outline(self, depth: int) -> None:
        """Open nodes above ``depth``, close the others; 0 opens all."""
        for place in self._places.values():
            level, above = 0, place.parent
            while above is not None:
                level, above = level + 1, above.parent
            if depth == 0 or level < depth:
                place.expand()
            else:
                place.collapse()

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
        """The tree does not scroll sideways, so no label is wider than it: measuring thousands would cost 200 ms."""
        return self.size.width

    def render_label(self, node: TreeNode[int], base_style: Style, style: Style) -> Text:
        label = node._label.copy() if isinstance(node._label, Text) else Text(str(node._label))
        label.stylize(style)
        if node.children:
            return Text("▾ " if node.is_expanded else "▸ ", style=base_style) + label
        return Text("  ", style=base_style) + label
