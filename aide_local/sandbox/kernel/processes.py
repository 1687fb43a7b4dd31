"""The tree of processes below one: who they are, what they use, and how none of them is left.

Read from proc(5). A process that vanishes while it is looked at counts as nothing.
"""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROLLUP = re.compile(rb"^(Pss|Pss_Shmem): +(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    cpu: float  # seconds, of its waited-for children too
    threads: int
    resident: int  # bytes; shared pages count in full


def descendants(root: int) -> list[Process]:
    """All processes below ``root``, in whatever session, group or namespace."""
    found = _all()
    children: dict[int, list[Process]] = {}
    for process in found:
        children.setdefault(process.parent, []).append(process)
    below: list[Process] = []
    queue = [root]
    while queue:
        for process in children.get(queue.pop(), ()):
            below.append(process)
            queue.append(process.pid)
    return below


def _all() -> list[Process]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = _read(name)
            if process is not None:
                found.append(process)
    return found


def _read(pid: str) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            content = file.read()
    except OSError:
        return None
    fields = content[content.rindex(b")") + 2 :].split()
    cpu = sum(int(fields[at]) for at in (11, 12, 13, 14)) / _TICK
    return Process(int(pid), int(fields[1]), cpu, int(fields[17]), int(fields[21]) * _PAGE)


def threads_of(user: int) -> int:
    """How many threads the user runs, as the kernel counts for RLIMIT_NPROC."""
    total = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == user:
                process = _read(name)
                total += process.threads if process else 0
        except OSError:
            continue
    return total


def private_and_shared(processes: list[Process]) -> tuple[int, int]:
    """Bytes of memory: (anonymous and of files, of shared memory), pages of several counted once (PSS)."""
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


def kill_all_below(root: int, seconds: float = 10.0) -> float:
    """Kill and reap until nothing is below ``root``, which must be the caller and a sub-reaper.

    Everything is stopped before anything is killed: what forks faster than it is killed would never end. The
    init of a namespace takes all that is in it with it. Returns the processor seconds of what was reaped.
    """
    end = time.monotonic() + seconds
    cpu = 0.0
    while True:
        below = descendants(root)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in below:
                try:
                    os.kill(process.pid, number)
                except ProcessLookupError:
                    continue
        cpu += reap()
        if not below or time.monotonic() > end:
            return cpu
        time.sleep(0.002)


def reap() -> float:
    """Wait for every child that has ended; returns their processor seconds."""
    cpu = 0.0
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if pid == 0:
            return cpu
        cpu += usage.ru_utime + usage.ru_stime
