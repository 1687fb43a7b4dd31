"""Propose a child of a node that differs in its hyperparameters only: a pure function of tree, seed and step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aide_local.search.policy import rng
from aide_local.search.tree import Tree
from aide_local.search.tuner.family import Family, family_of, values_of
from aide_local.search.tuner.moves import Point, expert_moves
from aide_local.search.tuner.ranges import stem_of
from aide_local.search.tuner.script import hyperparameters, skeleton
from aide_local.search.tuner.space import Value, literal, same
from aide_local.search.tuner.study import sample

TRIES = 10
_PRIOR_POINTS = 3


@dataclass(frozen=True, slots=True)
class Prior:
    """A value that did well in an earlier run: of an estimator, classifier and regressor alike."""

    estimator: str
    name: str
    value: Value
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """A hyperparameter with its value before and after."""

    key: str
    name: str
    before: Value
    after: Value

    def __str__(self) -> str:
        return f"{self.name} {spelling(self.before)} → {spelling(self.after)}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A script to try: ``parent``'s with the ``changes``, which ``plan`` says in words."""

    parent: int
    code: str
    plan: str
    changes: tuple[Change, ...]


def propose(tree: Tree, parent: int, seed: int, step: int, priors: Iterable[Prior] = ()) -> Proposal | None:
    """Return the next script to try in the family of node ``parent``; None if ten tries gave nothing new.

    First what did well in earlier runs (``priors``), then an expert's moves around the best node of the family, then
    what Optuna's sampler proposes from all that the family has measured. Never the values of a node of the tree.
    The plan and the changes are relative to ``parent``.
    """
    node = tree[parent]
    family = family_of(tree, node)
    own = family.point(node)
    if not family.space or own is None or family.best is None:
        return None
    tried = [values_of(one.code) for one in family.nodes]
    for point in _points(family, own, seed, step, tuple(priors)):
        code = family.script(node.code, point)
        if skeleton(code) != family.skeleton or any(_equal(values_of(code), other) for other in tried):
            continue
        changes = changes_between(node.code, code)
        return Proposal(parent, code, plan_of(changes), changes)
    return None


def priors_from(code: str, weight: float = 1.0) -> tuple[Prior, ...]:
    """Return the values of a script that did well, as priors for other scripts."""
    return tuple(Prior(one.estimator, one.name, one.value, weight) for one in hyperparameters(code))


def changes_between(before: str, after: str) -> tuple[Change, ...]:
    """Return the hyperparameters in which two scripts with one skeleton differ."""
    new = {one.key: one.value for one in hyperparameters(after)}
    return tuple(
        Change(one.key, one.name, one.value, new[one.key])
        for one in hyperparameters(before)
        if one.key in new and not same(one.value, new[one.key])
    )


def plan_of(changes: tuple[Change, ...]) -> str:
    """Return the changes in words: ``learning_rate 0.05 → 0.031, max_depth 6 → 8``."""
    return ", ".join(dict.fromkeys(map(str, changes)))


def spelling(value: Value) -> str:
    """Return a value for people: strings without quotes."""
    return value if isinstance(value, str) else literal(value)


def _points(family: Family, own: Point, seed: int, step: int, priors: tuple[Prior, ...]) -> Iterator[Point]:
    """Yield points in the order in which they are to be tried; at most TRIES of the sampler."""
    centre = (family.point(family.best) if family.best else None) or own
    tuned = len(family.tuned)
    first = [*_prior_points(family, centre, priors), *expert_moves(family.space, centre)]
    yield from first[tuned:] if tuned < len(first) else ()
    observations = tuple(family.observations())
    for number in range(TRIES):
        numbers = rng(seed, step, f"tune {family.skeleton} {number}")
        yield sample(family.space, observations, numbers.getrandbits(31))


def _prior_points(family: Family, centre: Point, priors: tuple[Prior, ...]) -> Iterator[Point]:
    """Yield ``centre`` with what did best in earlier runs, then with what did second best, and so on."""
    ranked: defaultdict[str, list[Value]] = defaultdict(list)
    for prior in sorted(priors, key=lambda prior: -prior.weight):
        for one in family.space:
            alike = stem_of(one.estimator) == stem_of(prior.estimator) and one.name == prior.name
            if (
                alike
                and one.domain.accepts(prior.value)
                and not any(same(prior.value, v) for v in ranked[one.key])
            ):
                ranked[one.key].append(one.domain.nearest(prior.value))
    for place in range(min(_PRIOR_POINTS, max(map(len, ranked.values()), default=0))):
        yield {**centre, **{key: values[place] for key, values in ranked.items() if place < len(values)}}


def _equal(one: Point, other: Point) -> bool:
    return all(key in other and same(value, other[key]) for key, value in one.items())
