"""Three ways to show the events of a run: JSON lines, plain lines, and a live display."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from aide_local.basics.text import neutralise
from aide_local.events import (
    BestImproved,
    Event,
    NodeFinished,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    Trouble,
)
from aide_local.search.digest import format_metric, idea
from aide_local.types import Node, NodeState, Operator, Origin, Summary


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
        self.best: int | None = None

    def line(self, text: str, style: str = "") -> None:
        print(text, flush=True)

    def show(self, event: Event) -> None:
        match event:
            case RunStarted():
                words = "resumed" if event.resumed else "started"
                line = f"run {event.run_id} {words}: {event.metric}, model {event.model}"
                if event.constant_score is not None:
                    line += f"; the best constant guess scores {format_metric(event.constant_score)}"
                self.line(line)
            case BestImproved():
                self.best = event.node
            case NodeFinished():
                self.line(node_line(event.node), _STYLES.get(event.node.state, ""))
            case Trouble():
                self.line(neutralise(f"trouble: {event.message} {event.fix}".rstrip()), "yellow")
            case RunPaused():
                self.line(f"paused {event.reason}", "yellow")
            case RunResumed():
                self.line("going on")
            case RunFinished():
                self.line(f"ended: {event.stop_reason}")
                for text in summary_lines(event.summary):
                    self.line(text)


_STYLES = {NodeState.VALID: "green", NodeState.BUGGY: "red", NodeState.INTERRUPTED: "yellow"}


def node_line(node: Node) -> str:
    """Return ``#3 improve of #1  0.5123  replace ridge by …``; who made it is named if it was not the model."""
    head = f"#{node.id} {node.operator}"
    if node.parent is not None:
        head += f" of #{node.parent}"
    if node.origin is not Origin.MODEL and node.operator not in (Operator.TUNE, Operator.HUMAN):
        head += f" ({node.origin})"
    if node.state is NodeState.VALID:
        result = format_metric(node.metric) if node.complete else "behind the best, stopped early"
    elif node.error is not None:
        result = f"failed: {node.error.one_line(100)}"
    else:
        result = node.state.value
    return neutralise(f"{head}  {result}  {idea(node.plan)}".rstrip())


def estimate_words(summary: Summary) -> str:
    """Return the number to show with its interval and where it comes from."""
    low, high = summary.interval or (None, None)
    between = f", 95 % between {format_metric(low)} and {format_metric(high)}" if low is not None else ""
    return f"{format_metric(summary.estimate)}{between} ({summary.estimate_source})"


def summary_lines(summary: Summary | None) -> list[str]:
    """Return what was delivered, a fact a line."""
    if summary is None:
        return ["nothing was delivered (aide-local resume goes on)"]
    lines = [f"{summary.nodes} nodes, {summary.valid_nodes} valid, {summary.wall_seconds:.0f} s"]
    if summary.executing_share is not None and summary.writing_share is not None:
        lines[0] += (
            f"; cores {summary.executing_share:.0%} executing, model {summary.writing_share:.0%} writing"
        )
    if summary.best_node is None:
        return [
            *lines,
            "No valid script was found, so there is no submission.",
            f"Why: aide-local show {summary.run_id} NODE. Then more --steps (aide-local resume), or another --model.",
        ]
    metric = summary.metric
    if summary.constant_score is not None:
        lines.append(f"constant guess   {metric} {format_metric(summary.constant_score)}")
    lines.append(f"best script      {metric} {format_metric(summary.best_score)}  (#{summary.best_node})")
    if summary.ensemble_score is not None:
        how = f"{summary.combination} of {len(summary.ensemble)}"
        lines.append(
            f"delivered        {metric} {format_metric(summary.ensemble_score)}  ({how}, cross-fitted)"
        )
    if summary.report_score is not None:
        lines.append(
            f"report slice     {metric} {format_metric(summary.report_score)}"
            f"  on {summary.report_rows} rows that nothing was chosen by"
        )
    if summary.estimate is not None:
        lines.append(f"to expect        {metric} {estimate_words(summary)}")
    if summary.warning:
        lines.append(f"warning          {summary.warning}")
    lines.append(f"delivered to     {summary.out}")
    return lines
