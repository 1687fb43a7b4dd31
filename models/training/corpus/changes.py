"""Atomic changes: from a recipe to the next one, with the words that a plan says for it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from models.training.corpus.estimators import FAMILIES, random_estimator
from models.training.corpus.experience import NOTHING, Experience
from models.training.corpus.facts import Facts
from models.training.corpus.recipe import COMBINES, Estimator, Recipe
from models.training.corpus.recipes import add, base_steps
from models.training.corpus.steps import (
    CODINGS,
    EXTRAS,
    SCALINGS,
    TARGETS,
    addable,
    fits_step,
    settings,
    with_step,
)


@dataclass(frozen=True, slots=True)
class Change:
    """``words`` is the plan's first sentence; ``idea`` is what it is about, whatever its setting."""

    words: str
    idea: str
    recipe: Recipe
    weight: float = 1.0


def changes(
    rng: random.Random, recipe: Recipe, facts: Facts, known: Experience = NOTHING
) -> Iterator[Change]:
    """Yield every sensible atomic change of the recipe, settings chosen at random."""
    for step in EXTRAS:
        if addable(step, recipe, facts):
            new = add(rng, recipe, step, facts, known)
            yield Change(f"add {step} {new.setting(step)}".strip(), step, new, 1.2)
    gone = droppable(recipe)
    for step in recipe.names:
        if step in gone:
            yield Change(f"drop {step}", f"drop {step}", recipe.without(step), 0.4)
        for value in settings(step, facts):
            if value != recipe.setting(step):
                yield Change(
                    f"{step} {recipe.setting(step)} to {value}",
                    f"{step} {value}",
                    with_step(recipe, step, value),
                    0.4,
                )
    for group in (CODINGS, SCALINGS, TARGETS):
        now = next((step for step in recipe.names if step in group), None)
        if now is None:
            continue
        for step in group:
            new = with_step(recipe.without(now), step)
            if step != now and fits_step(step, recipe.without(now), facts) and not _clash(new, facts):
                yield Change(f"{now} to {step}", step, new, 0.8)
    yield from _parameters(recipe)
    yield from _other_estimators(rng, recipe, facts, known)


def droppable(recipe: Recipe) -> list[str]:
    """Return the steps that the script does without."""
    return [step for step in recipe.names if step in EXTRAS and not _needed(step, recipe)]


def difference(parent: Recipe, child: Recipe) -> str:
    """Return the words of the atomic change that leads from one recipe to the other; empty if no one change of steps or
    parameters does. Whether the task has the rows and columns for it is not asked."""
    before, after = parent.estimators, child.estimators
    if [estimator.name for estimator in before] != [estimator.name for estimator in after]:
        return ""
    found = [
        f"{one.name} {word} {was} to {now}"
        for one, other in zip(before, after, strict=True)
        for (word, was), (_, now) in zip(one.params, other.params, strict=False)
        if was != now
    ]
    if parent.combine != child.combine:
        found.append(f"{parent.combine} to {child.combine}")
    gone = [step for step in parent.names if not child.has(step)]
    new = [step for step in child.names if not parent.has(step)]
    found += [
        f"{step} {parent.setting(step)} to {child.setting(step)}"
        for step in parent.names
        if child.has(step) and child.setting(step) != parent.setting(step)
    ]
    if any(
        len(gone) == len(new) == 1 and {*gone, *new} <= {*group} for group in (CODINGS, SCALINGS, TARGETS)
    ):
        found.append(f"{gone[0]} to {new[0]}")
    else:
        found += [f"drop {step}" for step in gone]
        found += [f"add {step} {child.setting(step)}".strip() for step in new]
    return found[0] if len(found) == 1 else ""


def _needed(step: str, recipe: Recipe) -> bool:
    return step in TARGETS and bool({e.name for e in recipe.estimators} & {"svm", "mlp"})


def _clash(recipe: Recipe, facts: Facts) -> bool:
    return any(not fits_step(step, recipe.without(step), facts) for step in recipe.names)


def _parameters(recipe: Recipe) -> Iterator[Change]:
    """Yield the changes of one parameter by a notch up or down: notches are the values of its family, in order."""
    if recipe.has("search"):
        return
    for at, estimator in enumerate(recipe.estimators):
        for word, values in FAMILIES[estimator.name].values:
            now = dict(estimator.params)[word]
            lower = [value for value in values if float(value) < float(now)][-1:]
            higher = [value for value in values if float(value) > float(now)][:1]
            for value in (*lower, *higher):
                changed = estimator.with_param(word, value)
                estimators = (*recipe.estimators[:at], changed, *recipe.estimators[at + 1 :])
                yield Change(
                    f"{estimator.name} {word} {now} to {value}",
                    f"{word} {value}",
                    replace(recipe, estimators=estimators),
                    0.7,
                )


def _other_estimators(
    rng: random.Random, recipe: Recipe, facts: Facts, known: Experience
) -> Iterator[Change]:
    used = frozenset(estimator.name for estimator in recipe.estimators)
    other = random_estimator(rng, facts, used, known)
    if other.name not in used:
        yield from with_other(rng, recipe, facts, other)


def with_other(rng: random.Random, recipe: Recipe, facts: Facts, other: Estimator) -> Iterator[Change]:
    """Yield the changes that bring in an estimator which the recipe does not have; its other steps are fitted to it."""
    if len(recipe.estimators) == 1:
        swapped = _refit(rng, replace(recipe, estimators=(other,)), facts)
        yield Change(f"replace {recipe.estimators[0].name} by {other.words()}", other.name, swapped, 1.5)
        if not any(recipe.has(step) for step in ("bagged", "search", "balanced", "calibrated", "threshold")):
            combine = rng.choice(COMBINES)
            both = replace(recipe, estimators=(*recipe.estimators, other), combine=combine)
            both = _refit(rng, both, facts)
            yield Change(f"{combine} with {other.words()}", f"{combine} {other.name}", both, 2.5)
    else:
        turn = COMBINES[1 - COMBINES.index(recipe.combine)]
        yield Change(f"{recipe.combine} to {turn}", turn, replace(recipe, combine=turn), 0.6)
        if len(recipe.estimators) == 2:
            more = _refit(rng, replace(recipe, estimators=(*recipe.estimators, other)), facts)
            yield Change(
                f"add {other.words()} to the {recipe.combine}", f"{recipe.combine} {other.name}", more, 1.5
            )


def _refit(rng: random.Random, recipe: Recipe, facts: Facts) -> Recipe:
    """Keep the steps that still fit, and add those that the new estimators need."""
    needed = base_steps(rng, facts, recipe.estimators)
    fitted = replace(recipe, steps=())
    for step, setting in recipe.steps:
        if step in SCALINGS or step in CODINGS:
            continue
        if fits_step(step, fitted, facts):
            fitted = with_step(fitted, step, setting)
    for group in (CODINGS, SCALINGS):
        kept = next((step for step in recipe.names if step in group and fits_step(step, fitted, facts)), None)
        wanted = kept or next((step for step in needed.names if step in group), None)
        if wanted:
            fitted = with_step(fitted, wanted)
    if not any(fitted.has(target) for target in TARGETS):
        for target in TARGETS:
            if needed.has(target) and _needed(target, fitted):
                fitted = with_step(fitted, target)
    if _clash(fitted, facts):
        for step in fitted.names:
            if not fits_step(step, fitted.without(step), facts):
                fitted = fitted.without(step)
    return fitted


def merge(rng: random.Random, one: Recipe, other: Recipe, facts: Facts) -> Recipe:
    """Return the first recipe's steps with those of the second that fit, and both estimators, combined."""
    names = [estimator.name for estimator in one.estimators]
    fresh = [estimator for estimator in other.estimators if estimator.name not in names]
    estimators = (*one.estimators, *fresh)[:3]
    merged = replace(one, estimators=estimators, combine="")
    if len(estimators) > 1:
        merged = replace(merged, combine=one.combine or other.combine or COMBINES[0])
        merged = merged.without("bagged", "search", "balanced", "calibrated", "threshold")
    for step, setting in other.steps:
        unscaled = not any(merged.has(scaling) for scaling in SCALINGS)
        if addable(step, merged, facts) and (step in EXTRAS or (step in SCALINGS and unscaled)):
            merged = with_step(merged, step, setting)
    return _refit(rng, merged, facts)
