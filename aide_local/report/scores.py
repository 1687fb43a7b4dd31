"""The scores at the head of every report, the same whether the run has ended or still goes on."""

from __future__ import annotations

from aide_local.search.digest import format_metric
from aide_local.store.record import RunRecord
from aide_local.task import Direction, Mode, Task
from aide_local.types import RunState, Summary

# How the score by which the search chose was measured.
_CHOSEN_BY = {
    Mode.FOLDS: "out-of-fold predictions; the search chose by this number",
    Mode.COMMAND: "by the task's grader; the search chose by this number",
    Mode.REPORTED: "as the script printed it; the search chose by this number",
}
ENDED = (RunState.FINISHED, RunState.STOPPED, RunState.FAILED)
UNCONFINED = "limits"  # the sandbox level that bounds time and memory and keeps nothing from a script


def scores(task: Task, summary: Summary) -> list[tuple[str, str, str]]:
    """Return (label, score, how it was measured), from the score to trust least to the one to trust most.

    Tasks without folds have the best script's score alone.
    """
    rows = [
        (
            "constant guess",
            summary.constant_score,
            "the best constant prediction, on the training rows' folds",
        ),
        ("best single script", summary.best_score, _CHOSEN_BY[task.mode]),
        (
            "delivered",
            summary.ensemble_score,
            "out-of-fold predictions, cross-fitted: no row was scored by weights that it was fitted to",
        ),
        (
            "report slice",
            summary.report_score,
            f"{summary.report_rows} rows that nothing was chosen by, scored once",
        ),
    ]
    if summary.estimate is not None:
        rows.append(("to expect", summary.estimate, f"{_between(summary)}{summary.estimate_source}"))
    return [
        (label, format_metric(value) if value is not None else "–", how)
        for label, value, how in rows
        if task.mode is Mode.FOLDS or label == "best single script" or value is not None
    ]


def _between(summary: Summary) -> str:
    low, high = summary.interval or (None, None)
    return f"95 % between {format_metric(low)} and {format_metric(high)}; " if low is not None else ""


def better(task: Task) -> str:
    """Return "higher" or "lower"."""
    return "higher" if task.direction is Direction.MAXIMIZE else "lower"


def summary_of(record: RunRecord) -> Summary:
    """Return what was delivered, or what is known of it while the run goes on.

    Meanwhile the ensemble and the report slice have no score; the constant guess's never changes.
    """
    view = record.view
    if view.summary is not None and view.info.state in ENDED:
        return view.summary
    best = view.tree.best
    return Summary(
        run_id=view.info.id,
        task=view.task.name,
        metric=view.task.metric,
        direction=view.task.direction.value,
        best_score=best.metric if best else None,
        constant_score=view.summary.constant_score if view.summary is not None else None,
        best_node=best.id if best else None,
        nodes=len(view.tree),
        valid_nodes=len(view.tree.valid),
        wall_seconds=record.seconds_used,
        model=view.info.model,
        sandbox=record.sandbox,
        stop_reason=view.info.stop_reason,
    )
