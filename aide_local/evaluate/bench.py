"""Where scripts are executed: a sandbox, the limits of one execution, and the cores that all executions share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from aide_local.errors import Cancelled
from aide_local.evaluate.cores import CoreBudget, Lane
from aide_local.sandbox.protocol import Candidate, Limits, Outcome, Sandbox
from aide_local.types import OutcomeKind


@dataclass(frozen=True, slots=True)
class Bench:
    """Executes candidates on leased cores. Thread-safe."""

    sandbox: Sandbox
    limits: Limits
    cores: CoreBudget
    threads: int = 1  # of one execution
    python: Path | None = None

    @classmethod
    def sized(
        cls,
        sandbox: Sandbox,
        limits: Limits,
        cores: CoreBudget,
        side_by_side: int,
        python: Path | None = None,
    ) -> Bench:
        """Return a bench on which ``side_by_side`` executions share all cores evenly.

        Threads of one fit scale worse than fits side by side (docs/measurements.md, "One fold on all cores, or
        folds side by side"), so each gets as few as leave no core idle.
        """
        threads = max(1, len(cores) // max(1, side_by_side))
        return cls(sandbox, replace(limits, threads=threads), cores, threads, python)

    def execute(
        self,
        candidate: Candidate,
        *,
        rank: tuple[int, ...] = (),
        wall: float | None = None,
        on_output: Callable[[str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> tuple[Outcome, Limits]:
        """Run a candidate on leased cores; returns how it ended and the limits it had.

        Raises:
            SandboxError: the sandbox itself failed.
            Cancelled: ``cancel`` was set.
        """
        limits = self.limits if wall is None else replace(self.limits, wall=min(wall, self.limits.wall))
        with self.cores.lease(self.threads, Lane.EXECUTING, rank, cancel):
            outcome = self.sandbox.run(candidate, limits, on_output=on_output, cancel=cancel)
        if outcome.kind is OutcomeKind.CANCELLED:
            raise Cancelled
        return outcome, limits
