"""Make a run readable by others while it goes on: its time and its snapshot, at most every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from aide_local.errors import StoreError
from aide_local.evaluate.cores import Lane
from aide_local.events import Event, Trouble
from aide_local.store.protocol import RunStore

PUBLISH_EVERY = 2.0  # seconds
SAVE_TIME_EVERY = 10.0  # seconds; what a kill in a long execution may lose of the time limit's count


class Publisher:
    """A thread that publishes after ``changed``, and counts the time that the run and its lanes have used."""

    def __init__(
        self, store: RunStore, emit: Callable[[Event], None], busy: Callable[[Lane], float] = lambda lane: 0.0
    ) -> None:
        """Take ``busy`` for the core seconds of a lane so far."""
        self._store = store
        self._emit = emit
        self._busy = busy
        self._counted = dict.fromkeys(Lane, 0.0)
        self._used_before = store.seconds_used()
        self._began = self._saved_at = time.monotonic()
        self._saving = threading.Lock()
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._publish, name="aide-publisher")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def changed(self) -> None:
        self._dirty.set()

    def elapsed(self) -> float:
        """Return the wall seconds that this run has used, in earlier processes too."""
        return self._used_before + time.monotonic() - self._began

    def save_time(self) -> None:
        with self._saving:
            now = time.monotonic()
            busy = {lane: self._busy(lane) for lane in Lane}
            new = {lane: busy[lane] - self._counted[lane] for lane in Lane}
            self._store.tick(now - self._saved_at, new[Lane.WRITING], new[Lane.EXECUTING])
            self._saved_at, self._counted = now, busy

    def _publish(self) -> None:
        reported = False
        while not self._closing.wait(PUBLISH_EVERY):
            dirty = self._dirty.is_set()
            if not dirty and time.monotonic() - self._saved_at < SAVE_TIME_EVERY:
                continue
            self._dirty.clear()
            try:
                self.save_time()
                if dirty:
                    self._store.publish()
            except (StoreError, OSError) as error:
                if not reported:
                    self._emit(Trouble(time.time(), f"The run cannot be published for readers: {error}"))
                reported = True
