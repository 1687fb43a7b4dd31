"""Tuned nodes in groups, for people and for the digest: dozens of variants of one script are one line."""

from __future__ import annotations

from dataclasses import dataclass

from aide_local.search.tree import Tree
from aide_local.search.tuner.propose import Change, changes_between
from aide_local.types import Node, Operator


@dataclass(frozen=True, slots=True)
class TunedGroup:
    """The tuned nodes that grew from one script, and how the best complete one of them differs from it."""

    parent: int
    nodes: tuple[int, ...]  # in order of id
    best: int | None  # None while none is complete
    changes: tuple[Change, ...]


def tuned_groups(tree: Tree) -> tuple[TunedGroup, ...]:
    """Return the tuned nodes of a tree by the script that they vary, in order of those scripts."""
    grouped: dict[int, list[Node]] = {}
    for node in tree.nodes:
        parent = tuned_parent(tree, node)
        if parent is not None:
            grouped.setdefault(parent, []).append(node)
    return tuple(_group(tree, parent, nodes) for parent, nodes in sorted(grouped.items()))


def tuned_parent(tree: Tree, node: Node) -> int | None:
    """Return the id of the script that a tuned node varies; None if the node was not tuned."""
    if node.operator is not Operator.TUNE:
        return None
    for one in tree.lineage(node.id):
        if one.operator is not Operator.TUNE:
            return one.id
    return None


def _group(tree: Tree, parent: int, nodes: list[Node]) -> TunedGroup:
    members = {node.id for node in nodes}
    best = next((node for node in tree.ranked() if node.id in members), None)
    changes = changes_between(tree[parent].code, best.code) if best is not None else ()
    return TunedGroup(
        parent, tuple(node.id for node in nodes), best.id if best is not None else None, changes
    )
