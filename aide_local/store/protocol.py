"""The interface between the run loop and a store. Every method returns only once its rows are durable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from aide_local.errors import DiskFull
from aide_local.types import Execution, Generation, Node, RunInfo, RunSettings, Sampling, Summary


class RunStore(Protocol):
    """One run's own database, held open by the process that runs it. Thread-safe."""

    patience: Callable[[DiskFull], bool] | None
    """Is called, in the thread that writes, when the disk is full; returns True once it is worth trying again."""

    @property
    def run_id(self) -> str: ...

    @property
    def folder(self) -> Path:
        """Return the run's folder: database, folds, predictions, deliverables, log."""
        ...

    def settings(self) -> RunSettings: ...

    def info(self) -> RunInfo: ...

    def put_node(self, node: Node) -> None:
        """Insert the node, or replace the one with its id, with its folds and error."""
        ...

    def nodes(self) -> tuple[Node, ...]:
        """Return all nodes in order of id."""
        ...

    def put_executions(self, node: int, attempt: int, executions: Sequence[Execution]) -> None:
        """Record how each execution of the node's ``attempt`` ended, in the place of what was recorded of it before."""
        ...

    def put_generation(
        self,
        node: int,
        attempt: int,
        purpose: str,
        prompt: str,
        generation: Generation,
        sampling: Sampling | None = None,
        dropped: Sequence[str] = (),
    ) -> None:
        """Record what the model saw and said; ``purpose`` is "script", "reask", "review", "digest"."""
        ...

    def put_event(self, kind: str, payload: dict[str, object]) -> None:
        """Append to the run's log of events (steering by the person, pauses, trouble)."""
        ...

    def events(self, kinds: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        """Return (kind, payload) of the events of these kinds, in the order in which they were put."""
        ...

    def put_settings(self, settings: RunSettings) -> None:
        """Replace the run's settings, and keep an event of it."""
        ...

    def summaries(self) -> dict[int, str]:
        """Return the model's sentences on finished nodes (generations of the purpose "digest"), by node."""
        ...

    def set_state(self, state: str, stop_reason: str = "") -> None: ...

    def put_result(self, summary: Summary) -> None:
        """Record what was delivered, the ensemble's weights, the estimate and its interval."""
        ...

    def seconds_used(self) -> float:
        """Return the wall seconds of all processes of this run: a resumed run has that much less left."""
        ...

    def tick(self, seconds: float, writing: float = 0.0, executing: float = 0.0) -> None:
        """Add to the wall seconds used, and to those in which the model wrote and a candidate was executed."""
        ...

    def publish(self) -> None:
        """Make a snapshot of the database that readers can open."""
        ...

    def close(self) -> None: ...
