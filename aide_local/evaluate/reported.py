"""The paper's own way (arXiv 2502.13138): a script prints its validation score and the model reviews it.

For tasks whose data have no shape that the harness could cut. The number is the script's own, so it is
only as honest as the script; the direction of the metric is the task's, never the model's guess.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from aide_local.evaluate.compare import Rival
from aide_local.evaluate.protocol import Evaluation
from aide_local.evaluate.single import Place, execute_script
from aide_local.task import Task
from aide_local.types import FoldScore, NodeError

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SHOWN = 6000  # characters of a script's output that the model reviews


@dataclass(frozen=True, slots=True)
class Review:
    """The model's verdict on an execution; ``metric`` is None where it saw no validation score."""

    is_bug: bool
    metric: float | None
    summary: str


# From a node, its script and what that printed; None if the model's reply is no review.
Reviewer = Callable[[int, str, str], Review | None]

# For generation under a grammar: a reply of this schema is what ``read_review`` takes.
REVIEW_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "is_bug": {"type": "boolean"},
        "metric": {"type": ["number", "null"]},
        "summary": {"type": "string", "maxLength": 400},
    },
    "required": ["is_bug", "metric", "summary"],
    "additionalProperties": False,
}
REVIEW_TOKENS = 400  # of the context, kept for such a reply


def read_review(reply: str) -> Review:
    """Read the model's JSON reply. Raises ValueError if it is not of ``REVIEW_SCHEMA``."""
    found = json.loads(reply)
    if not isinstance(found, dict) or not isinstance(found.get("is_bug"), bool):
        raise ValueError(f"not a review: {reply[:200]!r}")
    metric = found.get("metric")
    number = float(metric) if isinstance(metric, int | float) and not isinstance(metric, bool) else None
    return Review(found["is_bug"], number, str(found.get("summary", ""))[:400])


def review_text(task: Task, code: str, output: str) -> str:
    """Return what the model reviews: the script and the end of what it printed."""
    shown = output if len(output) <= _SHOWN else "…" + output[-_SHOWN:]
    return (
        f"A script was run that must print its validation {task.metric}.\n\n"
        f"```python\n{code.rstrip()}\n```\n\nIt printed:\n```\n{shown.rstrip()}\n```\n\n"
        "Say whether it failed (is_bug), which validation score it printed (metric, null if none), and in one"
        " or two sentences what was found (summary)."
    )


class ReportedEvaluator:
    """Thread-safe if the reviewer is. A node is scored by one execution, kept as fold 0."""

    def __init__(self, task: Task, place: Place, review: Reviewer | None) -> None:
        self._task = task
        self._place = place
        self._review = review

    def evaluate(
        self,
        node: int,
        code: str,
        *,
        rival: Rival | None = None,
        wall: float | None = None,
        on_output: Callable[[int, str], None] | None = None,
        on_fold: Callable[[FoldScore], None] | None = None,
        cancel: Event | None = None,
    ) -> Evaluation:
        """See :class:`aide_local.evaluate.protocol.Evaluator`.

        Raises:
            ModelError: the reviewer failed.
        """
        with execute_script(self._place, node, code, wall, on_output, cancel) as (outcome, execution, _):
            pass
        error, score = outcome.error, None
        if error is None:
            found = self._judge(node, code, outcome.output)
            error, score = (found, None) if isinstance(found, NodeError) else (None, found)
        fold = FoldScore(0, score, outcome.usage)
        if on_fold is not None:
            on_fold(fold)
        return Evaluation(
            metric=score,
            complete=error is None,
            folds=(fold,),
            error=error,
            output=outcome.output,
            usage=outcome.usage,
            executions=(execution,),
        )

    def _judge(self, node: int, code: str, output: str) -> float | NodeError:
        """Return the score: the contract's own line if it was printed, else the number that the model names.

        Without a review the printed line alone decides.
        """
        printed = printed_score(output, self._task.metric)
        review = self._review(node, code, output) if self._review is not None else None
        if review is not None:
            if review.is_bug:
                return NodeError("score", "ReviewedAsBug", review.summary or "The review found a bug.")
            if printed is None and review.metric is not None and occurs(review.metric, output):
                printed = review.metric
        if printed is None:
            line = f"validation {self._task.metric}: <number>"
            return NodeError(
                "score", "NoScore", f"No validation score was printed; the last line must be `{line}`."
            )
        if not math.isfinite(printed):
            return NodeError("score", "NotFinite", f"The printed validation score is {printed}.")
        return printed


def printed_score(output: str, metric: str) -> float | None:
    """Return the number of the last line ``validation <metric>: <number>``; case does not matter."""
    line = rf"^\s*validation\s+{re.escape(metric)}\s*[:=]\s*({_NUMBER}|nan|[-+]?inf)\s*$"
    found = re.findall(line, output, flags=re.IGNORECASE | re.MULTILINE)
    return float(found[-1]) if found else None


def occurs(value: float, output: str) -> bool:
    """Tell whether the number was really printed: a model may invent one, or turn its sign or scale."""
    numbers = (float(text) for text in re.findall(_NUMBER, output))
    return any(math.isclose(value, number, rel_tol=1e-3, abs_tol=1e-12) for number in numbers)
