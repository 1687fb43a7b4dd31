"""The run loop: ask the policy, let the model write, execute, tell the tree; one iterator of events.

Two lanes: the coordinating thread asks and writes (the model does one thing at a time), a pool of
``parallel`` threads executes. The choice of node *n* sees the nodes before it, the last ``pending`` of
them as in flight, so it never depends on timing. A node is in the store before it is in an event.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from aide_local.deliver import Deliver
from aide_local.errors import AideError, Cancelled, ModelError, StoreError
from aide_local.evaluate.compare import compare
from aide_local.evaluate.protocol import Evaluation, Evaluator, Incumbent
from aide_local.events import (
    BestImproved,
    Event,
    ExecutionStarted,
    FoldScored,
    NodeFinished,
    NodeProposed,
    OutputStreamed,
    RunFinished,
    RunPaused,
    RunResumed,
    Trouble,
)
from aide_local.lanes import Writer, new_node
from aide_local.llm.protocol import Engine
from aide_local.policy import Policy
from aide_local.store.protocol import RunStore
from aide_local.tree import Tree
from aide_local.types import Node, NodeError, NodeState, RunSettings, Step

MAX_ATTEMPTS = 2  # a node in flight when a run is killed is retried once
PUBLISH_EVERY = 3.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a run is made of; built by :mod:`aide_local.engine`."""

    store: RunStore
    settings: RunSettings
    tree: Tree  # the nodes of an earlier process of this run, if any
    policy: Policy
    engine: Engine
    writer: Callable[[Callable[[Event], None]], Writer]
    evaluator: Evaluator
    deliver: Deliver
    gain_scale: float  # of the metric, for "a gain counts"
    started: Callable[[], Event]  # makes the first event
    close: Callable[[], None]


class Run:
    """One run of the search in this process. ``stop``, ``pause`` and ``unpause`` are safe from any thread
    and from signal handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store
        self._settings = parts.settings
        self._tree = parts.tree
        self._changed = threading.Condition()
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._writer = parts.writer(self._events.put)
        self._stopping = threading.Event()  # no new step; what executes may finish
        self._now = threading.Event()  # executions are cancelled, nothing is delivered
        self._expired = threading.Event()  # the time limit passed: executions are cancelled, then delivery
        self._running = threading.Event()
        self._running.set()
        self._cancel_executions = threading.Event()
        self._failure: BaseException | None = None
        self._executing: set[int] = set()
        self._began = self._saved_at = time.monotonic()
        self._used_before = parts.store.seconds_used()
        self._dirty = threading.Event()
        self._closing = threading.Event()

    # ---- steering, from any thread ----

    def stop(self, now: bool = False) -> None:
        """Begin no new step and deliver once the executing candidates end; ``now``: stop at once, deliver nothing."""
        if now:
            self._now.set()
            self._cancel_executions.set()
        self._stopping.set()
        self._running.set()
        self._parts.engine.cancel()

    def pause(self, reason: str = "by the person") -> None:
        """Let the work in flight finish and begin nothing new until ``unpause``."""
        if self._running.is_set():
            self._running.clear()
            self._store.put_event("paused", {"reason": reason})
            self._events.put(RunPaused(time.time(), reason))

    def unpause(self) -> None:
        if not self._running.is_set():
            self._store.put_event("resumed", {})
            self._running.set()
            self._events.put(RunResumed(time.time()))

    @property
    def tree(self) -> Tree:
        """The tree as it is now."""
        return self._tree

    # ---- the iterator ----

    def events(self) -> Iterator[Event]:
        """Run the search; the last event is :class:`RunFinished`. Leaving the iterator early stops the run.

        Raises:
            AideError: the run could not go on (full disk, model gone for good with nothing to deliver);
                every finished node is in the store, and ``resume`` continues it.
        """
        coordinator = threading.Thread(target=self._coordinate, name="aide-coordinator")
        publisher = threading.Thread(target=self._publish, name="aide-publisher")
        self._events.put(self._parts.started())
        coordinator.start()
        publisher.start()
        ended = False
        try:
            while not ended:
                event = self._events.get()
                ended = event is None or isinstance(event, BaseException)
                if isinstance(event, BaseException):
                    raise event
                if event is not None:
                    yield event
        finally:
            if not ended:
                self.stop(now=True)
            coordinator.join()
            self._closing.set()
            publisher.join()
            self._parts.close()

    def _coordinate(self) -> None:
        try:
            with ThreadPoolExecutor(self._settings.parallel, "aide-execute") as pool:
                try:
                    reason = self._search(pool)
                finally:
                    self._wait(lambda: not self._executing)
            self._events.put(self._finish(reason))
            self._events.put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the reader of the events, which raises it
            self._events.put(error)

    # ---- the search ----

    def _search(self, pool: ThreadPoolExecutor) -> str:
        """Make nodes until there is a reason to stop; returns the reason."""
        timer = self._start_timer()
        try:
            for node in self._in_flight_before():
                self._retry(node, pool)
            while True:
                step_number = len(self._tree)
                reason = self._reason_to_stop(step_number)
                if reason:
                    return reason
                if not self._ready(step_number):
                    continue
                view = self._tree.seen_from(step_number, self._settings.pending)
                node = new_node(step_number, self._parts.policy.ask(view, step_number))
                self._make(node, pool)
        except ModelError as error:
            if self._tree.best is None:
                raise
            self._events.put(Trouble(time.time(), error.message, error.mend))
            return "model trouble"
        finally:
            if timer is not None:
                timer.cancel()

    def _reason_to_stop(self, step_number: int) -> str:
        if self._failure is not None:
            raise self._failure
        if self._now.is_set():
            return "stopped at once"
        if self._stopping.is_set() and not self._expired.is_set():
            return "stopped by the person"
        if self._expired.is_set():
            return "time limit"
        if step_number >= self._settings.steps:
            return "all steps done"
        return ""

    def _ready(self, step_number: int) -> bool:
        """Wait until the choice of ``step_number`` may be made; False where something else happened."""
        horizon = step_number - self._settings.pending
        self._wait(
            lambda: (
                self._stopping.is_set()
                or self._failure is not None
                or (self._running.is_set() and not any(node < horizon for node in self._executing))
            ),
        )
        return not self._stopping.is_set() and self._failure is None

    def _in_flight_before(self) -> tuple[Node, ...]:
        return tuple(node for node in self._tree.nodes if node.state is NodeState.PENDING)

    def _retry(self, node: Node, pool: ThreadPoolExecutor) -> None:
        """A node that was in flight when the run ended: once more, or for good ``interrupted``."""
        if self._reason_to_stop(-1):
            return
        if node.attempts >= MAX_ATTEMPTS:
            self._settle(replace(node, state=NodeState.INTERRUPTED))
            return
        if self._ready(node.id):
            self._make(replace(node, attempts=node.attempts + 1), pool)

    def _make(self, node: Node, pool: ThreadPoolExecutor) -> None:
        """Write the node where it has no code yet, then execute it in the pool."""
        self._put(node)
        step = Step(node.operator, node.parent, node.other, node.hint, node.seed)
        self._events.put(NodeProposed(time.time(), node.id, step))
        view = self._tree.seen_from(node.id, self._settings.pending)
        error: NodeError | None = None
        if not node.code:
            try:
                written = self._writer.write(node, view, self._tried(node.id))
            except Cancelled:
                self._put(replace(node, attempts=node.attempts - 1))  # not the node's fault
                return
            node, error = written.node, written.error
        if error is not None:
            self._settle(replace(node, state=NodeState.BUGGY, error=error))
            return
        self._put(node)
        best = view.best
        incumbent = Incumbent(best.id, best.folds) if best is not None and self._settings.racing else None
        self._executing.add(node.id)
        pool.submit(self._execute, node, incumbent)

    def _tried(self, before: int) -> dict[str, int]:
        tried: dict[str, int] = {}
        for node in self._tree.nodes:
            if node.id < before and node.ast_hash:
                tried.setdefault(node.ast_hash, node.id)
        return tried

    def _execute(self, node: Node, incumbent: Incumbent | None) -> None:
        """In a pool thread: evaluate, store, tell."""
        try:
            self._events.put(ExecutionStarted(time.time(), node.id))
            result = self._parts.evaluator.evaluate(
                node.id,
                node.code,
                incumbent=incumbent,
                on_output=lambda fold, text: self._events.put(
                    OutputStreamed(time.time(), node.id, fold, text)
                ),
                on_fold=lambda fold: self._events.put(FoldScored(time.time(), node.id, fold)),
                cancel=self._cancel_executions,
            )
            self._settle(_with_result(node, result))
        except Cancelled:
            self._put(replace(node, attempts=node.attempts - 1))
        except BaseException as error:  # noqa: BLE001 - handed to the coordinating thread, which raises it
            self._failure = _as_failure(error)
            self._parts.engine.cancel()
        finally:
            with self._changed:
                self._executing.discard(node.id)
                self._changed.notify_all()

    def _settle(self, node: Node) -> None:
        """A node has its final state: durable first, then told."""
        before, after = self._put(node)
        self._events.put(NodeFinished(time.time(), node))
        if node.metric is not None and after is not None and after.id == node.id:
            direction = self._tree.direction
            counted = (
                before is None or compare(node.folds, before.folds, direction, self._parts.gain_scale).counts
            )
            self._events.put(BestImproved(time.time(), node.id, node.metric, counted))

    def _put(self, node: Node) -> tuple[Node | None, Node | None]:
        """Store the node, then put it into the tree; returns the best node before and after."""
        with self._changed:
            before = self._tree.best
            self._store.put_node(node)
            self._tree = self._tree.tell(node)
            self._changed.notify_all()
            after = self._tree.best
        self._dirty.set()
        return before, after

    def _wait(self, condition: Callable[[], bool]) -> None:
        # The timeout lets a flag set from a signal handler, which must not take the lock, be seen.
        with self._changed:
            while not condition():
                self._changed.wait(0.1)

    # ---- time ----

    def elapsed(self) -> float:
        """Wall seconds this run has used, in earlier processes too."""
        return self._used_before + time.monotonic() - self._began

    def _start_timer(self) -> threading.Timer | None:
        limit = self._settings.time_limit
        if limit is None:
            return None
        timer = threading.Timer(max(0.0, limit - self._used_before), self._expire)
        timer.daemon = True
        timer.start()
        return timer

    def _expire(self) -> None:
        self._expired.set()
        self._stopping.set()
        self._cancel_executions.set()
        self._parts.engine.cancel()

    def _publish(self) -> None:
        """Make what happened readable by others, at most every few seconds."""
        told = False
        while not self._closing.wait(PUBLISH_EVERY):
            if not self._dirty.is_set():
                continue
            self._dirty.clear()
            try:
                self._save_time()
                self._store.publish()
            except (StoreError, OSError) as error:
                if not told:
                    self._events.put(
                        Trouble(time.time(), f"The run cannot be published for readers: {error}")
                    )
                told = True

    def _save_time(self) -> None:
        with self._changed:
            now = time.monotonic()
            self._store.tick(now - self._saved_at)
            self._saved_at = now

    # ---- the end ----

    def _finish(self, reason: str) -> RunFinished:
        self._store.put_event("stopped", {"reason": reason})
        self._save_time()
        if self._now.is_set():
            self._store.set_state("stopped", reason)
            self._store.publish()
            return RunFinished(time.time(), self._store.run_id, reason, {}, 130)
        summary = self._parts.deliver(self._tree, reason, self.elapsed())
        self._store.put_result(summary)
        finished = reason == "all steps done"
        self._store.set_state("finished" if finished else "stopped", reason)
        self._store.publish()
        code = 0 if self._tree.best is not None else 1
        return RunFinished(time.time(), self._store.run_id, reason, summary, code)


def _with_result(node: Node, result: Evaluation) -> Node:
    return replace(
        node,
        state=NodeState.BUGGY if result.error else NodeState.VALID,
        metric=result.metric,
        complete=result.complete,
        folds=result.folds,
        error=result.error,
        output=result.output,
        usage=result.usage,
        predictions=result.predictions,
    )


def _as_failure(error: BaseException) -> BaseException:
    """A full or vanished disk is something that a person can mend; anything else goes up as it is."""
    if isinstance(error, OSError) and not isinstance(error, AideError):
        return StoreError(
            f"The run's folder cannot be written: {error.strerror or error} ({error.filename or 'no file named'}).",
            "Make room or mend the folder, then continue with `aide-local resume`; no finished node is lost.",
        )
    return error
