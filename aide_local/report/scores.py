"""The numbers at the head of every report, the same whether the run has ended or still goes on."""

from __future__ import annotations

from typing import Any

from aide_local.store.record import RunRecord
from aide_local.task import Direction, Task

# (label, key of the summary, how it was measured), from the least to the most that a person may trust
SCORES = (
    ("constant guess", "constant_score", "the best constant prediction, on the training rows' folds"),
    ("best single script", "best_score", "out-of-fold predictions; the search chose by this number"),
    ("ensemble", "ensemble_score", "out-of-fold predictions; its weights were fitted on them"),
    ("report slice", "report_score", "rows that nothing was chosen by, scored once: the number to trust"),
)
UNCONFINED = "limits"  # the sandbox level that bounds time and memory and keeps nothing from a script


def better(task: Task) -> str:
    return "higher" if task.direction is Direction.MAXIMIZE else "lower"


def summary_of(record: RunRecord) -> dict[str, Any]:
    """The keys of summary.json. Before anything was delivered, or once the run goes on after it: what is known.

    Then the ensemble and the report slice have no score; the constant guess's never changes.
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
