"""Three ways to show the events of a run: JSON lines, plain lines, and a live display."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from aide_local.basics.text import neutralise
from aide_local.events import (
    BestImproved,
    Event,
    ExecutionStarted,
    FoldScored,
    NodeFinished,
    NodeProposed,
    OutputStreamed,
    ReplyFinished,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    TokensStreamed,
    Trouble,
)
from aide_local.search.digest import format_metric, idea
from aide_local.types import Node, NodeState


class View:
    """Takes events in order; a context manager, so that a display can be left tidily."""

    def show(self, event: Event) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class JsonLines(View):
    """One event a line: ``{"event": "NodeFinished", "at": …, …}``; numbers that JSON lacks are null."""

    def show(self, event: Event) -> None:
        found = {"event": type(event).__name__, **asdict(event)}
        print(json.dumps(_plain(found), ensure_ascii=False, default=str), flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Lines(View):
    """A line for each thing worth knowing."""

    def __init__(self) -> None:
        self.steps = 0
        self.best: int | None = None

    def line(self, text: str, style: str = "") -> None:
        print(text, flush=True)

    def show(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.steps = event.steps
                words = "resumed" if event.resumed else "started"
                line = f"run {event.run_id} {words}: {event.metric}, model {event.model}"
                if event.constant_score is not None:
                    line += f"; the best constant guess scores {format_metric(event.constant_score)}"
                self.line(line)
            case BestImproved():
                self.best = event.node
            case NodeFinished():
                self.line(node_line(event.node, self.steps), _STYLES.get(event.node.state, ""))
            case Trouble():
                self.line(neutralise(f"trouble: {event.message} {event.fix}".rstrip()), "yellow")
            case RunPaused():
                self.line(f"paused {event.reason}", "yellow")
            case RunResumed():
                self.line("going on")
            case RunFinished():
                for text in summary_lines(event.summary, event.stop_reason):
                    self.line(text)


_STYLES = {NodeState.VALID: "green", NodeState.BUGGY: "red", NodeState.INTERRUPTED: "yellow"}


def node_line(node: Node, steps: int) -> str:
    """``step 3/20 improve #1 valid 0.5123 replace ridge by …``."""
    head = f"step {node.id + 1}/{steps}  #{node.id} {node.operator}"
    if node.parent is not None:
        head += f" of #{node.parent}"
    if node.state is NodeState.VALID:
        result = format_metric(node.metric) if node.complete else "behind the best, stopped early"
    elif node.error is not None:
        result = f"failed: {node.error.one_line(100)}"
    else:
        result = node.state.value
    return neutralise(f"{head}  {result}  {idea(node.plan)}".rstrip())


def summary_lines(summary: dict[str, Any], reason: str) -> list[str]:
    if not summary:
        return [f"ended: {reason}; nothing was delivered (aide-local resume goes on)"]
    lines = [
        f"ended: {reason}; {summary['nodes']} nodes, {summary['valid_nodes']} valid, {summary['wall_seconds']:.0f} s"
    ]
    if summary.get("best_node") is None:
        return [
            *lines,
            "No valid script was found, so there is no submission.",
            f"Why: aide-local show {summary['run_id']} NODE. Then more --steps (aide-local resume), or another --model.",
        ]
    metric = summary["metric"]
    if summary["constant_score"] is not None:
        lines.append(f"constant guess   {metric} {format_metric(summary['constant_score'])}")
    lines.append(
        f"best script      {metric} {format_metric(summary['best_score'])}  (#{summary['best_node']})"
    )
    if summary.get("ensemble_score") is not None:
        lines.append(
            f"ensemble         {metric} {format_metric(summary['ensemble_score'])}  of {len(summary['ensemble'])}"
        )
    if summary.get("report_score") is not None:
        lines.append(
            f"report slice     {metric} {format_metric(summary['report_score'])}"
            f"  on {summary['report_rows']} rows that nothing was chosen by"
        )
    lines.append(f"delivered to     {summary['out']}")
    return lines


class Live(Lines):
    """Lines that stay, and below them one that lives: phase, tokens per second, best, time left."""

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
        self._done = 0
        self._metric = ""
        self._phase = ""
        self._characters = 0
        self._since = 0.0
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
            case NodeProposed():
                parent = f" of #{event.step.parent}" if event.step.parent is not None else ""
                self._phase = f"{self._step(event.node)} writing ({event.step.operator}{parent})"
                self._characters, self._since = 0, time.monotonic()
            case TokensStreamed():
                self._characters += len(event.text)
            case ReplyFinished():
                generation = event.generation
                if generation.decode_ms > 0:
                    self._speed = f"{1000 * generation.completion_tokens / generation.decode_ms:.0f} tokens/s"
            case ExecutionStarted():
                self._phase = f"{self._step(event.node)} running"
            case FoldScored():
                self._phase = f"{self._step(event.node)} running, fold {event.fold.fold + 1} done"
            case NodeFinished():
                self._done += 1
                self._phase = "choosing"
            case BestImproved():
                self._metric = f"best {format_metric(event.metric)} (#{event.node})"
            case OutputStreamed():
                return
        self._progress.update(self._task, description=self._describe())

    def _step(self, node: int) -> str:
        return f"step {node + 1}/{self.steps}"

    def _describe(self) -> str:
        spent = time.monotonic() - self._began
        parts = [self._phase]
        if "writing" in self._phase and self._characters:
            parts.append(f"{self._characters} characters")
        parts += [self._metric, self._speed, f"{spent:.0f} s"]
        if self._done and self.steps:
            left = max(0, self.steps - self._done) * spent / self._done
            parts.append(f"about {left:.0f} s left")
        return " · ".join(part for part in parts if part)
