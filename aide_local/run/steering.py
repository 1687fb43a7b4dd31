"""What a person asks of a run while it goes on: steps, bans, pins. An event in the store before it counts.

A resumed run reads the events again: bans and pins hold, and a step that was asked for and not yet begun
is done first.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import asdict, dataclass, replace
from typing import Any

from aide_local.errors import SettingsError
from aide_local.search.tree import MARKS, Tree
from aide_local.store.protocol import RunStore
from aide_local.types import Node, NodeState, Operator, Step

ASKED, TAKEN = "asked", "taken"


@dataclass(frozen=True, slots=True)
class Asked:
    """A step in the queue; ``code`` is the person's own script, for the operator ``human``."""

    number: int
    step: Step
    code: str = ""


class Steering:
    """The queue of asked steps, and the marks. Thread-safe."""

    def __init__(self, store: RunStore, nodes: frozenset[int]) -> None:
        """``nodes`` are the ids in the tree: a step that was taken for another id never began."""
        self._store = store
        self._lock = threading.Lock()
        self._queue: list[Asked] = []
        self._marks: list[tuple[str, int]] = []
        self._count = 0
        for kind, payload in store.events((ASKED, TAKEN, *MARKS)):
            match kind:
                case "asked":
                    self._enqueue(_asked(self._count, payload))
                case "taken" if payload["node"] in nodes:
                    self._queue = [one for one in self._queue if one.number != payload["request"]]
                case "taken":
                    pass  # the process died before the node was made: the step still waits
                case _:
                    self._marks.append((kind, payload["node"]))

    def _enqueue(self, asked: Asked) -> None:
        self._queue.append(asked)
        self._count += 1

    @property
    def waiting(self) -> tuple[Asked, ...]:
        return tuple(self._queue)

    def ask(self, tree: Tree, step: Step, code: str = "") -> Asked:
        """Queue a step.

        Raises:
            SettingsError: it cannot be done on this tree.
        """
        check_step(tree, step, code)
        with self._lock:
            asked = Asked(self._count, step, code)
            self._store.put_event(ASKED, {**asdict(step), "code": code})
            self._enqueue(asked)
        return asked

    def waits(self, *, written: bool) -> bool:
        """Return whether a step waits that has its script (``written``), or one that the model has to write."""
        return any(bool(one.code) == written for one in self._queue)

    def take(self, node: int, *, written: bool) -> Asked | None:
        """Return the step of that sort that waits longest, to be made as ``node``; None if none does."""
        with self._lock:
            for at, one in enumerate(self._queue):
                if bool(one.code) == written:
                    self._store.put_event(TAKEN, {"request": one.number, "node": node})
                    return self._queue.pop(at)
            return None

    def mark(self, kind: str, node: int) -> None:
        """``kind`` is one of MARKS."""
        with self._lock:
            self._store.put_event(kind, {"node": node})
            self._marks.append((kind, node))

    def marked(self, tree: Tree) -> Tree:
        """``tree`` with all marks made so far."""
        plain = replace(tree, banned=frozenset(), pinned=frozenset())
        return functools.reduce(lambda made, mark: made.marked(*mark), self._marks, plain)


def _asked(number: int, payload: dict[str, Any]) -> Asked:
    values = {name: payload[name] for name in ("parent", "other", "hint", "seed")}
    return Asked(number, Step(Operator(payload["operator"]), **values), payload["code"])


def check_step(tree: Tree, step: Step, code: str = "") -> None:
    """Raises SettingsError where ``step`` cannot be made on ``tree``."""
    operator = step.operator
    if operator is Operator.DRAFT:
        return
    parent = _finished(tree, step.parent)
    if operator is Operator.DEBUG and (parent.state is not NodeState.BUGGY or not parent.code):
        raise SettingsError(
            f"Node #{parent.id} has no failed script to debug.", "Choose a buggy node with a script."
        )
    if operator in (Operator.IMPROVE, Operator.MERGE) and parent.state is not NodeState.VALID:
        raise SettingsError(f"Node #{parent.id} is not valid.", "Choose a valid node, or debug this one.")
    if operator is Operator.MERGE:
        other = _finished(tree, step.other)
        if other.state is not NodeState.VALID or other.id == parent.id:
            raise SettingsError("A merge needs two different valid nodes.", "Mark two valid nodes.")
    if operator is Operator.HUMAN and not code.strip():
        raise SettingsError("The script is empty.", "Write one, or leave without saving.")


def _finished(tree: Tree, node_id: int | None) -> Node:
    if node_id is None or node_id not in tree:
        raise SettingsError(f"There is no node #{node_id}.", "Choose a node of the tree.")
    node = tree[node_id]
    if node.state is NodeState.PENDING:
        raise SettingsError(f"Node #{node_id} is not finished.", "Wait for its result.")
    return node
