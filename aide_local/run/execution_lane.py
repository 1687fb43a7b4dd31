"""The execution lane: it keeps the cores busy with scripts, whoever wrote them, and says when the search is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from aide_local.errors import AideError, Cancelled, StoreError
from aide_local.evaluate.compare import compare, rival_of
from aide_local.evaluate.protocol import Evaluation, Evaluator
from aide_local.events import (
    BestImproved,
    Event,
    ExecutionStarted,
    FoldScored,
    NodeFinished,
    NodeProposed,
    OutputStreamed,
)
from aide_local.run.control import Control
from aide_local.run.full_disk import Room
from aide_local.run.live_tree import LiveTree, in_flight
from aide_local.run.sources import Sources
from aide_local.run.steering import Steering
from aide_local.run.writer import new_node, screened, step_of
from aide_local.run.writing_lane import WritingLane, scripts
from aide_local.search.tree import Tree
from aide_local.store.protocol import RunStore
from aide_local.types import Node, NodeState, Operator, Origin, RunSettings, StopReason

MAX_ATTEMPTS = 2  # a node in flight when a run is killed is tried again once
# How far behind the best a node may be and still go on, as a share of the way from the constant guess to the best. A
# draft brings another kind of model, which helps an ensemble though it is weaker by itself; a tuned node brings nothing
# but its score.
TOLERANCE = {Operator.DRAFT: 0.3, Operator.HUMAN: 0.3, Operator.TUNE: 0.0}
OTHERS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What scores of this run are compared by, in units of its metric."""

    gain: float  # a whole unit of progress, for "a gain counts"
    constant: float | None  # the score of the best constant guess


class ExecutionLane:
    """Executes scripts until there is a reason to stop; a pool of threads waits for them, one thread a node."""

    def __init__(
        self,
        evaluator: Evaluator,
        store: RunStore,
        live: LiveTree,
        control: Control,
        steering: Steering,
        room: Room,
        writing: WritingLane,
        sources: Sources,
        *,
        settings: Callable[[], RunSettings],
        remaining: Callable[[], float | None],
        modules: frozenset[str],
        scale: Scale,
        emit: Callable[[Event], None],
    ) -> None:
        self._evaluator = evaluator
        self._store = store
        self._live = live
        self._control = control
        self._steering = steering
        self._room = room
        self._writing = writing
        self._sources = sources
        self._settings = settings
        self._remaining = remaining
        self._modules = modules
        self._scale = scale
        self._emit = emit
        self._executing: set[int] = set()

    def run(self, width: int, again: list[Node]) -> StopReason:
        """Execute at most ``width`` nodes at once until the search is over, ``again`` first; returns why it is.

        Raises:
            AideError: the run could not go on.
        """
        with ThreadPoolExecutor(width, "aide-execute") as pool:
            while True:
                self._live.wait(lambda: self._control.halted.is_set() or self._free(width))
                reason = self._reason_to_stop(bool(again))
                if reason is not None:
                    break
                if not self._free(width):
                    continue
                node = again.pop(0) if again else self._next()
                if node is not None:
                    self._begin(node, pool)
                else:
                    self._live.wait(lambda: self._control.halted.is_set() or bool(self._writing.ready), 0.1)
        if self._control.failure is not None and not self._control.at_once.is_set():
            raise self._control.failure
        return reason

    def _free(self, width: int) -> bool:
        return not self._control.paused.is_set() and len(self._executing) < width

    def _reason_to_stop(self, more: bool) -> StopReason | None:
        control = self._control
        with self._live.changed:
            unfinished = set(in_flight(self._live.tree)) - self._writing.unwritten
            done = not more and not unfinished and not self._writing.has_more()
            if control.failure is not None:
                return StopReason.FAILURE
            if control.at_once.is_set():
                return StopReason.AT_ONCE
            if control.expired.is_set():
                return StopReason.TIME
            if control.halted.is_set():
                return StopReason.PERSON
            if not done or control.paused.is_set() or self._steering.waits(written=True):
                return None
            tree = self._live.tree
            if self._sources.next(tree, self._settings(), len(tree), model_waits=False) is not None:
                return None
            return StopReason.STEPS if self._writing.trouble is None else StopReason.MODEL

    def take_up(self) -> list[Node]:
        """Settle or take up the nodes in flight when an earlier process of this run ended; returns those to execute.

        Must be called before the writing lane starts: its nodes are in flight, too, and none of an earlier process.
        A further attempt counts, and is stored, once it begins.
        """
        again: list[Node] = []
        if self._control.halted.is_set():
            return again
        for node in self._live.tree.nodes:
            if node.state is not NodeState.PENDING:
                continue
            if node.attempts >= MAX_ATTEMPTS:
                self.settle(replace(node, state=NodeState.INTERRUPTED))
                continue
            node = replace(node, attempts=node.attempts + 1)
            if node.code:
                again.append(node)
            else:
                self._writing.again.append(node)
        return again

    def _next(self) -> Node | None:
        """Return the node to execute next, in the tree; None if there is nothing to execute now."""

        def asked(number: int, tree: Tree) -> Node | None:
            one = self._steering.take(number, written=True)
            if one is None:
                return None
            step = replace(one.step, code=one.code, plan=one.step.hint or "Written by hand.")
            return new_node(number, replace(step, origin=Origin.PERSON), in_flight(tree))

        node = self._live.add(asked)
        while node is None:  # until no other thread has taken the id meanwhile
            tree = self._live.tree
            waits = bool(self._writing.ready)
            step = self._sources.next(tree, self._settings(), len(tree), model_waits=waits)
            if step is None:
                return self._writing.ready.popleft() if self._writing.ready else None
            node = self._live.claim(new_node(len(tree), step, in_flight(tree)))
        self._emit(NodeProposed(time.time(), node.id, step_of(node)))
        return node

    def _begin(self, node: Node, pool: ThreadPoolExecutor) -> None:
        tree = self._live.tree
        if not node.ast_hash:
            written = screened(node, self._modules, scripts(tree, node.id))
            if written.error is not None:
                self._writing.settle_as_buggy(written.node, written.error)
                return
            node = written.node
        self._live.put(node)
        self._executing.add(node.id)
        pool.submit(self._execute, node, tree.seen_by(node.id, node.in_flight))

    def _execute(self, node: Node, view: Tree) -> None:
        """In a thread of the pool: evaluate, store, tell."""
        try:
            self._emit(ExecutionStarted(time.time(), node.id))
            result = self._room.tried(lambda: self._evaluate(node, view))
            self._store.put_executions(node.id, node.attempts, result.executions)
            self.settle(result.applied_to(node))
        except Cancelled:
            self._live.put(replace(node, attempts=node.attempts - 1))
        except BaseException as error:  # noqa: BLE001 - handed to the reader of the events, which raises it
            self._control.fail(_as_failure(error))
        finally:
            with self._live.changed:
                self._executing.discard(node.id)
                self._live.changed.notify_all()

    def _evaluate(self, node: Node, view: Tree) -> Evaluation:
        """Evaluate one node.

        Raises:
            DiskFull: the disk is, also if only a script says so: that is not the script's fault.
        """
        settings, remaining = self._settings(), self._remaining()
        result = self._evaluator.evaluate(
            node.id,
            node.code,
            rival=rival_of(view.best, view.complete, self._scale.gain, self._tolerance(node, view))
            if settings.racing
            else None,
            wall=settings.execution_limit(remaining),
            on_output=lambda fold, text: self._emit(OutputStreamed(time.time(), node.id, fold, text)),
            on_fold=lambda fold: self._emit(FoldScored(time.time(), node.id, fold)),
            cancel=self._control.cut_off,
        )
        if result.error is not None:
            self._room.check(result.error.message)
        return result

    def _tolerance(self, node: Node, view: Tree) -> float:
        """Return how far behind the best a node may be and still go on, in units of the metric."""
        best, constant = view.best, self._scale.constant
        if best is None or best.metric is None or constant is None:
            return 0.0
        return TOLERANCE.get(node.operator, OTHERS) * abs(best.metric - constant)

    def settle(self, node: Node) -> None:
        """Give a node its final state: durable first, then told."""
        before, after = self._live.put(node)
        self._emit(NodeFinished(time.time(), node))
        if node.metric is not None and after is not None and after.id == node.id:
            direction = self._live.tree.direction
            counted = before is None or compare(node.folds, before.folds, direction, self._scale.gain).counts
            self._emit(BestImproved(time.time(), node.id, node.metric, counted))


def _as_failure(error: BaseException) -> BaseException:
    """Return a full or vanished disk as an error that a person can do something about; anything else as it is."""
    if isinstance(error, OSError) and not isinstance(error, AideError):
        return StoreError(
            f"The run's folder cannot be written: {error.strerror or error} ({error.filename or 'no file named'}).",
            "Make room or fix the folder, then continue with `aide-local resume`; no finished node is lost.",
        )
    return error
