"""Whether a plan does what it announces: from the parent's recipe to another one that suits the task, and to its script."""

from __future__ import annotations

import random
from collections.abc import Iterator

from aide_local.run.precheck import ast_hash
from models.training.corpus.cases import Case
from models.training.corpus.changes import difference, merge, with_other
from models.training.corpus.facts import Facts
from models.training.corpus.history import recipe_in
from models.training.corpus.recipe import Recipe
from models.training.corpus.recipes import covers, fits
from models.training.corpus.render import script
from models.training.examination.answer import Answer


def judge_plan(answer: Answer, case: Case, plan: str) -> None:
    """Fill in whether the plan names a recipe (after a parent: the one that the announced change leads to), whether that
    suits the task, and whether it is what the script does."""
    facts = case.history.facts
    announced, _, rest = ("", "", plan) if case.parent is None else plan.partition(". ")
    recipe = _recipe(rest)
    if recipe is None:
        return
    answer.plan_holds = case.parent is None or _leads_to(case, announced, recipe)
    whole = case.parent is not None or covers(recipe, facts)  # an improvement may drop what does not help
    answer.plan_suits = answer.plan_holds and whole and fits(recipe, facts)
    answer.plan_matches = answer.plan_holds and answer.hash == _hash_of(recipe, facts)


def _recipe(plan: str) -> Recipe | None:
    """Return the recipe that a plan, or its second sentence, names; None if it names none."""
    try:
        return recipe_in(plan)
    except ValueError:
        return None


def _hash_of(recipe: Recipe, facts: Facts) -> str:
    """Return the hash of the recipe's script; empty if an estimator lacks a parameter, or has one of no such name."""
    try:
        return ast_hash(script(recipe, facts))
    except KeyError:
        return ""


def _leads_to(case: Case, announced: str, recipe: Recipe) -> bool:
    """Whether what the plan announces leads from the parent, or from both, to the recipe."""
    assert case.parent is not None
    facts, recipes = case.history.facts, case.history.recipes
    parent = recipes[case.parent.id]
    if case.other is not None:
        ways = {merge(random.Random(seed), parent, recipes[case.other.id], facts) for seed in range(40)}
        return announced == f"merge #{case.parent.id} and #{case.other.id}" and recipe in ways
    return announced in (difference(parent, recipe), *_brought_in(parent, recipe, facts))


def _brought_in(parent: Recipe, recipe: Recipe, facts: Facts) -> Iterator[str]:
    """Yield the words of the changes that bring an estimator in and lead to ``recipe``; one may come with several scalings."""
    used = {estimator.name for estimator in parent.estimators}
    for other in recipe.estimators:
        for seed in range(40 if other.name not in used else 0):
            for change in with_other(random.Random(seed), parent, facts, other):
                if change.recipe == recipe:
                    yield change.words
