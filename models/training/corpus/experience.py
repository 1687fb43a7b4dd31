"""The experience of executed programs (:mod:`outcomes`), as weights for what the corpus proposes.

Two tables: how well an estimator did among the drafts for a sort of task, and how often an idea, added to a
script, gained. A weight of 1 is the average; weights are bounded, so that nothing is ever left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from models.training.corpus.facts import Facts

FILE = Path(__file__).with_name("experience.json")
FEW_ROWS = 450


def sort_of(facts: Facts) -> str:
    """Return the sort of task for which estimators are weighed; all of it is in the prompt."""
    kind = "regression" if facts.regression else "classes"
    rows = "few rows" if facts.rows < FEW_ROWS else "many rows"
    return f"{kind}, {rows}, {'mixed' if facts.categorical else 'numeric'}"


def place_of(facts: Facts, linear: bool) -> str:
    """Return where an idea was added: kind of task, kind of script."""
    return f"{'regression' if facts.regression else 'classes'}, {'linear' if linear else 'trees'}"


@dataclass(frozen=True, slots=True)
class Experience:
    """``estimators[sort][name]`` and ``ideas[place][idea]``; what is not there weighs 1.

    ``between`` lets parameters take values between the notches of their family: what is always one of three values is
    guessed, not read off the plan.
    """

    estimators: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    ideas: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    between: bool = False

    def estimator(self, name: str, facts: Facts) -> float:
        return self.estimators.get(sort_of(facts), {}).get(name, 1.0)

    def idea(self, idea: str, facts: Facts, linear: bool) -> float:
        return self.ideas.get(place_of(facts, linear), {}).get(idea, 1.0)


NOTHING = Experience()
"""No opinion: exploring, and the bank of errors, whose scripts are named by seed, must not change with what is learnt."""


@cache
def load_experience() -> Experience:
    """Return the weights that :mod:`outcomes` wrote down; none before it did."""
    if not FILE.exists():
        return Experience(between=True)
    return Experience(**json.loads(FILE.read_text("utf-8")), between=True)
