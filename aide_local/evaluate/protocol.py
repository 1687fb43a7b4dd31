"""The evaluator as the run loop sees it. One implementation for each :class:`aide_local.task.Mode`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Protocol

from aide_local.evaluate.compare import Rival
from aide_local.types import Execution, FoldScore, Node, NodeError, NodeState, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The result of evaluating one script. ``error`` is None exactly when the node is valid."""

    metric: float | None = None
    complete: bool = False
    folds: tuple[FoldScore, ...] = ()
    error: NodeError | None = None
    output: str = ""
    usage: Usage = field(default_factory=Usage)
    predictions: Path | None = None  # relative to the run's folder
    executions: tuple[Execution, ...] = ()

    def applied_to(self, node: Node) -> Node:
        """``node`` with this as its final result."""
        return replace(
            node,
            state=NodeState.BUGGY if self.error else NodeState.VALID,
            metric=self.metric,
            complete=self.complete,
            folds=self.folds,
            error=self.error,
            output=self.output,
            usage=self.usage,
            predictions=self.predictions,
        )


class Evaluator(Protocol):
    """Thread-safe: several nodes are evaluated at once."""

    def evaluate(
        self,
        node: int,
        code: str,
        *,
        rival: Rival | None = None,
        wall: float | None = None,  # seconds of one execution, if less than the run's setting
        on_output: Callable[[int, str], None] | None = None,  # (fold, text)
        on_fold: Callable[[FoldScore], None] | None = None,
        cancel: Event | None = None,
    ) -> Evaluation:
        """Execute and score ``code``. Never raises for anything the script does.

        A node that its ``rival`` leaves behind is stopped there: valid, scored on the folds that it had.

        Raises:
            SandboxError: the sandbox itself failed.
            Cancelled: ``cancel`` was set before the node had a result.
            OSError: the disk is full or the run's folder is gone.
        """
        ...
