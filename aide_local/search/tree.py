"""The solution tree: an immutable value over the run's nodes, with the questions a policy asks of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from aide_local.task import Direction
from aide_local.types import Node, NodeState, Operator, Origin

MARKS = ("ban", "unban", "pin", "unpin")  # of a person, on a node


@dataclass(frozen=True)
class Tree:
    """Nodes in order of id; a node's parent always comes before it.

    ``banned`` and ``pinned`` are the person's marks: nothing under a banned node is chosen, compared or
    delivered; a pinned node stays among the parents and in the ensemble.
    """

    nodes: tuple[Node, ...]
    direction: Direction
    banned: frozenset[int] = field(default=frozenset())
    pinned: frozenset[int] = field(default=frozenset())

    @classmethod
    def of(cls, nodes: Iterable[Node], direction: Direction) -> Tree:
        """Return the tree of ``nodes``, in any order.

        Raises:
            ValueError: a parent is missing or does not come before its child, or an id is there twice.
        """
        ordered = tuple(sorted(nodes, key=lambda node: node.id))
        seen: set[int] = set()
        for node in ordered:
            if node.parent is not None and node.parent not in seen:
                raise ValueError(f"node {node.id} has parent {node.parent}, which is not in the tree")
            if node.id in seen:
                raise ValueError(f"node {node.id} is twice in the tree")
            seen.add(node.id)
        return cls(ordered, direction)

    def tell(self, node: Node) -> Tree:
        """Return the tree with ``node`` added, or put in the place of the one with its id."""
        if node.id in self._index:
            at = self._index[node.id]
            return replace(self, nodes=(*self.nodes[:at], node, *self.nodes[at + 1 :]))
        return replace(self, nodes=Tree.of((*self.nodes, node), self.direction).nodes)

    def marked(self, kind: str, node: int) -> Tree:
        """Return the tree with one of MARKS made on a node."""
        match kind:
            case "ban":
                return replace(self, banned=self.banned | {node})
            case "unban":
                return replace(self, banned=self.banned - {node})
            case "pin":
                return replace(self, pinned=self.pinned | {node})
            case "unpin":
                return replace(self, pinned=self.pinned - {node})
        raise ValueError(f"{kind!r} is not a mark; known: {', '.join(MARKS)}")

    def seen_by(self, step: int, in_flight: Collection[int]) -> Tree:
        """Return the tree as the choice of node ``step`` saw it: the nodes before it, ``in_flight`` without results.

        With the ids that a node recorded, every choice can be made again, whatever has finished since.
        """
        hidden = frozenset(in_flight)
        before = (node for node in self.nodes if node.id < step)
        return replace(self, nodes=tuple(_as_pending(node) if node.id in hidden else node for node in before))

    def without(self, origins: Collection[Origin]) -> Tree:
        """Return the tree without the nodes of these origins and all that grew from them."""
        gone: set[int] = set()
        for node in self.nodes:
            if node.origin in origins or node.parent in gone or node.other in gone:
                gone.add(node.id)
        return replace(self, nodes=tuple(node for node in self.nodes if node.id not in gone))

    @cached_property
    def excluded(self) -> frozenset[int]:
        """Banned nodes with all that grew from them, merges too."""
        found: set[int] = set()
        for node in self.nodes:
            if node.id in self.banned or node.parent in found or node.other in found:
                found.add(node.id)
        return frozenset(found)

    @cached_property
    def _index(self) -> dict[int, int]:
        return {node.id: at for at, node in enumerate(self.nodes)}

    @cached_property
    def _children(self) -> dict[int | None, tuple[Node, ...]]:
        grouped: dict[int | None, list[Node]] = {}
        for node in self.nodes:
            grouped.setdefault(node.parent, []).append(node)
        return {parent: tuple(children) for parent, children in grouped.items()}

    def __getitem__(self, node_id: int) -> Node:
        return self.nodes[self._index[node_id]]

    def __contains__(self, node_id: int) -> bool:
        return node_id in self._index

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def roots(self) -> tuple[Node, ...]:
        return self.children(None)

    def children(self, node_id: int | None) -> tuple[Node, ...]:
        return self._children.get(node_id, ())

    def is_leaf(self, node: Node) -> bool:
        return not self.children(node.id)

    def lineage(self, node_id: int) -> Iterator[Node]:
        """Yield the node, its parent, and so on to the root."""
        current: int | None = node_id
        while current is not None:
            node = self[current]
            yield node
            current = node.parent

    def debug_depth(self, node: Node) -> int:
        """Return the number of debug steps in a row that end at ``node`` (paper: debug depth)."""
        depth = 0
        for ancestor in self.lineage(node.id):
            if ancestor.operator is not Operator.DEBUG:
                break
            depth += 1
        return depth

    @property
    def written(self) -> int:
        """How many nodes the model has written, or is writing: the steps of the run."""
        return sum(node.origin is Origin.MODEL for node in self.nodes)

    @property
    def valid(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.state is NodeState.VALID)

    @property
    def complete(self) -> tuple[Node, ...]:
        """Valid nodes with every fold scored and not excluded: only these are compared by metric."""
        return tuple(
            node
            for node in self.valid
            if node.complete and node.metric is not None and node.id not in self.excluded
        )

    @cached_property
    def best(self) -> Node | None:
        """The complete node with the best metric; of equals, the earliest."""
        return max(self.complete, key=self._rank, default=None)

    def _rank(self, node: Node) -> tuple[float, int]:
        assert node.metric is not None
        return self.direction.sign * node.metric, -node.id

    def ranked(self) -> tuple[Node, ...]:
        """Return the complete nodes, best first."""
        return tuple(sorted(self.complete, key=self._rank, reverse=True))

    def gain(self, node: Node) -> float | None:
        """Return how much better than its parent the node is; positive is better. None without both metrics."""
        if node.parent is None or node.metric is None or not node.complete:
            return None
        parent = self[node.parent]
        if parent.metric is None or not parent.complete:
            return None
        return self.direction.sign * (node.metric - parent.metric) + 0.0  # never "-0"


def _as_pending(node: Node) -> Node:
    return replace(
        node,
        state=NodeState.PENDING,
        metric=None,
        complete=False,
        folds=(),
        error=None,
        output="",
        predictions=None,
    )
