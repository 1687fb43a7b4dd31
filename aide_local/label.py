"""How a node is called in a person's lists of nodes; the model's journal is in :mod:`aide_local.digest`."""

from __future__ import annotations

from aide_local.digest import first_sentence
from aide_local.task import Kind


def idea(plan: str) -> str:
    """The plan's first sentence, at most :data:`aide_local.digest.PLAN_WIDTH` characters.

    An opening that says the task again (``binary auc, 569 rows: random forest``) is the same for every node of a
    run, so it is left out.
    """
    opening, colon, rest = plan.partition(": ")
    repeats = colon and opening.split(" ")[0] in tuple(Kind) and ". " not in opening
    return first_sentence(rest if repeats else plan)
