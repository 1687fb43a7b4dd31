"""Drills: one link of a reply at a time, without the long prompt.

A reply is a chain: parent's plan and change -> new plan -> imports and lines, value by value. In whole examples each link is
a few tokens among a thousand; here it is all there is, so a value read off the plan instead of guessed is learnt in a
tenth of the tokens. The words are those of the real plans, the lines those of the real scripts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from aide_local.prompts.build import Templates, system_message
from aide_local.types import Message
from models.training.corpus import Example
from models.training.corpus.changes import changes, merge
from models.training.corpus.history import plan_of
from models.training.corpus.learnt import Learnt, learnt
from models.training.corpus.recipes import Facts, Recipe, draft, random_estimator
from models.training.corpus.render import estimator_line, imports, model_lines, prepare_lines, script
from models.training.corpus.schemas import packages, random_task

_KNOWN = Learnt(between=True)  # no opinion on what is good: every estimator and step as often


def drills(seed: int) -> Iterator[Example]:
    """Infinite; deterministic in the seed. Plans of drafts, then several about one other task."""
    rng = random.Random(f"drills {seed}")
    templates = Templates("starter")
    kinds = (_lines, _lines, _lines, _parts, _parts, _next_plan, _next_plan, _next_plan, _merged_plan, _whole)
    while True:
        for _ in range(3):
            yield _first_plan(rng, templates)
        facts = Facts.of(random_task(rng))
        for kind in rng.sample(kinds, 5):
            made = kind(rng, facts)
            if made is not None:
                yield made


def _example(system: str, user: str, reply: str) -> Example:
    messages = (Message("system", system), Message("user", user))
    return Example(messages, reply, "drill", ((0, len(reply)),))


def _recipe(rng: random.Random, facts: Facts) -> Recipe:
    """A recipe as it may be after some steps of a search."""
    recipe = draft(rng, facts, known=_KNOWN)
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        options = list(changes(rng, recipe, facts, _KNOWN))
        if options:
            recipe = rng.choices(options, [option.weight for option in options])[0].recipe
    return recipe


def _shape(facts: Facts) -> str:
    return f"kind: {facts.kind}\nmetric: {facts.metric}\npredict: {facts.predict}\ntargets: {facts.targets}"


def _lines(rng: random.Random, facts: Facts) -> Example:
    """Some estimators in words, each as its line."""
    chosen = [random_estimator(rng, facts, known=_KNOWN) for _ in range(rng.randint(2, 6))]
    lines = [estimator_line(one, Recipe((one,)), facts) for one in chosen]
    return _example("Lines.\n" + _shape(facts), "\n".join(one.words() for one in chosen), "\n".join(lines))


def _parts(rng: random.Random, facts: Facts) -> Example:
    """A plan; its imports, or what prepares its columns, or its model."""
    recipe = _recipe(rng, facts)
    part, lines = rng.choice(
        (
            ("imports", imports(script(recipe, facts))),
            ("columns", prepare_lines(recipe, facts)),
            ("model", model_lines(recipe, facts)),
            ("model", model_lines(recipe, facts)),
        )
    )
    return _example(f"{part.title()}.\n{_shape(facts)}", plan_of(facts, recipe), "\n".join(lines).strip())


def _first_plan(rng: random.Random, templates: Templates) -> Example:
    """A task as the product describes it; the plan of a draft."""
    task = random_task(rng)
    facts = Facts.of(task)
    system = system_message(templates, task, packages(rng), "").content
    recipe = draft(rng, facts, known=learnt())
    return _example("Plan.\n" + system, "draft", plan_of(facts, recipe))


def _next_plan(rng: random.Random, facts: Facts) -> Example | None:
    """A parent's plan and a change; the plan that says both."""
    parent = _recipe(rng, facts)
    options = list(changes(rng, parent, facts, _KNOWN))
    if not options:
        return None
    change = rng.choices(options, [option.weight for option in options])[0]
    earlier = rng.choice(options).words if rng.random() < 0.5 else ""
    user = f"parent #{rng.randint(0, 30)}: {plan_of(facts, parent, earlier)}\nhint: {change.words}"
    return _example("Plan.", user, plan_of(facts, change.recipe, change.words))


def _merged_plan(rng: random.Random, facts: Facts) -> Example:
    one, other = _recipe(rng, facts), _recipe(rng, facts)
    a, b = rng.sample(range(30), 2)
    user = f"parent #{a}: {plan_of(facts, one)}\nparent #{b}: {plan_of(facts, other)}\nmerge"
    return _example("Plan.", user, plan_of(facts, merge(rng, one, other, facts), f"merge #{a} and #{b}"))


def _whole(rng: random.Random, facts: Facts) -> Example:
    """A plan; the whole script."""
    recipe = _recipe(rng, facts)
    user = plan_of(facts, recipe)
    return _example("Script.\n" + _shape(facts), user, f"```python\n{script(recipe, facts)}```")
