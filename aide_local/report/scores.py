"""The scores at the head of every report, the same whether the run has ended or still goes on."""

from __future__ import annotations

from typing import Any

from aide_local.search.digest import format_metric
from aide_local.store.record import RunRecord
from aide_local.task import Direction, Mode, Task

# How the score by which the search chose was measured; then (label, key of the summary, how it was measured), from
# the score that a person may trust least to the one to trust most.
_CHOSEN_BY = {
    Mode.FOLDS: "out-of-fold predictions; the search chose by this number",
    Mode.COMMAND: "by the task's grader; the search chose by this number",
    Mode.REPORTED: "as the script printed it; the search chose by this number",
}
_SCORES = (
    ("constant guess", "constant_score", "the best constant prediction, on the training rows' folds"),
    ("best single script", "best_score", ""),
    ("ensemble", "ensemble_score", "out-of-fold predictions; its weights were fitted on them"),
    ("report slice", "report_score", "rows that nothing was chosen by, scored once: the number to trust"),
)
UNCONFINED = "limits"  # the sandbox level that bounds time and memory and keeps nothing from a script


def scores(task: Task, summary: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (label, score, how it was measured); tasks without folds have the best script's score alone."""
    return [
        (label, format_metric(value) if isinstance(value, float) else "–", how or _CHOSEN_BY[task.mode])
        for label, key, how in _SCORES
        for value in [summary.get(key)]
        if task.mode is Mode.FOLDS or key == "best_score" or isinstance(value, float)
    ]


def better(task: Task) -> str:
    """Return "higher" or "lower"."""
    return "higher" if task.direction is Direction.MAXIMIZE else "lower"


def summary_of(record: RunRecord) -> dict[str, Any]:
    """Return the keys of summary.json, or what is known of them while the run goes on.

    Meanwhile the ensemble and the report slice have no score; the constant guess's never changes.
    """
    view = record.view
    delivered = view.summary
    if delivered and view.info.state in ("finished", "stopped", "failed"):
        return delivered
    best = view.tree.best
    return {
        "run_id": view.info.id,
        "task": view.task.name,
        "metric": view.task.metric,
        "direction": view.task.direction.value,
        "best_score": best.metric if best else None,
        "ensemble_score": None,
        "report_score": None,
        "report_rows": 0,
        "constant_score": delivered.get("constant_score"),
        "best_node": best.id if best else None,
        "ensemble": {},
        "nodes": len(view.tree),
        "valid_nodes": len(view.tree.valid),
        "wall_seconds": record.seconds_used,
        "model": view.info.model,
        "sandbox": record.sandbox,
        "stop_reason": view.info.stop_reason,
    }
