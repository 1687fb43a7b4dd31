"""/dev/shm at the level without namespaces: everybody's, so what a candidate has left there must be told apart.

Semaphores and shared memory of multiprocessing live there; without it joblib and loky run serially.
"""

from __future__ import annotations

import os
import stat

_PLACE = "/dev/shm"


class SharedMemory:
    """What has been made there since this object was."""

    def __init__(self) -> None:
        self._before = {name: found.st_ino for name, found in _own().items()}

    def new(self) -> dict[str, os.stat_result]:
        """Files of this user's that were not there before, whoever made them."""
        return {name: found for name, found in _own().items() if self._before.get(name) != found.st_ino}

    def size(self) -> int:
        return sum(found.st_blocks * 512 for found in self.new().values())

    def remove_left(self) -> None:
        """Remove the new ones that no process has open or mapped; to be called when no candidate is left.

        What another program made in the meantime and uses is kept.
        """
        new = self.new()
        if not new:
            return
        used = _used()
        for name, found in new.items():
            if (found.st_dev, found.st_ino) not in used and stat.S_ISREG(found.st_mode):
                try:
                    os.unlink(f"{_PLACE}/{name}")
                except OSError:
                    continue  # its maker has just removed it


def _own() -> dict[str, os.stat_result]:
    found = {}
    try:
        with os.scandir(_PLACE) as entries:
            for entry in entries:
                try:
                    state = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if state.st_uid == os.getuid():
                    found[entry.name] = state
    except OSError:
        return {}
    return found


def _used() -> set[tuple[int, int]]:
    """Files in use by any process that can be looked at: those of the same user."""
    used: set[tuple[int, int]] = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for folder in (f"/proc/{pid}/fd", f"/proc/{pid}/map_files"):
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for name in names:
                try:
                    if os.readlink(f"{folder}/{name}").startswith(_PLACE + "/"):
                        state = os.stat(os.readlink(f"{folder}/{name}"))
                        used.add((state.st_dev, state.st_ino))
                except OSError:
                    continue
    return used
