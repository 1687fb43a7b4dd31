"""Find and remove what a candidate leaves in /dev/shm, which it shares with all programs if it has no namespaces.

Semaphores and shared memory of multiprocessing live there; without them joblib and loky run serially.
"""

from __future__ import annotations

import os
import stat

_FOLDER = "/dev/shm"


class SharedMemory:
    """The files that have appeared since this object was made."""

    def __init__(self) -> None:
        self._before = {name: found.st_ino for name, found in _own_files().items()}

    def new_files(self) -> dict[str, os.stat_result]:
        """Return the new files of this user, whoever made them."""
        return {name: found for name, found in _own_files().items() if self._before.get(name) != found.st_ino}

    def size(self) -> int:
        """Return the bytes that the new files take."""
        return sum(found.st_blocks * 512 for found in self.new_files().values())

    def remove_unused(self) -> None:
        """Remove the new files that no process has open or mapped; call it when no candidate is left.

        What another program has made in the meantime and uses is kept.
        """
        new = self.new_files()
        if not new:
            return
        used = _files_in_use()
        for name, found in new.items():
            if (found.st_dev, found.st_ino) not in used and stat.S_ISREG(found.st_mode):
                try:
                    os.unlink(f"{_FOLDER}/{name}")
                except OSError:
                    continue  # it has just been removed


def _own_files() -> dict[str, os.stat_result]:
    found = {}
    try:
        with os.scandir(_FOLDER) as entries:
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


def _files_in_use() -> set[tuple[int, int]]:
    """Return the device and inode of every file there that a process of this user has open or mapped."""
    used: set[tuple[int, int]] = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for folder in (f"/proc/{pid}/fd", f"/proc/{pid}/map_files"):
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for name in names:
                try:
                    if os.readlink(f"{folder}/{name}").startswith(_FOLDER + "/"):
                        state = os.stat(os.readlink(f"{folder}/{name}"))
                        used.add((state.st_dev, state.st_ino))
                except OSError:
                    continue
    return used
