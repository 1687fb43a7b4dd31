"""The processes below one: who they are, what they use, and how to end them all.

Read from proc(5). A process that vanishes while it is read counts as nothing.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROLLUP = re.compile(rb"^(Pss|Pss_Shmem): +(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    cpu: float  # seconds, with those of the children that it has waited for
    threads: int
    resident: int  # bytes; shared pages count in full


@dataclass(frozen=True, slots=True)
class Reaped:
    """What the children used that were waited for: ``cpu`` seconds in sum, ``peak`` bytes of the largest one."""

    cpu: float = 0.0
    peak: int = 0
    is_last: bool = False  # no child is left, running or ended

    def __add__(self, other: Reaped) -> Reaped:
        return Reaped(self.cpu + other.cpu, max(self.peak, other.peak), other.is_last)


def descendants(root: int) -> list[Process]:
    """Return all processes below ``root``, in whatever session, group or namespace.

    While processes start and end, one that has just started may be missing: to be sure, look again.
    """
    return list(_walk(root)) if _lists_children(root) else _scan(root)


def children(root: int) -> list[int]:
    """Return the process ids of the children of ``root``; see :func:`descendants`."""
    if _lists_children(root):
        return _children(root)
    return [process.pid for process in _scan(root) if process.parent == root]


def _lists_children(pid: int) -> bool:
    """Whether the kernel was built with CONFIG_PROC_CHILDREN, as those of the distributions are."""
    return os.path.exists(f"/proc/{pid}/task/{pid}/children")


def _walk(root: int) -> Iterator[Process]:
    """Go from parent to child: the machine's other processes, of which there may be many, are not read."""
    waiting = _children(root)
    while waiting:
        pid = waiting.pop()
        process = _read(pid)
        if process is not None:
            yield process
            waiting.extend(_children(pid))


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found.extend(map(int, file.read().split()))
        except OSError:
            continue
    return found


def _scan(root: int) -> list[Process]:
    """Read every process of the machine, then follow the parents."""
    by_parent: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        process = _read(int(name)) if name.isdigit() else None
        if process is not None:
            by_parent.setdefault(process.parent, []).append(process)
    below: list[Process] = []
    waiting = [root]
    while waiting:
        for process in by_parent.get(waiting.pop(), ()):
            below.append(process)
            waiting.append(process.pid)
    return below


def _read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            content = file.read()
    except OSError:
        return None
    fields = content[content.rindex(b")") + 2 :].split()
    cpu = sum(int(fields[at]) for at in (11, 12, 13, 14)) / _TICK
    return Process(pid, int(fields[1]), cpu, int(fields[17]), int(fields[21]) * _PAGE)


def count_threads(user: int) -> int:
    """Return how many threads the user runs, as the kernel counts them for RLIMIT_NPROC."""
    total = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == user:
                process = _read(int(name))
                total += process.threads if process else 0
        except OSError:
            continue
    return total


def private_and_shared(processes: list[Process]) -> tuple[int, int]:
    """Return bytes of memory, pages of several processes counted once (PSS): of their own and of files; shared."""
    private = shared = 0
    for process in processes:
        try:
            content = Path(f"/proc/{process.pid}/smaps_rollup").read_bytes()
        except PermissionError:
            private += process.resident
            continue
        except OSError:
            continue  # it has ended
        found = {key: int(value) * 1024 for key, value in _ROLLUP.findall(content)}
        private += found.get(b"Pss", 0) - found.get(b"Pss_Shmem", 0)
        shared += found.get(b"Pss_Shmem", 0)
    return private, shared


def kill_all_below(root: int, seconds: float = 10.0) -> Reaped:
    """Kill and reap until nothing is below ``root``, which must be the caller and a sub-reaper.

    All processes are stopped before any is killed: what forks faster than it is killed would never end. The init
    of a namespace takes all that is in it with it. A sub-reaper without a child has nothing below it.
    """
    end = time.monotonic() + seconds
    pause = 0.0005
    total = reap()
    while not total.is_last and time.monotonic() < end:
        below = descendants(root)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in below:
                try:
                    os.kill(process.pid, number)
                except ProcessLookupError:
                    continue
        total += reap()
        if not total.is_last:
            time.sleep(pause)
            pause = min(0.004, 2 * pause)
    return total


def reap() -> Reaped:
    """Wait for every child that has ended."""
    cpu, peak = 0.0, 0
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return Reaped(cpu, peak, is_last=True)
        if pid == 0:
            return Reaped(cpu, peak)
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss * 1024)
