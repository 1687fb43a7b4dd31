"""How a run is stopped, paused and ended by its time: requests from any thread and from signal handlers.

A request is only put into a queue that may be put to from a signal handler (:class:`queue.SimpleQueue`); one
thread applies the requests in their order. So no handler ever takes a lock, writes to the database, or acts on
a state that changes between its look and its act.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from aide_local.errors import AideError, Cancelled
from aide_local.events import Event, RunPaused, RunResumed, Trouble
from aide_local.store.protocol import RunStore

LOOK_EVERY = 0.2  # seconds: how late the end of the time may be noticed


@dataclass(frozen=True, slots=True)
class _Stop:
    now: bool


@dataclass(frozen=True, slots=True)
class _Pause:
    reason: str


class _Unpause: ...


class _Close: ...


_Request = _Stop | _Pause | _Unpause | _Close


class Control:
    """The flags that both lanes look at, and the thread that sets them.

    ``halted``: begin nothing new. ``cut_off``: executions and replies in flight are cancelled, too. ``out_of_time`` is
    asked now and then: True once the time limit leaves no more than the delivery needs. ``changed`` wakes the lanes;
    ``silence_model`` ends the model's present reply (with True: whatever it is writing).
    """

    def __init__(
        self,
        store: RunStore,
        emit: Callable[[Event], None],
        *,
        out_of_time: Callable[[], bool],
        changed: threading.Condition,
        silence_model: Callable[[bool], None],
    ) -> None:
        self._store = store
        self._emit = emit
        self._out_of_time = out_of_time
        self._changed = changed
        self._silence_model = silence_model
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="aide-control")
        self.halted = threading.Event()
        self.cut_off = threading.Event()
        self.at_once = threading.Event()  # by the person: nothing is delivered
        self.expired = threading.Event()
        self.paused = threading.Event()
        self.failure: BaseException | None = None

    # ---- requests: safe from any thread and from signal handlers ----

    def stop(self, now: bool = False) -> None:
        self._requests.put(_Stop(now))

    def pause(self, reason: str) -> None:
        self._requests.put(_Pause(reason))

    def unpause(self) -> None:
        self._requests.put(_Unpause())

    # ---- the thread ----

    def start(self) -> None:
        """Apply what was asked before the run began, then serve."""
        while not self._requests.empty():
            self._take(self._requests.get())
        self._thread.start()

    def close(self) -> None:
        self._requests.put(_Close())
        self._thread.join()

    def fail(self, error: BaseException) -> None:
        """End the run with an error that its reader is told; the first one counts. From any thread but handlers."""
        if self.failure is None and not isinstance(error, Cancelled):
            self.failure = error
        self._halt(cut_off=False)
        self._silence_model(True)

    def end(self) -> None:
        """The search is over: whatever still waits for something to do ends. From any thread but handlers."""
        self._halt(cut_off=False)

    def _serve(self) -> None:
        while True:
            try:
                request = self._requests.get(timeout=LOOK_EVERY)
            except queue.Empty:
                if not self.expired.is_set() and not self.halted.is_set() and self._out_of_time():
                    self.expired.set()
                    self._halt(cut_off=True)
                    self._silence_model(True)
                continue
            if isinstance(request, _Close):
                return
            self._take(request)

    def _take(self, request: _Request) -> None:
        try:
            self._apply(request)
        except (AideError, OSError) as error:  # the request holds; that it is not on record is told
            self._emit(Trouble(time.time(), f"A request is not on record: {error}"))

    def _apply(self, request: _Request) -> None:
        match request:
            case _Stop(now):
                if now:
                    self.at_once.set()
                self._halt(cut_off=now)
                self._silence_model(now)
            case _Pause(reason) if not self.paused.is_set():
                self.paused.set()
                self._emit(RunPaused(time.time(), reason))
                self._store.put_event("paused", {"reason": reason})
            case _Unpause() if self.paused.is_set():
                self.paused.clear()
                self._wake()
                self._emit(RunResumed(time.time()))
                self._store.put_event("resumed", {})

    def _halt(self, *, cut_off: bool) -> None:
        if cut_off:
            self.cut_off.set()
        self.halted.set()
        self._wake()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
