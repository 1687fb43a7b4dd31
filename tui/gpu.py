"""Video memory as NVIDIA's own program reports it; without a card there is no number."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass

ASK_EVERY = 5.0  # seconds between two questions: each starts a program
PATIENCE = 10.0  # seconds for an answer


@dataclass(frozen=True, slots=True)
class VideoMemory:
    """MiB of all GPUs together, whatever uses them."""

    used: int
    total: int


class Gpu:
    """The answers of ``nvidia-smi``. It is looked for once; if it fails (a driver without a card), it is not asked again."""

    def __init__(self) -> None:
        self._program = shutil.which("nvidia-smi")
        self._last: VideoMemory | None = None
        self._at = float("-inf")

    def read(self) -> VideoMemory | None:
        """Return the memory, at most :data:`ASK_EVERY` seconds old, or None if it is not known.

        It may take a second: call it in a thread.
        """
        if self._program is not None and time.monotonic() - self._at >= ASK_EVERY:
            self._last = _ask(self._program)
            self._at = time.monotonic()
            if self._last is None:
                self._program = None
        return self._last


def _ask(program: str) -> VideoMemory | None:
    """Return the sum of one line ``used, total`` in MiB for each GPU; None if one has ``[N/A]`` (nvidia-smi(1))."""
    command = [program, "--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        pairs = [[int(part) for part in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
        used, total = (sum(values) for values in zip(*pairs, strict=True))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return VideoMemory(used, total)
