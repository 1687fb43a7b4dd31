"""The skeleton families of a tree: the nodes whose scripts differ in hyperparameters only, with their one space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

from aide_local.search.tree import Tree
from aide_local.search.tuner.moves import Point
from aide_local.search.tuner.ranges import twin_of
from aide_local.search.tuner.render import render
from aide_local.search.tuner.script import hyperparameters, skeleton
from aide_local.search.tuner.space import Hyperparameter, Value, same
from aide_local.types import Node, NodeState, Operator

_NEAR = 0.03  # of a domain


@dataclass(frozen=True)
class Family:
    """Nodes with one skeleton, in order of id. What a person banned is not among them."""

    tree: Tree
    skeleton: str
    nodes: tuple[Node, ...]

    @cached_property
    def root(self) -> Node | None:
        """The first complete node that the tuner did not make: the parent of the tuned ones. None if there is none."""
        return next((node for node in self.complete if node.operator is not Operator.TUNE), None)

    @cached_property
    def complete(self) -> tuple[Node, ...]:
        """The valid nodes with every fold scored: only these are compared by metric."""
        return tuple(
            node
            for node in self.nodes
            if node.state is NodeState.VALID and node.complete and node.metric is not None
        )

    @cached_property
    def best(self) -> Node | None:
        """The complete node with the best metric; of equals, the earliest."""
        return max(self.complete, key=lambda node: (self.score(node), -node.id), default=None)

    @cached_property
    def tuned(self) -> tuple[Node, ...]:
        """The tuner's nodes, pending ones included."""
        return tuple(node for node in self.nodes if node.operator is Operator.TUNE)

    @cached_property
    def twins(self) -> Mapping[str, str]:
        """The hyperparameters that follow another one, by key.

        A script that serves both kinds of task names a classifier and a regressor with the same values: those are one
        hyperparameter, for only one of the two ever runs.
        """
        found: dict[str, str] = {}
        first = hyperparameters(self.nodes[0].code) if self.nodes else ()
        for place, one in enumerate(first):
            for other in first[:place]:
                alike = other.name == one.name and other.estimator == twin_of(one.estimator)
                if alike and same(other.value, one.value) and other.key not in (*found, *found.values()):
                    found[one.key] = other.key
                    break
        return found

    @cached_property
    def space(self) -> tuple[Hyperparameter, ...]:
        """The hyperparameters of the first node without twins, their domains widened to what the other nodes have.

        The domains are not those of the node being tuned: a number about which nothing is known moves by a factor of
        four around the first script's value, and not four times further with each generation.
        """
        if not self.nodes:
            return ()
        points = [values_of(node.code) for node in self.nodes]
        space = []
        for one in hyperparameters(self.nodes[0].code):
            domain = one.domain
            for point in points:
                if domain.accepts(point[one.key]):
                    domain = domain.widen(point[one.key])
            if one.key not in self.twins:
                space.append(replace(one, domain=domain))
        return tuple(space)

    def point(self, node: Node) -> Point | None:
        """Return the node's values of the family's space; None if one of them is of another type than the first's."""
        values = values_of(node.code)
        inside = all(one.domain.accepts(values[one.key]) for one in self.space)
        return {one.key: values[one.key] for one in self.space} if inside else None

    def near(self, one: Point, other: Point) -> bool:
        """Return whether two points are so close that the second would measure nothing but noise."""
        return all(each.domain.distance(one[each.key], other[each.key]) <= _NEAR for each in self.space)

    def script(self, code: str, point: Point) -> str:
        """Return a script of the family with the values of a point."""
        return render(code, {**point, **{key: point[other] for key, other in self.twins.items()}})

    def score(self, node: Node) -> float:
        """Return the metric of a complete node, signed so that higher is better."""
        assert node.metric is not None
        return self.tree.direction.sign * node.metric

    def observations(self) -> Iterator[tuple[Point, float]]:
        """Yield each node's values and signed score, as a sampler is to learn of them.

        A node that racing stopped has the score of the best node shifted by their mean paired difference over the
        folds it has. A buggy one, and one still pending (a constant liar, Ginsbourger et al. 2010), has the worst
        score of all: the sampler looks elsewhere.
        """
        scored: list[tuple[Point, float]] = []
        unknown: list[Point] = []
        for node in self.nodes:
            point = self.point(node)
            if point is None or node.state is NodeState.INTERRUPTED:
                continue
            score = self._estimate(node)
            if score is None:
                unknown.append(point)
            else:
                scored.append((point, score))
        yield from scored
        worst = min((score for _, score in scored), default=0.0)
        yield from ((point, worst) for point in unknown)

    def _estimate(self, node: Node) -> float | None:
        if node.state is not NodeState.VALID:
            return None
        if node.complete:
            return self.score(node) if node.metric is not None else None
        best = self.best
        if best is None:
            return None
        differences = paired_differences(self.tree, node, best)
        return self.score(best) + min(0.0, fmean(differences)) if differences else None


def families(tree: Tree) -> tuple[Family, ...]:
    """Return the skeleton families of a tree that have something to tune, in order of their first nodes."""
    grouped: dict[str, list[Node]] = {}
    for node in tree.nodes:
        if node.code and node.id not in tree.excluded and hyperparameters(node.code):
            grouped.setdefault(skeleton(node.code), []).append(node)
    return tuple(Family(tree, key, tuple(nodes)) for key, nodes in grouped.items())


def family_of(tree: Tree, node: Node) -> Family:
    """Return the family of a node."""
    key = skeleton(node.code)
    alike = (
        one for one in tree.nodes if one.code and one.id not in tree.excluded and skeleton(one.code) == key
    )
    return Family(tree, key, tuple(alike))


def paired_differences(tree: Tree, node: Node, other: Node) -> list[float]:
    """Return by how much ``node`` is better than ``other`` on each fold that both have, signed: higher is better."""
    scores = {one.fold: one.score for one in other.folds if one.score is not None}
    return [
        tree.direction.sign * (one.score - scores[one.fold])
        for one in node.folds
        if one.score is not None and one.fold in scores
    ]


def values_of(code: str) -> dict[str, Value]:
    """Return a script's hyperparameters by key."""
    return {one.key: one.value for one in hyperparameters(code)}
