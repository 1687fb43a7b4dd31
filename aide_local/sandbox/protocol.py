"""What the harness asks of a sandbox: ``run(candidate, limits) -> outcome``."""

from __future__ import annotations

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
    LANDLOCK = "landlock"  # no namespaces to be had
    LIMITS = "limits"  # limits only: refused unless asked for


class Backend(StrEnum):
    """What makes the namespaces of level strict."""

    NAMESPACES = "namespaces"  # we do, by system calls: a warm server can be used
    BUBBLEWRAP = "bubblewrap"  # the program bwrap: every execution starts a fresh Python


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
    threads: int | None = None  # told to the maths libraries through the environment


@dataclass(frozen=True, slots=True)
class Candidate:
    """A script and the two folders it may use.

    The script runs with ``base`` as its current directory. ``base/input`` is what ``input`` holds,
    read-only; ``base/working`` is ``working``, writable and made if absent.
    """

    script: Path
    input: Path
    working: Path
    python: Path | None = None  # None: our own interpreter
    argv: tuple[str, ...] = ()
    # Folders that hold these and those of later candidates: at level landlock a warm server may reach no others,
    # and starts anew where they do not suffice.
    places: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended. ``output`` is head and tail of stdout+stderr, neutralised: valid UTF-8 without
    control, escape or bidirectional characters, at most ~64 KiB."""

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
        """What is kept of it: how it ended and the end of what it printed."""
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
    """Runs candidates one at a time per call; calls from several threads are allowed."""

    @property
    def level(self) -> Level: ...

    @property
    def backend(self) -> str:
        """The :class:`Backend`, at level strict; else empty."""
        ...

    def run(
        self,
        candidate: Candidate,
        limits: Limits,
        *,
        on_output: Callable[[str], None] | None = None,
        cancel: Event | None = None,
    ) -> Outcome:
        """Run to the end, a limit, or ``cancel``; afterwards no process of it is left.

        Bad candidates never raise.

        Raises:
            SandboxError: the sandbox itself failed (no such interpreter, no permission).
        """
        ...

    def close(self) -> None: ...
