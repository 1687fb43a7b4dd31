"""Write a run in Markdown. Text of a model or a script becomes neither markup nor an image that a viewer fetches."""

from __future__ import annotations

import re

from aide_local.report.scores import UNCONFINED, better, scores
from aide_local.search.digest import digest_line
from aide_local.search.tree import Tree
from aide_local.task import Mode, Task
from aide_local.types import NodeState, Summary


def markdown(task: Task, tree: Tree, summary: Summary) -> str:
    """Return the report: the scores, how far to trust them, what was tried, the best script."""
    reason = summary.stop_reason
    ended = f"it ended because: {reason}" if reason else "it has not ended yet"
    lines = [
        f"# {escape(task.name)}",
        "",
        f"Run `{summary.run_id}` with the model {escape(summary.model)}; {ended}.",
        f"Metric: {escape(task.metric)}, {better(task)} is better. Sandbox: {summary.sandbox}.",
        "",
    ]
    if summary.sandbox == UNCONFINED:
        lines += [
            "> **UNCONFINED**: time and memory were bounded, nothing else; a script could read and write whatever its"
            " user can.",
            "",
        ]
    lines += ["| | score | how it was measured |", "|---|---|---|"]
    lines += [f"| {label} | {value} | {how} |" for label, value, how in scores(task, summary)]
    lines += [f"\n> **Warning**: {escape(summary.warning)}"] if summary.warning else []
    lines += [f"\n> {escape(note)}" for note in summary.notes]
    lines += ["", _delivered(task, summary), ""]
    lines += [
        f"## The search: {len(tree)} nodes, {len(tree.valid)} valid, {summary.wall_seconds:.0f} s",
        "",
    ]
    if summary.completion_tokens:
        cost = f"The model read {summary.prompt_tokens} tokens and wrote {summary.completion_tokens}."
        lines += [cost, ""]
    lines += [
        f"- {escape(digest_line(tree, node))}" for node in tree.nodes if node.state is not NodeState.PENDING
    ]
    best = tree.best
    if best is not None:
        path = " ← ".join(f"#{node.id} {node.operator}" for node in tree.lineage(best.id))
        lines += [
            "",
            f"## The best script: {path}",
            "",
            escape(best.plan),
            "",
            fence_code(best.code, "python"),
        ]
    return "\n".join(lines) + "\n"


def _delivered(task: Task, summary: Summary) -> str:
    if summary.best_node is None:
        return "Nothing valid was found, so no submission was written."
    if not summary.ensemble:
        return f"Nothing has been delivered yet; the best single script is node #{summary.best_node}."
    single = f"`solution.py` is the best single script, node #{summary.best_node}"
    if task.mode is not Mode.FOLDS:
        return f"{single}."
    if task.test is None:
        return f"{single}; the task has no test rows, so there is no submission."
    parts = ", ".join(f"#{node} × {weight:.2f}" for node, weight in summary.ensemble.items())
    return (
        f"`submission.csv` is the ensemble ({parts}); `solution.py` and `solution_submission.csv` are the best"
        f" single script, node #{summary.best_node}."
    )


def escape(text: str) -> str:
    """Return one paragraph that shows ``text`` and nothing else.

    Any ASCII punctuation may be escaped (CommonMark 2.4); this escapes the signs that begin a list, a quotation, a
    heading, a link, an image, HTML, mathematics or an entity.
    """
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~$&])", r"\\\1", " ".join(text.split()))


def fence_code(text: str, language: str = "") -> str:
    """Return a code block that ``text`` cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
