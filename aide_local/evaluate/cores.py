"""One budget of processor cores, shared by the model and by everything that executes.

Whoever wants to use cores leases them; those who wait are served in the order of their rank, so which work goes
first never depends on which thread happened to ask first. Each lease names its cores, so that two candidates
side by side do not share one.
"""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event

from aide_local.errors import Cancelled

Rank = tuple[int, ...]


class Lane(StrEnum):
    """The two lanes of a run."""

    WRITING = "writing"
    EXECUTING = "executing"


def available_cores() -> tuple[int, ...]:
    """Return the cores that this process may use, in ascending order."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


@dataclass(order=True, slots=True)
class _Waiting:
    rank: Rank
    number: int
    count: int = field(compare=False)


class CoreBudget:
    """Thread-safe. ``cores`` are the numbers of the cores to share."""

    def __init__(self, cores: Sequence[int] | None = None) -> None:
        self.cores = tuple(cores) if cores else available_cores()
        self._free = set(self.cores)
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._busy = dict.fromkeys(Lane, 0.0)  # core seconds

    def __len__(self) -> int:
        return len(self.cores)

    @contextmanager
    def lease(
        self, count: int, lane: Lane, rank: Rank = (), cancel: Event | None = None
    ) -> Iterator[frozenset[int]]:
        """Wait for ``count`` cores (at most all there are) and yield their numbers; the lowest rank is served first.

        Raises:
            Cancelled: ``cancel`` was set while waiting.
        """
        held = self._take(min(count, len(self.cores)), rank, cancel)
        begun = time.monotonic()
        try:
            yield held
        finally:
            with self._changed:
                self._busy[lane] += len(held) * (time.monotonic() - begun)
                self._free |= held
                self._changed.notify_all()

    def busy(self, lane: Lane) -> float:
        """Return the core seconds that finished leases of a lane took."""
        with self._changed:
            return self._busy[lane]

    @property
    def idle(self) -> int:
        """Cores that nobody has and nobody waits for."""
        with self._changed:
            return max(0, len(self._free) - sum(one.count for one in self._waiting))

    def _take(self, count: int, rank: Rank, cancel: Event | None) -> frozenset[int]:
        with self._changed:
            mine = _Waiting(rank, next(self._numbers), count)
            heapq.heappush(self._waiting, mine)
            try:
                while self._waiting[0] is not mine or len(self._free) < count:
                    if cancel is not None and cancel.is_set():
                        raise Cancelled
                    self._changed.wait(0.05 if cancel is not None else None)
                heapq.heappop(self._waiting)
            except BaseException:
                self._waiting.remove(mine)
                heapq.heapify(self._waiting)
                raise
            finally:
                self._changed.notify_all()
            held = frozenset(sorted(self._free)[:count])
            self._free -= held
            return held
