"""Propose a child of a node that differs in its hyperparameters only: a pure function of tree, seed and step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aide_local.search.policy import rng
from aide_local.search.tree import Tree
from aide_local.search.tuner.family import Family, families, family_of
from aide_local.search.tuner.moves import Point, expert_moves
from aide_local.search.tuner.ranges import kind_of
from aide_local.search.tuner.script import hyperparameters, skeleton
from aide_local.search.tuner.space import Value, literal, same
from aide_local.search.tuner.study import sample

TRIES = 10
_PRIOR_POINTS = 3


@dataclass(frozen=True, slots=True)
class Prior:
    """A value that did well in another script, whose estimator may be the classifier or the regressor.

    Priors with one weight are of one source and are tried together. Weights of earlier runs are at most 1: what this
    run has learnt comes first.
    """

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

    First what did well before: in families of this tree with the same kind of model, then in earlier runs (``priors``).
    Then an expert's moves around the best node of the family, then what Optuna's sampler proposes from all that the
    family has measured. Never the values of a node of the tree, nor values that differ from them by less than matters.
    The plan and the changes are relative to ``parent``.
    """
    node = tree[parent]
    family = family_of(tree, node)
    own = family.point(node)
    if not family.space or own is None or family.best is None:
        return None
    tried = [point for one in family.nodes if (point := family.point(one)) is not None]
    for point in _points(family, own, tried, seed, step, (*_learnt(tree, family), *priors)):
        code = family.script(node.code, point)
        if skeleton(code) != family.skeleton or any(family.near(point, other) for other in tried):
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


def _points(
    family: Family, own: Point, tried: list[Point], seed: int, step: int, priors: tuple[Prior, ...]
) -> Iterator[Point]:
    """Yield points in the order in which they are to be tried; at most TRIES of the sampler."""
    known = [*_prior_points(family, own, priors)]
    yield from known
    centre = (family.point(family.best) if family.best else None) or own
    moves = [*expert_moves(family.space, centre)]
    done = len(family.tuned) - sum(any(family.near(point, one) for one in tried) for point in known)
    yield from moves[max(0, done) :]
    observations = tuple(family.observations())
    for number in range(TRIES):
        numbers = rng(seed, step, f"tune {family.skeleton} {number}")
        yield sample(family.space, observations, numbers.getrandbits(31))


def _learnt(tree: Tree, family: Family) -> Iterator[Prior]:
    """Yield what tuning has changed for the better in the other families of a tree, the best family's first."""
    others = [one for one in families(tree) if one.skeleton != family.skeleton and one.root and one.best]
    others.sort(key=lambda one: -one.score(one.best) if one.best else 0.0)
    for rank, other in enumerate(others, 1):
        assert other.root is not None
        assert other.best is not None
        estimators = {one.key: one.estimator for one in other.space}
        for change in changes_between(other.root.code, other.best.code):
            if change.key in estimators:
                yield Prior(estimators[change.key], change.name, change.after, 1.0 + 1.0 / rank)


def _prior_points(family: Family, own: Point, priors: tuple[Prior, ...]) -> Iterator[Point]:
    """Yield the values of a script with those of each weight, that is of each source, the heaviest first."""
    sources: dict[float, dict[str, Value]] = {}
    for prior in sorted(priors, key=lambda prior: -prior.weight):
        for one in family.space:
            alike = kind_of(one.estimator) == kind_of(prior.estimator) and one.name == prior.name
            if alike and one.domain.accepts(prior.value):
                values = sources.setdefault(prior.weight, {})
                values.setdefault(one.key, one.domain.nearest(prior.value))
    for values in [*sources.values()][:_PRIOR_POINTS]:
        yield {**own, **values}
