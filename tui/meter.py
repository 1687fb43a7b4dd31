"""Memory and cores that this program and its children use, the candidates' share of them, and the GPU's memory."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from aide_local.basics.units import format_mib
from tui.gpu import Gpu, VideoMemory

_SERVER = "aide_local.sandbox.inside.server"  # the process below which candidates execute


@dataclass(frozen=True, slots=True)
class Reading:
    """Memory in bytes, ``busy`` in cores. Without a candidate, ``executing`` is False."""

    memory: int = 0
    candidate_memory: int = 0
    busy: float = 0.0
    executing: bool = False
    video: VideoMemory | None = None

    def in_words(self) -> str:
        """Return the reading as the status line shows it; empty if there is none."""
        if not self.memory:
            return ""
        words = f"memory {format_mib(self.memory)}"
        if self.video is not None:
            words += f"  VRAM {self.video.used:,}/{self.video.total:,} MiB"
        if self.executing:
            words += f"  candidate {self.busy:.1f} cores {format_mib(self.candidate_memory)}"
        return words


class Meter:
    """The use of this process and its children. A reading takes milliseconds: take one at a time, in a thread."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._seconds: dict[int, float] = {}  # processor time of a candidate's process at the last reading
        self._at = time.monotonic()
        self._gpu = Gpu()

    def read(self) -> Reading:
        """Return the use now; ``busy`` is the mean since the last reading."""
        memory = self._process.memory_info().rss
        candidates: list[psutil.Process] = []
        for child in self._process.children(recursive=True):
            try:
                memory += child.memory_info().rss
                if child.ppid() == self._process.pid and _SERVER in child.cmdline():
                    candidates += child.children(recursive=True)
            except psutil.Error:
                continue  # it has ended meanwhile
        seconds: dict[int, float] = {}
        used = 0
        for one in candidates:
            try:
                used += one.memory_info().rss
                times = one.cpu_times()
            except psutil.Error:
                continue
            seconds[one.pid] = times.user + times.system
        now = time.monotonic()
        spent = sum(value - self._seconds.get(pid, 0.0) for pid, value in seconds.items())
        busy = max(0.0, spent) / max(0.05, now - self._at)
        self._seconds, self._at = seconds, now
        return Reading(memory, used, busy, bool(candidates), self._gpu.read())
