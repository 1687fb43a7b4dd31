"""What happens in a run, in the past tense. The CLI, the TUI, tests and ``--json`` read one iterator of these."""

from __future__ import annotations

from dataclasses import dataclass

from aide_local.types import FoldScore, Generation, Node, Step, StopReason, Summary


@dataclass(frozen=True, slots=True)
class Event:
    """``at`` is seconds since the epoch."""

    at: float


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    run_id: str
    task: str
    metric: str
    direction: str
    model: str
    folder: str
    steps: int | None  # scripts that the model writes; None: as many as the time allows
    constant_score: float | None
    resumed: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeProposed(Event):
    """The policy chose; the model starts to write node ``node``."""

    node: int
    step: Step


@dataclass(frozen=True, slots=True)
class PromptPacked(Event):
    node: int
    tokens: int
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokensStreamed(Event):
    """Newly written text; ``restart`` means that earlier text of this node is void."""

    node: int
    text: str
    restart: bool = False


@dataclass(frozen=True, slots=True)
class ReplyFinished(Event):
    node: int
    generation: Generation


@dataclass(frozen=True, slots=True)
class ExecutionStarted(Event):
    node: int


@dataclass(frozen=True, slots=True)
class OutputStreamed(Event):
    node: int
    fold: int
    text: str


@dataclass(frozen=True, slots=True)
class FoldScored(Event):
    node: int
    fold: FoldScore


@dataclass(frozen=True, slots=True)
class NodeFinished(Event):
    """The node is durable in the store."""

    node: Node


@dataclass(frozen=True, slots=True)
class BestImproved(Event):
    node: int
    metric: float
    counted: bool  # the paired gain over the previous best exceeds its threshold


@dataclass(frozen=True, slots=True)
class Trouble(Event):
    """Something failed that does not end the run, or the reason why it paused."""

    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class RunPaused(Event):
    reason: str


@dataclass(frozen=True, slots=True)
class RunResumed(Event):
    pass


@dataclass(frozen=True, slots=True)
class Steered(Event):
    """A person asked for a step ("asked"), or marked the node ``step.parent`` ("ban", "unban", "pin", "unpin")."""

    kind: str
    step: Step


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """``summary`` is None if nothing was delivered; ``exit_code`` is the command line's."""

    run_id: str
    stop_reason: StopReason
    summary: Summary | None
    exit_code: int
