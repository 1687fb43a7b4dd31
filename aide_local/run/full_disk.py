"""A full disk pauses a run: what could not be written is tried again once there is room."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from aide_local.errors import AideError, DiskFull
from aide_local.events import Event, RunPaused, RunResumed, Trouble
from aide_local.store.trouble import is_full

Result = TypeVar("Result")

ENOUGH = 4 * 2**20  # bytes: less is full
LOOK_EVERY = 0.5  # seconds


def require_room(folder: Path) -> None:
    """A run that begins on a full disk would wait before its first node: it is told instead.

    Raises:
        DiskFull: there is less than ``ENOUGH`` where ``folder`` is, or will be.
    """
    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(place).free
    if free < ENOUGH:
        raise DiskFull(
            f"The disk is full: {place} has {free / 2**20:.1f} MiB left, and no run can begin there.",
            f"Make room, {ENOUGH >> 20} MiB at the very least, or choose another folder with --home.",
        )


class Room:
    """``ended`` is set where the person ends the run at once. Thread-safe."""

    def __init__(self, folder: Path, emit: Callable[[Event], None], ended: threading.Event) -> None:
        self._folder = folder
        self._emit = emit
        self._ended = ended
        self._lock = threading.Lock()
        self._waiting = 0

    def free(self) -> int:
        """Bytes."""
        return shutil.disk_usage(self._folder).free

    def tried(self, act: Callable[[], Result]) -> Result:
        """What ``act`` returns, as often as it needs for want of room.

        Raises:
            DiskFull: there is none, and nobody waits for it: see :meth:`awaited`.
        """
        while True:
            try:
                return act()
            except (OSError, AideError) as error:
                cause = error if isinstance(error, OSError) else error.__cause__
                full = self._as_full(error, cause)
                if full is None:
                    raise
                if not self.awaited(full):
                    raise full from cause

    def _as_full(self, error: OSError | AideError, cause: BaseException | None) -> DiskFull | None:
        """What a person is told, if it is room that is wanting."""
        if isinstance(error, DiskFull):
            return error
        if not isinstance(cause, OSError) or not is_full(cause):
            return None
        return DiskFull(
            self._how_full(), "Make room, then continue with `aide-local resume`; no finished node is lost."
        )

    def _how_full(self) -> str:
        return f"The disk is full: {self._folder} has {self.free() / 2**20:.1f} MiB left."

    def check(self, message: str) -> None:
        """Raises DiskFull where ``message``, of a script, speaks of a full disk and the disk is full."""
        if "No space left on device" in message and self.free() < ENOUGH:
            raise DiskFull(message)

    def awaited(self, error: DiskFull) -> bool:
        """Wait for room, with the run paused; False where the run is to end at once, and in the main thread, where
        nobody must wait."""
        if threading.current_thread() is threading.main_thread():
            return False
        with self._lock:
            self._waiting += 1
            if self._waiting == 1:
                self._tell()
        try:
            while not self._ended.wait(LOOK_EVERY):
                if self.free() >= ENOUGH:
                    return True
            return False
        finally:
            with self._lock:
                self._waiting -= 1
                if self._waiting == 0 and not self._ended.is_set():
                    self._emit(RunResumed(time.time()))

    def _tell(self) -> None:
        self._emit(
            Trouble(
                time.time(),
                f"{self._how_full()} The run waits.",
                f"Make {ENOUGH >> 20} MiB of room there and it goes on by itself; or stop it at once"
                " and continue later with `aide-local resume`. No finished node is lost.",
            )
        )
        self._emit(RunPaused(time.time(), "the disk is full"))
