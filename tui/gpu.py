"""Video memory, as NVIDIA's own program tells it; nothing where there is none."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass

EVERY = 5.0  # seconds between two questions: each starts a program
PATIENCE = 10.0  # seconds for an answer


@dataclass(frozen=True, slots=True)
class VideoMemory:
    """MiB of all GPUs together, whoever uses them."""

    used: int
    total: int


class Gpu:
    """``nvidia-smi`` is looked for once; one that fails (a driver without a card) is not asked again."""

    def __init__(self) -> None:
        self._program = shutil.which("nvidia-smi")
        self._last: VideoMemory | None = None
        self._at = float("-inf")

    def read(self) -> VideoMemory | None:
        """At most :data:`EVERY` seconds old; None where it is not known. May take a second: read it in a thread."""
        if self._program is not None and time.monotonic() - self._at >= EVERY:
            self._last = _ask(self._program)
            self._at = time.monotonic()
            if self._last is None:
                self._program = None
        return self._last


def _ask(program: str) -> VideoMemory | None:
    """One line for each GPU: ``used, total`` in MiB; ``[N/A]`` where a card does not tell (nvidia-smi(1))."""
    command = [program, "--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        pairs = [[int(part) for part in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
        used, total = (sum(values) for values in zip(*pairs, strict=True))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return VideoMemory(used, total)
