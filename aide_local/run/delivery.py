"""The end of a run: the final choice is made and scored, and its files are written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aide_local.errors import StoreError
from aide_local.evaluate.assemble import Opened
from aide_local.evaluate.final import Final
from aide_local.report.deliver import write_files
from aide_local.run.loop import Ending
from aide_local.search.tree import Tree
from aide_local.store.database import DuckRunStore
from aide_local.task import Task
from aide_local.types import Summary

LEAST_RESERVE, MOST_RESERVE = 0.02, 0.2  # of the time limit, kept for the delivery
LEAST_REFIT = 30.0  # seconds, without a time limit
WRITING_SECONDS = 1.0  # of the choice and its files
REFITS = 5  # nodes whose execution on all rows the reserve is measured by


@dataclass(frozen=True, slots=True)
class Delivery:
    """Makes the deliverables of one run."""

    store: DuckRunStore
    task: Task
    opened: Opened
    model: str
    sandbox: str
    refit: bool

    def __call__(self, tree: Tree, ending: Ending) -> Summary:
        """Choose, score and write; returns what was delivered.

        Raises:
            StoreError: the deliverables cannot be written.
        """
        out = self.store.out() or self.store.folder / "deliverables"
        try:
            out.mkdir(parents=True, exist_ok=True)
            final = self.opened.finalise(tree, out, self._refit_seconds(ending))
            summary = self._summary(tree, final, ending, out)
            write_files(out, self.task, tree, summary)
        except OSError as error:
            raise StoreError(
                f"The deliverables cannot be written to {out}: {error.strerror or error}.",
                f"Choose another folder: aide-local resume {self.store.run_id} --out DIR.",
            ) from error
        return summary

    def _refit_seconds(self, ending: Ending) -> float:
        if not self.refit:
            return 0.0
        if ending.seconds_left is None:
            return max(LEAST_REFIT, MOST_RESERVE * ending.seconds)
        return max(0.0, ending.seconds_left - WRITING_SECONDS)

    def _summary(self, tree: Tree, final: Final | None, ending: Ending, out: Path) -> Summary:
        prompt_tokens, completion_tokens = self.store.tokens()
        seconds = max(ending.seconds, 1e-3)
        chosen: dict[str, object] = {}
        if final is not None:
            chosen = {
                "best_score": final.best_score,
                "ensemble_score": final.ensemble_score,
                "report_score": final.report_score,
                "best_report_score": final.best_report_score,
                "report_rows": final.report_rows,
                "best_node": final.best,
                "ensemble": {str(node): weight for node, weight in final.weights},
                "combination": final.combination,
                "refitted": [one.node for one in final.contributions if one.refitted],
                "notes": list(final.notes),
            }
            if final.estimate is not None:
                chosen |= {
                    "estimate": final.estimate.score,
                    "interval": [final.estimate.low, final.estimate.high],
                    "estimate_source": final.estimate.source.value,
                    "check_score": final.estimate.check,
                    "warning": final.estimate.warning,
                }
        return Summary.of(
            {
                **chosen,
                "run_id": self.store.run_id,
                "task": self.task.name,
                "metric": self.task.metric,
                "direction": self.task.direction.value,
                "constant_score": self.opened.constant_score,
                "nodes": len(tree),
                "valid_nodes": len(tree.valid),
                "wall_seconds": round(ending.seconds, 2),
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "model": self.model,
                "sandbox": self.sandbox,
                "stop_reason": ending.reason.value,
                "out": str(out),
                "cores": ending.cores,
                "writing_share": round(min(1.0, ending.writing / seconds), 3),
                "executing_share": round(min(1.0, ending.executing / seconds / ending.cores), 3),
            }
        )


def reserve(tree: Tree, time_limit: float | None, *, refit: bool) -> float:
    """Return how many seconds of the time limit the delivery will need.

    Refits take about as long as a fold of the best nodes, one after the other at worst.
    """
    if time_limit is None:
        return 0.0
    walls = [node.usage.wall / len(node.folds) for node in tree.ranked()[:REFITS] if node.folds]
    needed = WRITING_SECONDS + (1.5 * sum(walls) if refit else 0.0)
    return min(MOST_RESERVE * time_limit, max(LEAST_RESERVE * time_limit, needed))
