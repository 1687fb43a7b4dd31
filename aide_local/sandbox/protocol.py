"""The interface of every sandbox: ``run(candidate, limits) -> outcome``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import Protocol

from aide_local.types import Execution, NodeError, OutcomeKind, Usage


class Level(StrEnum):
    """How well candidates are confined on this machine."""

    STRICT = "strict"  # namespaces + Landlock + seccomp + limits
    LANDLOCK = "landlock"  # Landlock + seccomp + limits, on machines that give no namespaces
    LIMITS = "limits"  # limits only: refused unless asked for


class Backend(StrEnum):
    """Who makes the namespaces of level strict."""

    NAMESPACES = "namespaces"  # we do, by system calls: a warm server can be used
    BUBBLEWRAP = "bubblewrap"  # the program bwrap does: every execution starts a fresh Python


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one execution; None means unbounded. Bytes and seconds."""

    wall: float = 600.0
    cpu: float | None = None
    memory: int | None = 4 * 2**30  # of the whole process tree
    file_size: int = 2 * 2**30  # of one file
    disk: int = 4 * 2**30  # of all of working/
    files: int = 20_000
    processes: int = 256
    output: int = 8 * 2**20  # stdout and stderr together; more is a flood
    threads: int | None = None  # given to the maths libraries; None: as many as there are cores
    # The cores that the candidate runs on (sched_setaffinity(2)), so that executions side by side do not share
    # one. It bounds libraries that ask nobody how many threads to start. None: all; ignored outside of Linux.
    cores: frozenset[int] | None = None

    @property
    def thread_count(self) -> int:
        """Return how many threads the maths libraries may start."""
        if self.threads is not None:
            return self.threads
        return len(self.cores) if self.cores else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A script and the two folders it may use.

    The script runs in a fresh folder, in which it finds ``input`` as ``input/``, read-only, and ``working`` as
    ``working/``, writable; ``working`` is made if it does not exist.
    """

    script: Path
    input: Path
    working: Path
    python: Path | None = None  # None: our own interpreter
    argv: tuple[str, ...] = ()
    # Folders that contain these and those of later candidates: at level landlock a warm server can reach no others,
    # and is started anew for a candidate that lies elsewhere.
    places: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an execution ended. ``output`` is head and tail of stdout and stderr, neutralised: valid UTF-8 without
    control, escape or bidirectional characters, at most about 64 KiB."""

    kind: OutcomeKind
    exit_code: int | None = None
    signal: int | None = None
    error: NodeError | None = None  # None exactly when kind is OK
    output: str = ""
    usage: Usage = Usage()
    level: Level = Level.LIMITS

    @property
    def ok(self) -> bool:
        return self.kind is OutcomeKind.OK

    def as_execution(self, fold: int, limits: Limits) -> Execution:
        """Return what the store keeps of it: how it ended and the last part of what it printed."""
        return Execution(
            fold=fold,
            outcome=self.kind,
            exit_code=self.exit_code,
            signal=self.signal,
            output=self.output[-Execution.TAIL :],
            usage=self.usage,
            wall_limit=limits.wall,
            cpu_limit=limits.cpu,
            memory_limit=limits.memory,
        )


class Sandbox(Protocol):
    """Runs one candidate a call; several threads may call at once."""

    @property
    def level(self) -> Level: ...

    @property
    def backend(self) -> str:
        """The :class:`Backend` at level strict, else empty."""
        ...

    def run(
        self,
        candidate: Candidate,
        limits: Limits,
        *,
        on_output: Callable[[str], None] | None = None,
        cancel: Event | None = None,
    ) -> Outcome:
        """Run the candidate until it ends, passes a limit, or ``cancel`` is set; then none of its processes is left.

        A bad candidate never raises.

        Raises:
            SandboxError: the sandbox itself failed (no such interpreter, no permission).
        """
        ...

    def close(self) -> None: ...
