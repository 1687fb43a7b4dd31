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
    Steered,
    Trouble,
)
from aide_local.llm.protocol import LanguageModel
from aide_local.report.deliver import Deliver
from aide_local.run.full_disk import Room
from aide_local.run.publisher import Publisher
from aide_local.run.steering import Steering
from aide_local.run.writer import Writer, new_node, screened
from aide_local.search.policies import make_policy
from aide_local.search.policy import Policy, rng
from aide_local.search.tree import Tree
from aide_local.store.protocol import RunStore
from aide_local.types import Node, NodeError, NodeState, Origin, RunSettings, Step

MAX_ATTEMPTS = 2  # a node in flight when a run is killed is retried once


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a run is made of; built by :mod:`aide_local.run.assemble`."""

    store: RunStore
    settings: RunSettings
    tree: Tree  # the nodes of an earlier process of this run, if any
    policy: Policy
    model: LanguageModel
    # Of where events go, and of what ends a reply.
    writer: Callable[[Callable[[Event], None], Callable[[], bool]], Writer]
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
        self._policy = parts.policy
        self._steering = Steering(parts.store, frozenset(node.id for node in parts.tree.nodes))
        self._tree = self._steering.marked(parts.tree)
        self._changed = threading.Condition()
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._writer = parts.writer(self._events.put, lambda: self._interrupted)
        self._stopping = threading.Event()  # no new step; what executes may finish
        self._now = threading.Event()  # executions are cancelled, nothing is delivered
        self._expired = threading.Event()  # the time limit passed: executions are cancelled, then delivery
        self._running = threading.Event()
        self._running.set()
        self._cancel_executions = threading.Event()
        self._failure: BaseException | None = None
        self._executing: set[int] = set()
        self._publisher = Publisher(parts.store, self._events.put)
        self._room = Room(parts.store.folder, self._events.put, self._now)
        parts.store.patience = self._room.awaited
        self._timer: threading.Timer | None = None

    # ---- steering, from any thread ----

    def stop(self, now: bool = False) -> None:
        """Begin no new step and deliver once the executing candidates end; ``now``: stop at once, deliver nothing."""
        if now:
            self._now.set()
            self._cancel_executions.set()
        self._stopping.set()
        self._running.set()
        if now or self._writer.writing:  # else it may review what executes
            self._parts.model.cancel()

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

    def ask(self, step: Step, code: str = "") -> None:
        """Make this step next, before the policy is asked again; ``code`` is the script of a ``human`` step.

        Raises:
            SettingsError: the step cannot be made on the tree as it is.
        """
        asked = self._steering.ask(self._tree, step, code)
        self._events.put(Steered(time.time(), "asked", asked.step))
        with self._changed:
            self._changed.notify_all()

    def mark(self, kind: str, node: int) -> None:
        """``ban`` a node with all that grew from it, ``unban`` it, ``pin`` or ``unpin`` it."""
        self._steering.mark(kind, node)
        with self._changed:
            self._tree = self._steering.marked(self._tree)
        self._events.put(Steered(time.time(), kind, Step(self._tree[node].operator, node)))

    def change(self, **settings: object) -> None:
        """Other ``steps``, ``time_limit``, ``temperature`` or ``policy`` from the next step on.

        Raises:
            SettingsError: there is no such policy.
        """
        changed = replace(self._settings, **settings)  # type: ignore[arg-type]
        self._policy = make_policy(changed)
        self._store.put_settings(changed)
        self._settings = changed
        self._writer.sampling = replace(self._writer.sampling, temperature=changed.temperature)
        self._start_timer()

    @property
    def settings(self) -> RunSettings:
        """As they are now."""
        return self._settings

    @property
    def waiting(self) -> tuple[Step, ...]:
        """Steps that a person asked for and that are not begun."""
        return tuple(one.step for one in self._steering.waiting)

    @property
    def run_id(self) -> str:
        return self._store.run_id

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
        self._events.put(self._parts.started())
        coordinator.start()
        self._publisher.start()
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
            self._publisher.close()
            self._parts.close()

    def _coordinate(self) -> None:
        try:
            with ThreadPoolExecutor(self._settings.parallel, "aide-execute") as pool:
                try:
                    reason = self._search(pool)
                finally:  # the time limit holds for what still executes, too
                    self._wait(lambda: not self._executing)
                    if self._timer is not None:
                        self._timer.cancel()
            if self._failure is not None and not self._now.is_set():
                raise self._failure
            self._events.put(self._finish(reason))
            self._events.put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the reader of the events, which raises it
            self._events.put(error)

    # ---- the search ----

    def _search(self, pool: ThreadPoolExecutor) -> str:
        """Make nodes until there is a reason to stop; returns the reason."""
        self._start_timer()
        try:
            for node in self._in_flight_before():
                self._retry(node, pool)
            while True:
                step_number = len(self._tree)
                reason = self._reason_to_stop(step_number)
                if reason:
                    return reason
                if self._all_begun(step_number):
                    self._await_the_last()
                elif self._ready(step_number):
                    self._make(self._next(step_number), pool)
        except ModelError as error:
            self._wait(lambda: not self._executing)  # one of them may become the first that can be delivered
            if self._tree.best is None:
                raise
            self._events.put(Trouble(time.time(), error.message, error.fix))
            return "model trouble"

    def _next(self, step_number: int) -> Node:
        """What a person asked for, else what the policy chooses."""
        asked = self._steering.take(step_number)
        if asked is None:
            view = self._tree.seen_from(step_number, self._settings.pending)
            return new_node(step_number, self._policy.ask(view, step_number))
        seed = asked.step.seed or rng(self._settings.seed, step_number, "sampling").getrandbits(31)
        node = new_node(step_number, replace(asked.step, seed=seed))
        if not asked.code:
            return node
        plan = asked.step.hint or "Written by hand."
        return replace(node, code=asked.code, plan=plan, origin=Origin.PERSON)

    def _all_begun(self, step_number: int) -> bool:
        return step_number >= self._settings.steps and not self._steering.waiting

    def _reason_to_stop(self, step_number: int) -> str:
        # Asked first: the last one may fail in this moment.
        all_done = not self._executing and self._all_begun(step_number)
        if self._failure is not None:
            raise self._failure
        if self._now.is_set():
            return "stopped at once"
        if self._stopping.is_set() and not self._expired.is_set():
            return "stopped by the person"
        if self._expired.is_set():
            return "time limit"
        return "all steps done" if all_done else ""

    def _await_the_last(self) -> None:
        """Until the last candidate ends a person may ask for a further step, or allow more of them."""
        self._wait(
            lambda: self._interrupted or not self._executing or not self._all_begun(len(self._tree)),
        )

    def _ready(self, step_number: int) -> bool:
        """Wait until the choice of ``step_number`` may be made; False where something else happened."""
        horizon = step_number - self._settings.pending
        self._wait(
            lambda: (
                self._interrupted
                or (self._running.is_set() and not any(node < horizon for node in self._executing))
            ),
        )
        return not self._interrupted

    @property
    def _interrupted(self) -> bool:
        return self._stopping.is_set() or self._failure is not None

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
        step = Step(node.operator, node.parent, node.other, node.hint, node.seed, node.origin)
        self._events.put(NodeProposed(time.time(), node.id, step))
        view = self._view_of(node)
        error: NodeError | None = None
        if not node.ast_hash:
            try:
                tried = self._tried(node.id)
                written = (
                    screened(node, self._writer.modules, tried)
                    if node.code
                    else self._writer.write(node, view, tried)
                )
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

    def _view_of(self, node: Node) -> Tree:
        """What the step that makes ``node`` may know: always its parents, which a person may have chosen."""
        view = self._tree.seen_from(node.id, self._settings.pending)
        for parent in (node.parent, node.other):
            if parent is not None:
                view = view.tell(self._tree[parent])
        return view

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
            result = self._room.tried(lambda: self._evaluated(node, incumbent))
            self._store.put_executions(node.id, node.attempts, result.executions)
            self._settle(result.applied_to(node))
        except Cancelled:
            self._put(replace(node, attempts=node.attempts - 1))
        except BaseException as error:  # noqa: BLE001 - handed to the coordinating thread, which raises it
            self._failure = _as_failure(error)
            self._parts.model.cancel()
        finally:
            with self._changed:
                self._executing.discard(node.id)
                self._changed.notify_all()

    def _evaluated(self, node: Node, incumbent: Incumbent | None) -> Evaluation:
        """Raises DiskFull, too, where a script failed for want of room: that is not the script's fault."""
        result = self._parts.evaluator.evaluate(
            node.id,
            node.code,
            incumbent=incumbent,
            on_output=lambda fold, text: self._events.put(OutputStreamed(time.time(), node.id, fold, text)),
            on_fold=lambda fold: self._events.put(FoldScored(time.time(), node.id, fold)),
            cancel=self._cancel_executions,
        )
        if result.error is not None:
            self._room.check(result.error.message)
        return result

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
        self._publisher.changed()
        return before, after

    def _wait(self, condition: Callable[[], bool]) -> None:
        # The timeout lets a flag set from a signal handler, which must not take the lock, be seen.
        with self._changed:
            while not condition():
                self._changed.wait(0.1)

    # ---- time ----

    def elapsed(self) -> float:
        """Wall seconds this run has used, in earlier processes too."""
        return self._publisher.elapsed()

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        limit = self._settings.time_limit
        if limit is not None:
            self._timer = threading.Timer(max(0.0, limit - self.elapsed()), self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        self._expired.set()
        self._stopping.set()
        self._cancel_executions.set()
        self._parts.model.cancel()

    # ---- the end ----

    def _finish(self, reason: str) -> RunFinished:
        self._store.put_event("stopped", {"reason": reason})
        self._publisher.save_time()
        if self._now.is_set():
            self._store.set_state("stopped", reason)
            self._store.publish()
            return RunFinished(time.time(), self._store.run_id, reason, {}, 130)
        summary = self._room.tried(lambda: self._parts.deliver(self._tree, reason, self.elapsed()))
        self._store.put_result(summary)
        finished = reason == "all steps done"
        self._store.set_state("finished" if finished else "stopped", reason)
        self._store.publish()
        code = 0 if self._tree.best is not None else 1
        return RunFinished(time.time(), self._store.run_id, reason, summary, code)


def _as_failure(error: BaseException) -> BaseException:
    """A full or vanished disk is something that a person can fix; anything else goes up as it is."""
    if isinstance(error, OSError) and not isinstance(error, AideError):
        return StoreError(
            f"The run's folder cannot be written: {error.strerror or error} ({error.filename or 'no file named'}).",
            "Make room or fix the folder, then continue with `aide-local resume`; no finished node is lost.",
        )
    return error
