"""The live display of a run in a terminal: lines that stay, and below them one that tells what goes on."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from aide_local.cli.progress import Lines
from aide_local.events import (
    BestImproved,
    Event,
    ExecutionStarted,
    FoldScored,
    NodeFinished,
    NodeProposed,
    OutputStreamed,
    ReplyFinished,
    RunStarted,
    TokensStreamed,
)
from aide_local.search.digest import format_metric
from aide_local.types import Origin


class Live(Lines):
    """Below the lines: what the model writes, what executes, the best score, the model's speed, seconds."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn

        self._console = Console(highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("loading the model")
        self._began = time.monotonic()
        self._steps: int | None = None
        self._written = 0
        self._finished = 0
        self._writing = ""
        self._characters = 0
        self._executing: dict[int, int] = {}  # node -> folds done
        self._metric = ""
        self._speed = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def line(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style or None, markup=False, soft_wrap=True)

    def show(self, event: Event) -> None:
        super().show(event)
        match event:
            case RunStarted():
                self._steps = event.steps
            case NodeProposed() if event.step.origin is Origin.MODEL:
                parent = f" of #{event.step.parent}" if event.step.parent is not None else ""
                self._written += 1
                self._writing = f"writing #{event.node} ({event.step.operator}{parent})"
                self._characters = 0
            case TokensStreamed():
                self._characters += len(event.text)
            case ReplyFinished():
                self._writing = ""
                generation = event.generation
                if generation.decode_ms > 0:
                    self._speed = f"{1000 * generation.completion_tokens / generation.decode_ms:.0f} tokens/s"
            case ExecutionStarted():
                self._executing[event.node] = 0
            case FoldScored():
                self._executing[event.node] = event.fold.fold + 1
            case NodeFinished():
                self._finished += 1
                self._executing.pop(event.node.id, None)
            case BestImproved():
                self._metric = f"best {format_metric(event.metric)} (#{event.node})"
            case OutputStreamed():
                return
        self._progress.update(self._task, description=self._describe())

    def _describe(self) -> str:
        parts = [f"{self._finished} nodes"]
        if self._steps is not None:
            parts.append(f"step {self._written}/{self._steps}")
        if self._writing:
            parts.append(f"{self._writing}, {self._characters} characters")
        if self._executing:
            parts.append("running " + ", ".join(f"#{node}" for node in sorted(self._executing)))
        parts += [self._metric, self._speed, f"{time.monotonic() - self._began:.0f} s"]
        return " · ".join(part for part in parts if part)
