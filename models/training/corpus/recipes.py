"""Which recipes suit a task: first drafts, what a script needs to run at all, and reading a recipe back from its words."""

from __future__ import annotations

import random
from dataclasses import replace

from models.training.corpus.estimators import FAMILIES, is_linear, random_estimator, serves, value_of
from models.training.corpus.experience import NOTHING, Experience
from models.training.corpus.facts import Facts
from models.training.corpus.recipe import COMBINES, Estimator, Recipe
from models.training.corpus.steps import (
    CODINGS,
    EXTRAS,
    SCALINGS,
    STEPS,
    TARGETS,
    addable,
    fits_step,
    settings,
    with_step,
)


def recipe_of(words: str) -> Recipe:
    """Return the recipe that :meth:`Recipe.words` put into words.

    Raises:
        ValueError: there is none; the message holds the part that is not understood.
    """
    models, _, steps = words.partition(" with ")
    combine = next((one for one in COMBINES if models.endswith(f" {one}")), "")
    estimators = tuple(_estimator(part) for part in models.removesuffix(f" {combine}").split(" + "))
    recipe = Recipe(estimators, combine=combine)
    for part in steps.split(", ") if steps else ():
        name = part if part in STEPS else part.rpartition(" ")[0]
        if name not in STEPS:
            raise ValueError(f"{part!r} is no step")
        recipe = with_step(recipe, name, part.removeprefix(name).strip())
    return recipe


def _estimator(words: str) -> Estimator:
    name = next((one for one in FAMILIES if words == one or words.startswith(f"{one} ")), None)
    if name is None:
        raise ValueError(f"{words!r} names no estimator")
    rest = words.removeprefix(name).split()
    return Estimator(name, tuple(zip(rest[::2], rest[1::2], strict=True)))


def base_steps(rng: random.Random, facts: Facts, estimators: tuple[Estimator, ...]) -> Recipe:
    """Return the steps that a script needs to run at all, and those that a sensible draft always has."""
    recipe = Recipe(estimators)
    linear = is_linear(recipe)
    if facts.categorical:
        recipe = with_step(recipe, _coding(rng, recipe, facts))
    if linear:
        recipe = with_step(recipe, rng.choices(SCALINGS, (5, 1, 2, 1))[0])
    if facts.datetime:
        recipe = with_step(recipe, rng.choices(("dates", "date cycles"), (4, 1))[0])
    if facts.text:
        recipe = with_step(recipe, "text")
    if facts.regression and recipe.estimator_names & {"svm", "mlp"}:
        recipe = with_step(recipe, rng.choice(["scaled target", "normal target"]))
    if facts.metric == "rmsle" and not recipe.has(*TARGETS) and rng.random() < 0.8:
        recipe = with_step(recipe, "log target")
    if (
        facts.metric in ("balanced_accuracy", "macro_f1")
        and fits_step("balanced", recipe, facts)
        and rng.random() < 0.6
    ):
        recipe = with_step(recipe, "balanced")
    return recipe


def _coding(rng: random.Random, recipe: Recipe, facts: Facts) -> str:
    codings = [coding for coding in CODINGS if fits_step(coding, recipe, facts)]
    return rng.choices(codings, [0.3 if coding == "hashed" else 1.0 for coding in codings])[0]


def fits(recipe: Recipe, facts: Facts) -> bool:
    """Whether all of the recipe makes sense on this task."""
    scaled = facts.regression and bool(recipe.estimator_names & {"svm", "mlp"})
    return all(serves(estimator.name, facts) for estimator in recipe.estimators) and all(
        fits_step(step, recipe.without(step), facts) or (scaled and step in TARGETS) for step in recipe.names
    )


def covers(recipe: Recipe, facts: Facts) -> bool:
    """Whether no kind of column is left out."""
    return (
        (facts.categorical == 0 or recipe.has(*CODINGS))
        and (facts.datetime == 0 or recipe.has("dates", "date cycles"))
        and (facts.text == 0 or recipe.has("text"))
    )


def draft(
    rng: random.Random, facts: Facts, avoid: frozenset[str] = frozenset(), known: Experience = NOTHING
) -> Recipe:
    """Return a first idea: simple, sensible, unlike the estimators in ``avoid``."""
    first = random_estimator(rng, facts, avoid, known)
    estimators: tuple[Estimator, ...] = (first,)
    combine = ""
    if rng.random() < 0.12:
        other = random_estimator(rng, facts, avoid | {first.name}, known)
        if other.name != first.name:
            estimators, combine = (first, other), rng.choice(COMBINES)
    recipe = replace(base_steps(rng, facts, estimators), combine=combine)
    wanted = rng.choices((0, 1, 2), (5, 4, 2))[0]
    for _ in range(wanted):
        extras = [step for step in EXTRAS if addable(step, recipe, facts)]
        if extras:
            recipe = add(rng, recipe, rng.choice(extras), facts, known)
    return recipe


def add(rng: random.Random, recipe: Recipe, step: str, facts: Facts, known: Experience = NOTHING) -> Recipe:
    """Return the recipe with the step, in one of its settings."""
    values = settings(step, facts)
    return with_step(recipe, step, value_of(rng, values, known) if values else "")
