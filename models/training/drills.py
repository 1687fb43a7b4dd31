"""Drills: one link of a reply at a time, without the long prompt.

A reply is a chain: parent's plan and change -> new plan -> imports and lines, value by value. In whole examples each link is
a few tokens among a thousand; here it is all there is, so a value read off the plan instead of guessed is learnt in a
tenth of the tokens. The words are those of the real plans, the lines those of the real scripts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from aide_local.prompts.build import Templates
from aide_local.types import Message, Node
from models.training.corpus.cases import Case, cases
from models.training.corpus.changes import Change, changes, merge
from models.training.corpus.estimators import random_estimator
from models.training.corpus.examples import Example, example
from models.training.corpus.experience import Experience
from models.training.corpus.facts import Facts
from models.training.corpus.history import plan_of
from models.training.corpus.imports import imports
from models.training.corpus.recipe import Recipe
from models.training.corpus.recipes import draft
from models.training.corpus.render import (
    estimator_line,
    feature_lines,
    model_lines,
    prepare_lines,
    script,
)
from models.training.corpus.schemas import random_task
from models.training.corpus.thoughts import choices_of, facts_in_words, merge_verdicts, number_choices

_KNOWN = Experience(between=True)  # no opinion on what is good: every estimator and step as often


def drills(seed: int) -> Iterator[Example]:
    """Yield drills without end, the same for one seed: plans as they are asked for in runs, each with links about another task."""
    rng = random.Random(f"drills {seed}")
    templates = Templates("starter")
    kinds = (
        _lines,
        _parts,
        _parts,
        _changed_part,
        _changed_part,
        _changed_part,
        _steps,
        _steps,
        _hinted_plan,
        _hinted_plan,
        _merged_plan,
        _merged_plan,
        _whole,
    )
    while True:
        for case in cases(rng):
            yield _plan(case, rng, templates)
            facts = Facts.of(random_task(rng))
            for kind in rng.sample(kinds, rng.choice((1, 2))):
                made = kind(rng, facts)
                if made is not None:
                    yield made


def _example(system: str, user: str, reply: str) -> Example:
    messages = (Message("system", system), Message("user", user))
    return Example(messages, reply, "drill", ((0, len(reply)),))


def _recipe(rng: random.Random, facts: Facts) -> Recipe:
    """Return a recipe as it may be after some steps of a search."""
    recipe = draft(rng, facts, known=_KNOWN)
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        change = _change(rng, recipe, facts)
        if change is not None:
            recipe = change.recipe
    return recipe


def _shape(facts: Facts) -> str:
    return f"kind: {facts.kind}\nmetric: {facts.metric}\npredict: {facts.predict}\ntargets: {facts.targets}"


def _lines(rng: random.Random, facts: Facts) -> Example:
    """Ask for the lines of some estimators that are given in words."""
    chosen = [random_estimator(rng, facts, known=_KNOWN) for _ in range(rng.randint(2, 6))]
    lines = [estimator_line(one, Recipe((one,)), facts) for one in chosen]
    return _example("Lines.\n" + _shape(facts), "\n".join(one.words() for one in chosen), "\n".join(lines))


def _parts_of(recipe: Recipe, facts: Facts) -> dict[str, str]:
    """Return the parts of a recipe's script, by name."""
    return {
        "imports": "\n".join(imports(script(recipe, facts))),
        "features": "\n".join(feature_lines(recipe, facts)).strip(),
        "columns": "\n".join(prepare_lines(recipe, facts)).strip(),
        "model": "\n".join(model_lines(recipe, facts)).strip(),
    }


def _parts(rng: random.Random, facts: Facts) -> Example:
    """Ask for one part of the script of a plan."""
    recipe = _recipe(rng, facts)
    part, lines = rng.choice(list(_parts_of(recipe, facts).items()))
    return _example(f"{part.title()}.\n{_shape(facts)}", plan_of(facts, recipe), lines)


def _change(rng: random.Random, parent: Recipe, facts: Facts) -> Change | None:
    options = list(changes(rng, parent, facts, _KNOWN))
    return rng.choices(options, [option.weight for option in options])[0] if options else None


def _changed_part(rng: random.Random, facts: Facts) -> Example | None:
    """Show a part of the parent's script and the plan of a change; ask for that part after it. Mostly it is one that changes."""
    parent = _recipe(rng, facts)
    change = _change(rng, parent, facts)
    if change is None:
        return None
    before, after = _parts_of(parent, facts), _parts_of(change.recipe, facts)
    changing = [part for part in before if before[part] != after[part]]
    part = rng.choice(changing if changing and rng.random() < 0.8 else list(before))
    user = f"parent:\n```python\n{before[part]}\n```\n{plan_of(facts, change.recipe, change.words)}"
    return _example(f"{part.title()}.\n{_shape(facts)}", user, after[part])


def _plan(case: Case, rng: random.Random, templates: Templates) -> Example:
    """Ask for thought and plan as in a run, but show no more of a parent's script than the titles of its steps."""
    outlined = replace(case, parent=_outline(case.parent), other=_outline(case.other))
    whole = example(outlined, templates, rng)
    system, *rest = whole.messages
    plan = whole.reply.partition("\n```python\n")[0]
    messages = (replace(system, content="Plan.\n" + system.content), *rest)
    return Example(messages, plan, "drill", ((0, len(plan)),))


def _outline(node: Node | None) -> Node | None:
    if node is None:
        return None
    titles = (line.strip() for line in node.code.split("\n") if line.lstrip().startswith("# "))
    return replace(node, code="".join(f"{title}\n" for title in titles))


def _steps(rng: random.Random, facts: Facts) -> Example:
    """Show the facts and a recipe; ask for the steps that could be added or dropped, and for one of them."""
    recipe = _recipe(rng, facts)
    choices = choices_of(recipe, facts)
    user = f"{facts_in_words(facts)}. has: {recipe.words()}"
    return _example("Steps.", user, number_choices(choices, rng.choice(choices) if choices else ""))


def _hinted_plan(rng: random.Random, facts: Facts) -> Example | None:
    """Show a parent's plan and a change; ask for the plan that says both."""
    parent = _recipe(rng, facts)
    options = list(changes(rng, parent, facts, _KNOWN))
    if not options:
        return None
    # A step left out of a list that is copied is what goes wrong most.
    weights = [option.weight * (4 if option.words.startswith("drop ") else 1) for option in options]
    change, earlier = rng.choices(options, weights, k=2)
    announced = earlier.words if rng.random() < 0.5 else ""
    hint = change.words if rng.random() < 0.7 else change.idea
    user = f"parent #{rng.randint(0, 30)}: {plan_of(facts, parent, announced)}\nhint: {hint}"
    return _example("Plan.", user, plan_of(facts, change.recipe, change.words))


def _merged_plan(rng: random.Random, facts: Facts) -> Example:
    one = _recipe(rng, facts)
    kin = rng.random() < 0.4  # the best nodes of a run often are
    change = _change(rng, one, facts) if kin else None
    other = change.recipe if change is not None else _recipe(rng, facts)
    merged = merge(rng, one, other, facts)
    a, b = rng.sample(range(30), 2)
    user = f"parent #{a}: {plan_of(facts, one)}\nparent #{b}: {plan_of(facts, other)}\nmerge"
    plan = plan_of(facts, merged, f"merge #{a} and #{b}")
    return _example("Plan.", user, f"<think>{merge_verdicts(one, other, merged)}</think>\n{plan}")


def _whole(rng: random.Random, facts: Facts) -> Example:
    """Ask for the whole script of a plan."""
    recipe = _recipe(rng, facts)
    user = plan_of(facts, recipe)
    return _example("Script.\n" + _shape(facts), user, f"```python\n{script(recipe, facts)}```")
