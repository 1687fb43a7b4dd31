"""A run of the search in this process: two lanes, one iterator of events.

The writing lane (:mod:`.writing_lane`) asks the policy and has the model write; the execution lane
(:mod:`.execution_lane`) keeps the cores busy with what is written, with the playbook and with the tuner. A node is in
the store before it is in an event.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from aide_local.errors import SettingsError
from aide_local.evaluate.cores import CoreBudget, Lane
from aide_local.evaluate.protocol import Evaluator
from aide_local.events import Event, RunFinished, Steered, Trouble
from aide_local.llm.protocol import LanguageModel
from aide_local.run.control import Control
from aide_local.run.execution_lane import ExecutionLane, Scale
from aide_local.run.full_disk import Room
from aide_local.run.live_tree import LiveTree
from aide_local.run.publisher import Publisher
from aide_local.run.sources import Sources
from aide_local.run.steering import Steering
from aide_local.run.writer import Writer
from aide_local.run.writing_lane import Search, WritingLane
from aide_local.search.policies import make_policy
from aide_local.search.tree import Tree
from aide_local.store.protocol import RunStore
from aide_local.types import RunSettings, RunState, Sampling, Step, StopReason, Summary

CHANGEABLE = frozenset({"steps", "time_limit", "temperature", "policy", "tune"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What the delivery is told: how the search ended, and what it used."""

    reason: StopReason
    seconds: float  # wall time of the run
    seconds_left: float | None  # for the delivery; None: no limit
    writing: float  # core seconds in which the model wrote
    executing: float  # core seconds in which scripts were executed
    cores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a run, built by :mod:`aide_local.run.assemble`."""

    store: RunStore
    settings: RunSettings
    tree: Tree  # the nodes of an earlier process of this run, if any
    model: LanguageModel
    # (emit, halted, sampling) -> the writer
    writer: Callable[[Callable[[Event], None], Callable[[], bool], Callable[[], Sampling]], Writer]
    sampling: Callable[[RunSettings], Sampling]
    evaluator: Evaluator
    cores: CoreBudget
    sources: Sources
    modules: frozenset[str]  # that scripts can import
    reads: Callable[[Tree], Tree]  # the part of a tree that the model can make something of
    deliver: Callable[[Tree, Ending], Summary]
    reserve: Callable[[Tree], float]  # seconds that the delivery will need
    scale: Scale
    started: Callable[[], Event]  # makes the first event
    troubles: tuple[str, ...] = ()  # that do not keep the run from beginning
    close: Callable[[], None]


class Run:
    """One run. ``stop``, ``pause`` and ``unpause`` are safe from any thread and from signal handlers, all else from
    any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._publisher = Publisher(parts.store, self._events.put, parts.cores.busy)
        self._steering = Steering(parts.store, frozenset(node.id for node in parts.tree.nodes))
        self._live = LiveTree(parts.store, self._steering.marked(parts.tree), self._publisher.changed)
        self._search = Search(parts.settings, make_policy(parts.settings))
        self._changing = threading.Lock()
        self._control = Control(
            parts.store,
            self._events.put,
            out_of_time=self._out_of_time,
            changed=self._live.changed,
            silence_model=self._silence,
        )
        self._room = Room(parts.store.folder, self._events.put, self._control.at_once)
        parts.store.patience = self._room.awaited
        self._writer = parts.writer(
            self._events.put, self._control.halted.is_set, lambda: parts.sampling(self.settings)
        )
        self._writing = WritingLane(
            self._writer,
            self._live,
            self._control,
            self._steering,
            parts.cores,
            reads=parts.reads,
            search=lambda: self._search,
            settle=lambda node: self._executing.settle(node),
            emit=self._events.put,
        )
        self._executing = ExecutionLane(
            parts.evaluator,
            parts.store,
            self._live,
            self._control,
            self._steering,
            self._room,
            self._writing,
            parts.sources,
            settings=lambda: self.settings,
            remaining=self._remaining,
            modules=parts.modules,
            scale=parts.scale,
            emit=self._events.put,
        )

    # ---- steering ----

    def stop(self, now: bool = False) -> None:
        """Begin no new step and deliver once the executing candidates end; ``now``: stop at once, deliver nothing."""
        self._control.stop(now)

    def pause(self, reason: str = "by the person") -> None:
        """Let the work in flight finish and begin nothing new until ``unpause``."""
        self._control.pause(reason)

    def unpause(self) -> None:
        """Go on after a pause."""
        self._control.unpause()

    def ask(self, step: Step, code: str = "") -> None:
        """Make this step next, before the policy is asked again; ``code`` is the script of a ``human`` step.

        Raises:
            SettingsError: the step cannot be made on the tree as it is.
        """
        asked = self._steering.ask(self._live.tree, step, code)
        self._events.put(Steered(time.time(), "asked", asked.step))
        with self._live.changed:
            self._live.changed.notify_all()

    def mark(self, kind: str, node: int) -> None:
        """``ban`` a node with all that grew from it, ``unban`` it, ``pin`` or ``unpin`` it."""
        self._steering.mark(kind, node)
        tree = self._live.replace(self._steering.marked)
        self._events.put(Steered(time.time(), kind, Step(tree[node].operator, node)))

    def change(self, **settings: object) -> None:
        """Change ``steps``, ``time_limit``, ``temperature``, ``policy`` or ``tune`` from the next step on.

        Raises:
            SettingsError: there is no such policy, or the setting cannot be changed in a run.
        """
        fixed = sorted(set(settings) - CHANGEABLE)
        if fixed:
            raise SettingsError(
                f"{', '.join(fixed)} cannot be changed while a run goes on.",
                f"These can: {', '.join(sorted(CHANGEABLE))}.",
            )
        with self._changing:
            changed = replace(self._search.settings, **settings)  # type: ignore[arg-type]
            search = Search(changed, make_policy(changed))
            self._store.put_settings(changed)
            self._search = search  # one assignment: who reads it sees the settings with their policy
        with self._live.changed:
            self._live.changed.notify_all()

    @property
    def settings(self) -> RunSettings:
        """The settings as they are now."""
        return self._search.settings

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
        return self._live.tree

    # ---- time ----

    def elapsed(self) -> float:
        """Return the wall seconds that this run has used, in earlier processes too."""
        return self._publisher.elapsed()

    def _remaining(self) -> float | None:
        limit = self.settings.time_limit
        return None if limit is None else limit - self.elapsed()

    def _out_of_time(self) -> bool:
        remaining = self._remaining()
        return remaining is not None and remaining <= self._parts.reserve(self._live.tree)

    def _silence(self, whatever: bool) -> None:
        if whatever or self._writer.writing:  # else it may review what executes
            self._parts.model.cancel()

    # ---- the iterator ----

    def events(self) -> Iterator[Event]:
        """Run the search; the last event is :class:`RunFinished`. Leaving the iterator early stops the run.

        Raises:
            AideError: the run could not go on (full disk, model gone for good with nothing to deliver);
                every finished node is in the store, and ``resume`` continues it.
        """
        coordinator = threading.Thread(target=self._coordinate, name="aide-coordinator")
        self._events.put(self._parts.started())
        for message in self._parts.troubles:
            self._events.put(Trouble(time.time(), message))
        self._control.start()
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
            self._control.close()
            self._publisher.close()
            self._parts.close()

    def _coordinate(self) -> None:
        try:
            again = self._executing.take_up()
            self._writing.start()
            width = self.settings.width(len(self._parts.cores))
            try:
                reason = self._executing.run(width, again)
            finally:
                self._control.end()
                self._writing.join()
            if reason is StopReason.MODEL and self._live.tree.best is None:
                assert self._writing.trouble is not None
                raise self._writing.trouble
            self._events.put(self._finish(reason))
            self._events.put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the reader of the events, which raises it
            self._events.put(error)

    def _finish(self, reason: StopReason) -> RunFinished:
        self._store.put_event("stopped", {"reason": reason.value})
        self._publisher.save_time()
        if reason is StopReason.AT_ONCE:
            self._store.set_state(RunState.STOPPED, reason)
            self._store.publish()
            return RunFinished(time.time(), self._store.run_id, reason, None, 130)
        ending = Ending(
            reason=reason,
            seconds=self.elapsed(),
            seconds_left=self._remaining(),
            writing=self._parts.cores.busy(Lane.WRITING),
            executing=self._parts.cores.busy(Lane.EXECUTING),
            cores=len(self._parts.cores),
        )
        summary = self._room.tried(lambda: self._parts.deliver(self._live.tree, ending))
        self._store.put_result(summary)
        finished = reason is StopReason.STEPS
        self._store.set_state(RunState.FINISHED if finished else RunState.STOPPED, reason)
        self._store.publish()
        code = 0 if self._live.tree.best is not None else 1
        return RunFinished(time.time(), self._store.run_id, reason, summary, code)
