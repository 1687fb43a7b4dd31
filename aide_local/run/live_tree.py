"""The tree of a run that goes on: every change is in the store before anyone sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aide_local.search.tree import Tree
from aide_local.store.protocol import RunStore
from aide_local.types import Node, NodeState


class LiveTree:
    """Thread-safe. ``changed`` is notified of every change; ``on_change`` is called after it."""

    def __init__(self, store: RunStore, tree: Tree, on_change: Callable[[], None]) -> None:
        self._store = store
        self._tree = tree
        self._on_change = on_change
        self.changed = threading.Condition()

    @property
    def tree(self) -> Tree:
        return self._tree

    def replace(self, change: Callable[[Tree], Tree]) -> Tree:
        """Change what is not stored with nodes (the person's marks); returns the tree after it."""
        with self.changed:
            self._tree = change(self._tree)
            self.changed.notify_all()
            return self._tree

    def add(self, make: Callable[[int, Tree], Node | None]) -> Node | None:
        """Add and return the node that ``make`` returns for the next id and the tree as it is, unless that is None."""
        with self.changed:
            node = make(len(self._tree), self._tree)
            if node is not None:
                self.put(node)
        return node

    def claim(self, node: Node) -> Node | None:
        """Add and return a node whose id was the next one when it was made, unless another has taken it meanwhile."""
        return self.add(lambda number, _: node if number == node.id else None)

    def put(self, node: Node) -> tuple[Node | None, Node | None]:
        """Store the node, then show it; returns the best node before and after."""
        with self.changed:
            before = self._tree.best
            self._store.put_node(node)
            self._tree = self._tree.tell(node)
            after = self._tree.best
            self.changed.notify_all()
        self._on_change()
        return before, after

    def wait(self, condition: Callable[[], bool], timeout: float = 0.5) -> bool:
        """Wait until ``condition`` holds, or a while has passed; returns whether it holds."""
        with self.changed:
            return self.changed.wait_for(condition, timeout)


def in_flight(tree: Tree) -> tuple[int, ...]:
    """Return the ids of the nodes that have no result yet."""
    return tuple(node.id for node in tree.nodes if node.state is NodeState.PENDING)
