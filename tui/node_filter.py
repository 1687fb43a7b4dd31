"""The language of the filter: words, ``state:buggy``, ``op:improve``, ``error:KeyError``, ``metric<0.2``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from aide_local.types import Node

_METRIC = re.compile(r"metric(<=|>=|<|>|=)(-?\d+(?:\.\d+)?(?:e-?\d+)?)$", re.IGNORECASE)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip


def matches(node: Node, query: str) -> bool:
    """Return whether a node fits every part of ``query``. No node fits an empty query."""
    parts = query.lower().split()
    return bool(parts) and all(_fits(node, part) for part in parts)


def _fits(node: Node, part: str) -> bool:
    if found := _METRIC.match(part):
        return node.metric is not None and _COMPARE[found[1]](node.metric, float(found[2]))
    key, _, value = part.partition(":")
    if value and key == "state":
        return node.state.value.startswith(value)
    if value and key == "op":
        return node.operator.value.startswith(value)
    if value and key == "error":
        return node.error is not None and value in f"{node.error.type} {node.error.message}".lower()
    return part in f"#{node.id} {node.plan} {node.code}".lower()
