"""What the person receives at the end: submissions, the best script, a report and a summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from aide_local.digest import digest_line, format_metric
from aide_local.evaluate.final import Final
from aide_local.task import Direction, Task
from aide_local.tree import Tree
from aide_local.types import NodeState

# (tree, reason why the run ended, wall seconds used) -> the keys of summary.json
Deliver = Callable[[Tree, str, float], dict[str, object]]


def write_files(out: Path, task: Task, tree: Tree, final: Final | None, summary: dict[str, object]) -> None:
    """Write ``summary.json`` and ``report.md`` beside the submissions that the evaluator wrote."""
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "summary.json", json.dumps(summary, indent=2) + "\n")
    _write(out / "report.md", report(task, tree, final, summary))


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a reader never sees half a file."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def report(task: Task, tree: Tree, final: Final | None, summary: dict[str, object]) -> str:
    """The run in Markdown: the number, how far to trust it, the best script, and what was tried."""
    better = "higher" if task.direction is Direction.MAXIMIZE else "lower"
    lines = [
        f"# {task.name}",
        "",
        f"Run `{summary['run_id']}` with the model {summary['model']}; it ended because: {summary['stop_reason']}.",
        f"Metric: {task.metric}, {better} is better. Sandbox: {summary['sandbox']}.",
        "",
        "| | score | how it was measured |",
        "|---|---|---|",
    ]
    rows = [
        ("constant guess", "constant_score", "the best constant prediction, on the training rows' folds"),
        ("best single script", "best_score", "out-of-fold predictions; the search chose by this number"),
        ("ensemble", "ensemble_score", "out-of-fold predictions; its weights were fitted on them"),
        ("report slice", "report_score", "rows that nothing was chosen by, scored once: the number to trust"),
    ]
    for label, key, how in rows:
        value = summary.get(key)
        shown = format_metric(value) if isinstance(value, float) else "–"
        lines.append(f"| {label} | {shown} | {how} |")
    lines += ["", _delivered(final), ""]
    counts = f"{len(tree)} nodes, {len(tree.valid)} valid"
    lines += [f"## The search: {counts}, {summary['wall_seconds']:.0f} s", ""]
    lines += [f"- {digest_line(tree, node)}" for node in tree.nodes if node.state is not NodeState.PENDING]
    best = tree.best
    if best is not None:
        path = " ← ".join(f"#{node.id} {node.operator}" for node in tree.lineage(best.id))
        lines += [
            "",
            f"## The best script: {path}",
            "",
            best.plan,
            "",
            "```python",
            best.code.rstrip(),
            "```",
        ]
    return "\n".join(lines) + "\n"


def _delivered(final: Final | None) -> str:
    if final is None:
        return "Nothing valid was found, so no submission was written."
    parts = ", ".join(f"#{node} × {weight:.2f}" for node, weight in final.weights)
    return (
        f"`submission.csv` is the ensemble ({parts}); `solution.py` and `solution_submission.csv` are the best"
        f" single script, node #{final.best}."
    )
