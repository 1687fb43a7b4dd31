"""Measure what a candidate takes on disk and in shared memory, while it runs and may try to hide it.

Folders are walked by descriptors, links are never followed, and a walk ends as soon as a bound is passed. Files
without a name count as long as a process has them open or mapped.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

from aide_local.sandbox.kernel.processes import Process

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
DEEPEST = 200  # folders in folders; deeper counts as too many files
_DELETED = re.compile(
    rb"^(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) ...(?P<shared>.) (?P<offset>[0-9a-f]+)"
    rb" (?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+) (?P<inode>\d+) .*\(deleted\)$",
    re.MULTILINE,
)


@dataclass(slots=True)
class DiskUsage:
    """Bytes and files found so far; a file counts once, however many names it has."""

    size: int = 0
    files: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)

    def add(self, found: os.stat_result) -> None:
        self.files += 1
        key = (found.st_dev, found.st_ino)
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            if key in self.seen:
                return
            self.seen.add(key)
        self.size += found.st_blocks * 512

    def exceeds(self, most_bytes: int, most_files: int) -> bool:
        return self.size > most_bytes or self.files > most_files


def measure_folders(folders: Iterable[str], most_bytes: int, most_files: int) -> DiskUsage:
    """Count files and folders below the folders, until a bound is passed."""
    usage = DiskUsage()
    for folder in folders:
        try:
            top = os.open(folder, _FOLDER)
        except OSError:
            continue
        stack = [(top, _names(top))]
        while stack:
            here, names = stack[-1]
            if not names or usage.exceeds(most_bytes, most_files):
                os.close(here)
                stack.pop()
                continue
            name = names.pop()
            try:
                found = os.stat(name, dir_fd=here, follow_symlinks=False)
            except OSError:
                continue  # it has just been removed
            usage.add(found)
            if stat.S_ISDIR(found.st_mode):
                if len(stack) == DEEPEST:
                    usage.files = most_files + 1
                    continue
                below = _enter(name, here)
                if below is not None:
                    stack.append((below, _names(below)))
    return usage


def _names(folder: int) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _enter(name: str, here: int) -> int | None:
    """Return a descriptor of the folder; make it readable if it is not.

    A folder without permissions can still be written to by a process that has it open. A link that takes its place is
    not followed.
    """
    try:
        return os.open(name, _FOLDER, dir_fd=here)
    except PermissionError:
        pass
    except OSError:
        return None
    try:
        place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=here)
    except OSError:
        return None
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)
        return os.open(name, _FOLDER, dir_fd=here)
    except OSError:
        return None
    finally:
        os.close(place)


def unlinked_bytes(processes: Iterable[Process]) -> dict[int, int]:
    """Return bytes by device of the files without a name that the processes have open or mapped.

    Mappings count with their length: memory that is shared without a file (on a device of its own) keeps pages that
    were given back with madvise(2), and no process shows them.
    """
    sizes: dict[tuple[int, int], int] = {}
    extents: dict[tuple[int, int], int] = {}
    for process in processes:
        _add_open_files(process.pid, sizes)
        _add_mappings(process.pid, extents)
    found: dict[int, int] = {}
    for key in sizes.keys() | extents.keys():
        found[key[0]] = found.get(key[0], 0) + max(sizes.get(key, 0), extents.get(key, 0))
    return found


def _add_open_files(pid: int, sizes: dict[tuple[int, int], int]) -> None:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return  # it has ended
    for name in names:
        try:
            found = os.stat(f"{folder}/{name}")
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
            sizes[found.st_dev, found.st_ino] = found.st_blocks * 512


def _add_mappings(pid: int, extents: dict[tuple[int, int], int]) -> None:
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            content = file.read()
    except OSError:
        return
    if b"(deleted)" not in content:
        return
    for found in _DELETED.finditer(content):
        if found["shared"] == b"s":
            start, end, offset = (int(found[name], 16) for name in ("start", "end", "offset"))
            key = os.makedev(int(found["major"], 16), int(found["minor"], 16)), int(found["inode"])
            extents[key] = max(extents.get(key, 0), offset + end - start)
