"""Made-up search histories: trees of recipes with plausible scores, as a run would have them.

Each task draws hidden preferences (which ideas help on it), so that a history has something to learn
from: an idea that helped one node tends to help the next.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from math import log

from aide_local.search.tree import Tree
from aide_local.task import Direction, Task
from aide_local.types import FoldScore, Node, NodeError, NodeState, Operator
from models.training.corpus.changes import Change, changes
from models.training.corpus.estimators import is_linear
from models.training.corpus.experience import NOTHING, Experience
from models.training.corpus.facts import Facts
from models.training.corpus.recipe import Recipe
from models.training.corpus.recipes import draft, recipe_of

_FAILURES = (
    ("ValueError", "Input X contains NaN."),
    ("ValueError", "could not convert string to float: 'a'"),
    ("KeyError", "'target'"),
    ("NameError", "name 'np' is not defined"),
    ("TypeError", "got an unexpected keyword argument 'trees'"),
    ("TimeLimit", "the script ran longer than 600 s and was stopped"),
    ("Repeat", "the script does the same as node #1"),
    ("MemoryError", "Unable to allocate 9.31 GiB for an array"),
    ("SyntaxError", "'(' was never closed"),
)


def plan_of(facts: Facts, recipe: Recipe, first: str = "") -> str:
    """Return the words of a plan: what is changed (a first idea changes nothing), then kind, metric and the whole recipe."""
    opening = f"{first}. " if first else ""
    return f"{opening}{facts.kind} {facts.metric}: {recipe.words()}."


def recipe_in(plan: str) -> Recipe:
    """Return the recipe that :func:`plan_of` put into words.

    Raises:
        ValueError: the plan names none.
    """
    return recipe_of(plan.partition(": ")[2].rstrip("."))


@dataclass(slots=True)
class History:
    """A tree that grows, with the recipe of every node and the hidden worth of ideas on this task."""

    task: Task
    facts: Facts
    rng: random.Random
    tree: Tree
    recipes: dict[int, Recipe] = field(default_factory=dict)
    changes: dict[int, Change] = field(default_factory=dict)
    worth: dict[str, float] = field(default_factory=dict)
    known: Experience = NOTHING

    @classmethod
    def start(cls, task: Task, facts: Facts, rng: random.Random, known: Experience = NOTHING) -> History:
        return cls(task, facts, rng, Tree((), task.direction), known=known)

    def idea_worth(self, idea: str) -> float:
        if idea not in self.worth:
            self.worth[idea] = self.rng.gauss(log(self.known.estimator(idea, self.facts)), 1)
        return self.worth[idea]

    def quality(self, recipe: Recipe) -> float:
        """Return the quality in standard deviations of ideas' worth; the share of each idea shrinks as they add up."""
        names = [estimator.name for estimator in recipe.estimators]
        value = max(self.idea_worth(name) for name in names) + 0.3 * (len(names) - 1)
        value += sum(0.4 * self.idea_worth(step) for step in recipe.names)
        for estimator in recipe.estimators:
            value += sum(0.15 * self.idea_worth(f"{word} {setting}") for word, setting in estimator.params)
        return value

    def metric(self, recipe: Recipe) -> float:
        """Return a number that looks like the task's metric."""
        quality = self.quality(recipe) + self.rng.gauss(0, 0.1)
        if "scale" not in self.worth:
            self.worth["scale"] = 10 ** self.rng.uniform(-2, 4)
            self.worth["level"] = self.rng.uniform(0.55, 0.95)
        if self.task.direction is Direction.MAXIMIZE:
            return max(0.01, min(0.9999, self.worth["level"] + 0.02 * quality))
        bounded = self.task.metric in ("logloss", "multiclass_logloss", "rmsle", "mape", "brier", "smape")
        scale = self.worth["level"] if bounded else self.worth["scale"]
        return scale * max(0.05, 1 - 0.04 * quality)

    def grow(self, drafts: int = 5, failure: float = 0.2) -> None:
        """Add a node: a draft among the first ``drafts``, else a change of the best or of any valid node."""
        node_id = len(self.tree)
        best = self.tree.best
        if best is None or (node_id < drafts and self.rng.random() < 0.9):
            recipe = draft(self.rng, self.facts, self.tried_estimators(), self.known)
            node = Node(id=node_id, operator=Operator.DRAFT, plan=plan_of(self.facts, recipe))
        else:
            parent = best if self.rng.random() < 0.8 else self.rng.choice(self.tree.complete)
            change = self.propose(parent.id)
            if change is None:
                return
            recipe = change.recipe
            self.changes[node_id] = change
            node = Node(
                id=node_id,
                operator=Operator.IMPROVE,
                parent=parent.id,
                plan=plan_of(self.facts, recipe, change.words),
            )
        self.recipes[node_id] = recipe
        if self.rng.random() < failure:
            kind, message = self.rng.choice(_FAILURES)
            error = NodeError("exception", kind, message, self.rng.randint(3, 40))
            node = replace(node, state=NodeState.BUGGY, error=error)
        else:
            metric = float(f"{self.metric(recipe):.6g}")
            raced = best is not None and self.rng.random() < 0.15
            folds = (FoldScore(0, metric),)
            node = replace(node, state=NodeState.VALID, metric=metric, complete=not raced, folds=folds)
        self.tree = self.tree.tell(node)

    def tried_estimators(self) -> frozenset[str]:
        return frozenset(e.name for recipe in self.recipes.values() for e in recipe.estimators)

    def propose(self, parent: int) -> Change | None:
        """Return a change of the node: never one tried on it; what helped elsewhere is favoured, what hurt is not."""
        tried = {
            self.changes[child.id].words for child in self.tree.children(parent) if child.id in self.changes
        }
        gains: dict[str, float] = {}
        for node_id, change in self.changes.items():
            gain = self.tree.gain(self.tree[node_id])
            if gain is not None:
                gains[change.idea] = gain
            elif self.tree[node_id].state is NodeState.BUGGY or not self.tree[node_id].complete:
                gains[change.idea] = -1.0
        recipe = self.recipes[parent]
        options = [c for c in changes(self.rng, recipe, self.facts, self.known) if c.words not in tried]
        if not options:
            return None
        weights = [
            option.weight
            * self.known.idea(option.idea, self.facts, is_linear(recipe))
            * (1.0 if option.idea not in gains else 5.0 if gains[option.idea] > 0 else 0.15)
            for option in options
        ]
        return self.rng.choices(options, weights)[0]
