"""Makes a run readable by others while it goes on: its time and its snapshot, at most every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from aide_local.errors import StoreError
from aide_local.events import Event, Trouble
from aide_local.store.protocol import RunStore

PUBLISH_EVERY = 2.0  # seconds
SAVE_TIME_EVERY = 10.0  # seconds; what a kill in a long execution may lose of the time limit's count


class Publisher:
    """A thread; ``changed`` says that there is something new. Also counts the wall time that the run has used."""

    def __init__(self, store: RunStore, emit: Callable[[Event], None]) -> None:
        self._store = store
        self._emit = emit
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
        """Wall seconds this run has used, in earlier processes too."""
        return self._used_before + time.monotonic() - self._began

    def save_time(self) -> None:
        with self._saving:
            now = time.monotonic()
            self._store.tick(now - self._saved_at)
            self._saved_at = now

    def _publish(self) -> None:
        told = False
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
                if not told:
                    self._emit(Trouble(time.time(), f"The run cannot be published for readers: {error}"))
                told = True
