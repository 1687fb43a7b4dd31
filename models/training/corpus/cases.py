"""Moments of a search that a model is asked about: made-up runs, stopped where a node is to be written.

Everything follows from a seed, so a case whose script was executed once can be named by its seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aide_local.task import Task
from aide_local.types import Node, NodeError, NodeState, Operator
from models.training.corpus.bugs import Bug, break_script
from models.training.corpus.changes import merge
from models.training.corpus.experience import NOTHING, Experience, load_experience
from models.training.corpus.facts import Facts
from models.training.corpus.history import History, plan_of
from models.training.corpus.recipe import Recipe
from models.training.corpus.recipes import draft
from models.training.corpus.render import script
from models.training.corpus.schemas import random_task


@dataclass(frozen=True, slots=True)
class Case:
    """A question (operator, history, parents, hint) and the answer that is wanted (plan, code)."""

    operator: Operator
    history: History
    plan: str
    code: str
    parent: Node | None = None
    other: Node | None = None
    hint: str = ""


def _start(rng: random.Random, known: Experience = NOTHING) -> History:
    task = random_task(rng)
    return History.start(task, Facts.of(task), rng, known)


def _with_code(history: History, node: Node) -> Node:
    return replace(node, code=script(history.recipes[node.id], history.facts))


def cases(rng: random.Random) -> Iterator[Case]:
    """Yield the questions of one made-up run, in the order of its steps: drafts, then improvements and merges."""
    history = _start(rng, load_experience())
    drafts = rng.randint(1, 8) if rng.random() < 0.1 else 5  # a tenth of runs has more or fewer than usual
    steps = rng.choice([3, 6, 10, 16, 30])
    for step in range(steps):
        if step < drafts and rng.random() < 0.55:
            yield _draft(history, rng)
        elif history.tree.best is not None and step >= drafts and rng.random() < 0.5:
            case = _merge(history, rng) if rng.random() < 0.2 else _improve(history, rng)
            if case is not None:
                yield case
        history.grow(drafts)


def _draft(history: History, rng: random.Random) -> Case:
    recipe = draft(rng, history.facts, history.tried_estimators(), history.known)
    hint = ""
    if rng.random() < 0.08:
        hint = rng.choice(["use {}", "try {}", "{}", "a script with {}", "{} please"]).format(
            recipe.estimators[0].name
        )
    return Case(
        Operator.DRAFT, history, plan_of(history.facts, recipe), script(recipe, history.facts), hint=hint
    )


def _improve(history: History, rng: random.Random) -> Case | None:
    best = history.tree.best
    assert best is not None
    parent = best if rng.random() < 0.85 else rng.choice(history.tree.complete)
    change = history.propose(parent.id)
    if change is None:
        return None
    code = script(change.recipe, history.facts)
    parent = _with_code(history, parent)
    if code == parent.code:
        return None
    hint = ""
    if rng.random() < 0.08:
        hint = rng.choice(["{}", "try this: {}", "please {}"]).format(
            change.words if rng.random() < 0.5 else change.idea
        )
    return Case(
        Operator.IMPROVE,
        history,
        plan_of(history.facts, change.recipe, change.words),
        code,
        parent,
        hint=hint,
    )


def _merge(history: History, rng: random.Random) -> Case | None:
    ranked = history.tree.ranked()[:4]
    if len(ranked) < 2:
        return None
    one, other = (_with_code(history, node) for node in rng.sample(list(ranked), 2))
    recipe = merge(rng, history.recipes[one.id], history.recipes[other.id], history.facts)
    code = script(recipe, history.facts)
    if code in (one.code, other.code):
        return None
    words = f"merge #{one.id} and #{other.id}"
    return Case(Operator.MERGE, history, plan_of(history.facts, recipe, words), code, one, other)


@dataclass(frozen=True, slots=True)
class FailingScript:
    """A script with a bug, before it was executed; ``node`` is its place in the history."""

    bug: Bug
    history: History
    node: Node
    recipe: Recipe

    @property
    def task(self) -> Task:
        return self.history.task

    def case(self, error: NodeError) -> Case:
        """Return the question how to fix it, given the error that executing it led to."""
        node = replace(self.node, state=NodeState.BUGGY, error=error)
        self.history.tree = self.history.tree.tell(node)
        facts = self.history.facts
        plan = plan_of(facts, self.recipe, self.bug.fix)
        return Case(Operator.DEBUG, self.history, plan, script(self.recipe, facts), node)


def failing_script(seed: int, only: str = "") -> FailingScript | None:
    """Return the failing script of a seed; None if no bug applies to what the seed gives."""
    rng = random.Random(f"failing {seed}")
    history = _start(rng)
    for _ in range(rng.choice([0, 1, 2, 3, 4, 5, 6, 8, 12])):
        history.grow()
    at = len(history.tree)
    best = history.tree.best
    change = history.propose(best.id) if best is not None and rng.random() < 0.5 else None
    facts = history.facts
    if best is not None and change is not None:
        recipe, words = change.recipe, change.words
        node = Node(id=at, operator=Operator.IMPROVE, parent=best.id, plan=plan_of(facts, recipe, words))
    else:
        recipe = draft(rng, facts, history.tried_estimators())
        node = Node(id=at, operator=Operator.DRAFT, plan=plan_of(facts, recipe))
    found = break_script(rng, script(recipe, facts), facts, only)
    if found is None:
        return None
    bug, code = found
    history.recipes[at] = recipe
    return FailingScript(bug, history, replace(node, code=code), recipe)
