"""One answer of the examination, and which of two scores is the better."""

from __future__ import annotations

from dataclasses import dataclass

from aide_local.task import Task


@dataclass(slots=True)
class Answer:
    """One generation and what became of its script."""

    operator: str
    task: str
    kind: str
    metric: str
    code: bool = False
    runs: bool = False
    beats_constant: bool = False
    own_beats_constant: bool = False
    score: float | None = None  # on the rows of the made-up test file; None if it does not run
    gains: bool = False  # scores better than its parent, on the same few rows
    own_gains: bool = False  # the corpus' own answer does
    names_right: bool = False
    changed: bool = False
    plan_holds: bool = False  # it names the recipe that the change which it announces leads to
    plan_suits: bool = False  # that recipe is one for the rows and columns of the task
    plan_matches: bool = False  # it holds, and the script is exactly that recipe's
    bug: str = ""
    error: str = ""
    tokens: int = 0
    decode_ms: float = 0.0
    hash: str = ""


def better(task: Task, one: float | None, other: float | None) -> bool:
    """Whether ``one`` is the better score; what has none is worse than all, and not better than another that has none."""
    if one is None or other is None:
        return one is not None
    return task.direction.sign * one > task.direction.sign * other
