"""Thoughts: before its plan, a reply repeats facts, parents and earlier ideas, next to where they are needed.

A small model copies what is a few words back and guesses what is a thousand words back. So a reply first repeats, in
the form in which they stand in the prompt, the rows and kinds of columns, the recipe of each parent, and the ideas that
the journal holds already; for an improvement it numbers the steps that could be added, and dropped, and chooses a number: any would
do, and what stands behind it is copied instead of made up; for a merge it goes through what the second parent has and says
what of it is new; last comes what the person asked for. The product leaves thoughts out of the plan.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aide_local.types import Operator
from models.training.corpus.cases import Case
from models.training.corpus.changes import droppable
from models.training.corpus.facts import Facts
from models.training.corpus.history import recipe_in
from models.training.corpus.recipe import Recipe
from models.training.corpus.steps import EXTRAS, STEPS, addable

_MOST_ESTIMATORS, _MOST_CHANGES = 6, 4  # of those tried: what comes first in the journal


def thought_of(case: Case, digest: Sequence[str]) -> str:
    """Return the thought with its tags, empty if a bug is to be fixed; ``digest`` is the journal as the prompt shows it."""
    if case.operator is Operator.DEBUG:
        return ""
    facts = case.history.facts
    sentences = [facts_in_words(facts)]
    for word, parent in (("has", case.parent), ("and", case.other)):
        if parent is not None:
            sentences.append(f"{word}: {case.history.recipes[parent.id].words()}")
    tried = _earlier_ideas(case, digest)
    if tried:
        sentences.append(f"tried: {', '.join(one.removeprefix('add ') for one in tried)}")
    if case.parent is not None and case.other is not None:
        recipes = case.history.recipes
        sentences.append(
            merge_verdicts(recipes[case.parent.id], recipes[case.other.id], recipe_in(case.plan))
        )
    if case.operator is Operator.IMPROVE:
        assert case.parent is not None
        choices = choices_of(case.history.recipes[case.parent.id], facts, tried)
        sentences.append(number_choices(choices, "" if case.hint else _choice_of(case, choices)))
    if case.hint:
        sentences.append(f"asked: {case.hint}")
    return f"<think>{'. '.join(sentences)}</think>"


def facts_in_words(facts: Facts) -> str:
    return f"{facts.kind} {facts.metric}, {facts.rows} rows, {facts.kinds}, {facts.missing} missing"


def choices_of(recipe: Recipe, facts: Facts, tried: Sequence[str] = ()) -> list[str]:
    """Return the steps that could be added, then those that could be dropped, in the order in which a script takes them."""
    new = [
        step
        for step in STEPS
        if step in EXTRAS and addable(step, recipe, facts) and f"add {step}" not in tried
    ]
    gone = [f"drop {step}" for step in droppable(recipe)]
    return [*new, *(words for words in gone if words not in tried)]


def number_choices(choices: Sequence[str], chosen: str) -> str:
    """Number the choices and name the chosen one, unless it is empty: "could: 1 logs, 2 drop pca. so: 2 drop pca"."""
    numbered = [f"{number} {choice}" for number, choice in enumerate(choices, 1)]
    listed = f"could: {', '.join(numbered) or 'nothing'}"
    return f"{listed}. so: {numbered[choices.index(chosen)]}" if chosen else listed


def merge_verdicts(one: Recipe, other: Recipe, merged: Recipe) -> str:
    """Return what becomes of each estimator and step of the second recipe (the first has it, it is new, or it is not taken),
    what comes besides, and what of the first goes: "take: svm C 3 new, logs has, bagged 10 no. add: scaled. drop: nothing"."""
    estimators = [(estimator.name, estimator.words()) for estimator in other.estimators]
    parts = [*estimators, *zip(other.names, other.step_words, strict=True)]
    verdicts = [f"{words} {_verdict(name, one, merged)}" for name, words in parts]
    besides = [
        words
        for step, words in zip(merged.names, merged.step_words, strict=True)
        if not one.has(step) and not other.has(step)
    ]
    gone = [step for step in one.names if not merged.has(step)]
    return f"take: {', '.join(verdicts)}. add: {', '.join(besides) or 'nothing'}. drop: {', '.join(gone) or 'nothing'}"


def _verdict(name: str, one: Recipe, merged: Recipe) -> str:
    """Return the verdict on an estimator or a step, by its name."""

    def among(recipe: Recipe) -> bool:
        return name in recipe.names or any(estimator.name == name for estimator in recipe.estimators)

    return "has" if among(one) else "new" if among(merged) else "no"


def _choice_of(case: Case, choices: Sequence[str]) -> str:
    """Return the step that the plan adds or drops; empty if it announces another change."""
    announced = case.plan.partition(". ")[0]
    if announced in choices:
        return announced
    return next((step for step in choices if re.fullmatch(rf"add {step}(?: \d+)?", announced)), "")


def _earlier_ideas(case: Case, digest: Sequence[str]) -> list[str]:
    """Return, for a draft, the estimators of those before it, for an improvement the changes of its parent, in the journal's order."""
    history = case.history
    shown = [
        history.tree[int(line.removeprefix("#").split(" ")[0])] for line in digest if re.match(r"#\d+ ", line)
    ]
    match case.operator:
        case Operator.DRAFT:
            drafts = (node.id for node in shown if node.operator is Operator.DRAFT)
            names = dict.fromkeys(history.recipes[one].estimators[0].name for one in drafts)
            return list(names)[:_MOST_ESTIMATORS]
        case Operator.IMPROVE:
            assert case.parent is not None
            siblings = (node.id for node in shown if node.parent == case.parent.id)
            return [history.changes[one].words for one in siblings if one in history.changes][:_MOST_CHANGES]
    return []
