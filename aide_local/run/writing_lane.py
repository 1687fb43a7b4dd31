"""The writing lane: one thread that asks the policy and has the model write, while candidates execute."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from aide_local.errors import Cancelled, ModelError
from aide_local.evaluate.cores import CoreBudget, Lane
from aide_local.events import Event, NodeProposed, Trouble
from aide_local.run.control import Control
from aide_local.run.live_tree import LiveTree, in_flight
from aide_local.run.steering import Steering
from aide_local.run.writer import Writer, new_node, step_of
from aide_local.search.policy import Policy, rng
from aide_local.search.tree import Tree
from aide_local.types import Node, NodeError, NodeState, RunSettings

READY_AHEAD = 1  # scripts that may wait for execution while the next one is written


@dataclass(frozen=True, slots=True)
class Search:
    """The settings of the search as they are now, and the policy made of them."""

    settings: RunSettings
    policy: Policy


class WritingLane:
    """Turns steps into scripts and hands them over in ``ready``; a script that must not run is settled as buggy.

    ``reads`` is the part of a tree that the model can make something of: policy and prompts see no more.
    """

    def __init__(
        self,
        writer: Writer,
        live: LiveTree,
        control: Control,
        steering: Steering,
        cores: CoreBudget,
        *,
        reads: Callable[[Tree], Tree],
        search: Callable[[], Search],
        settle: Callable[[Node], None],
        emit: Callable[[Event], None],
    ) -> None:
        self._writer = writer
        self._live = live
        self._control = control
        self._steering = steering
        self._cores = cores
        self._reads = reads
        self._search = search
        self._settle = settle
        self._emit = emit
        self._thread = threading.Thread(target=self._run, name="aide-write")
        self.ready: deque[Node] = deque()
        self.again: deque[Node] = (
            deque()
        )  # in flight when an earlier process of the run ended, without a script
        self.trouble: ModelError | None = None
        self.unwritten: set[int] = set()  # nodes that the model failed at: resume has them written

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def has_more(self) -> bool:
        """Return whether there is a step that the model should still make."""
        if self.trouble is not None:
            return False
        return bool(self.again) or self._steering.waits(written=False) or not self._all_begun()

    def _all_begun(self) -> bool:
        steps = self._search().settings.written
        return steps is not None and self._live.tree.written >= steps

    def _run(self) -> None:
        try:
            while not self._control.halted.is_set():
                if self._live.wait(self._may_begin) and not self._control.halted.is_set():
                    self._write(self._next())
        except ModelError as error:
            self.trouble = error
            self._emit(Trouble(time.time(), error.message, error.fix))
            with self._live.changed:
                self._live.changed.notify_all()
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the reader of the events, which raises it
            self._control.fail(error)

    def _may_begin(self) -> bool:
        if self._control.halted.is_set():
            return True
        if self._control.paused.is_set() or not self.has_more():
            return False
        settings = self._search().settings
        if settings.exact:
            horizon = len(self._live.tree) - settings.pending
            return not any(node < horizon for node in in_flight(self._live.tree))
        return len(self.ready) <= READY_AHEAD - 1

    def _next(self) -> Node:
        """Return the next step's node, in the tree: what is left from before, what a person asked for, the policy's."""
        if self.again:
            left = self.again.popleft()
            self._live.put(left)
            return left

        def make(number: int, tree: Tree) -> Node:
            search = self._search()
            unfinished = in_flight(tree)
            if search.settings.exact:
                unfinished = tuple(range(max(0, number - search.settings.pending), number))
            asked = self._steering.take(number, written=False)
            if asked is not None:
                seed = asked.step.seed or rng(search.settings.seed, number, "sampling").getrandbits(31)
                return new_node(number, replace(asked.step, seed=seed), unfinished)
            view = self._reads(tree.seen_by(number, unfinished))
            return new_node(number, search.policy.ask(view, number), unfinished)

        node = self._live.add(make)
        assert node is not None, "the policy always has a step"
        return node

    def _write(self, node: Node) -> None:
        self._emit(NodeProposed(time.time(), node.id, step_of(node)))
        tree = self._live.tree
        view = self._reads(tree.seen_by(node.id, node.in_flight))
        for parent in (
            node.parent,
            node.other,
        ):  # a person may have chosen one that the policy does not see yet
            if parent is not None:
                view = view.tell(tree[parent])
        try:
            with self._cores.lease(1, Lane.WRITING, (-1,), self._control.halted):
                written = self._writer.write(node, view, scripts(tree, node.id))
        except Cancelled:
            self._live.put(replace(node, attempts=node.attempts - 1))  # not the node's fault
            raise
        except ModelError:
            self.unwritten.add(node.id)
            raise
        if written.error is not None:
            self.settle_as_buggy(written.node, written.error)
            return
        self._live.put(written.node)
        with self._live.changed:
            self.ready.append(written.node)
            self._live.changed.notify_all()

    def settle_as_buggy(self, node: Node, error: NodeError) -> None:
        """Finish a node whose script must not be executed."""
        self._settle(replace(node, state=NodeState.BUGGY, error=error))


def scripts(tree: Tree, beside: int) -> dict[str, int]:
    """Return the scripts of all nodes but one, by hash, each with its first node."""
    found: dict[str, int] = {}
    for node in tree.nodes:
        if node.id != beside and node.ast_hash:
            found.setdefault(node.ast_hash, node.id)
    return found
