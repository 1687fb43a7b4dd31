"""Choose which node to tune next, or that tuning is no longer worth its time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from aide_local.search.policy import rng
from aide_local.search.tree import Tree
from aide_local.search.tuner.family import Family, families, paired_differences
from aide_local.search.tuner.propose import Prior, propose
from aide_local.search.tuner.ranges import PREPROCESSING, kind_of
from aide_local.types import Node, NodeState, Operator, Origin, Step

MOST_ARMS = 8  # families among which the tuner divides its time
MOST_ALIKE = 2  # of these, with the same estimators
PATIENCE = 12  # tuned nodes of a family in a row without a gain, after which it is exhausted
_RECENT = 4  # tuned nodes whose seconds say what the next will take
_DISCOUNT = 0.85  # what a gain counts less with each later node of its family
_TOO_SLOW = 4.0  # more than so many times the seconds of a family that is as good: slower than its worth
_LEAST_GAIN = 1e-4  # of the metric: smaller differences are no gain


def choose(tree: Tree, seed: int, step: int, priors: Iterable[Prior] = ()) -> Step | None:
    """Return the step that makes tuned node ``step``, or None if nothing is left that promises a gain.

    The arms of a bandit are the skeleton families with the best scores, at most MOST_ALIKE with the same estimators,
    because the answer is an ensemble and the second best of another kind adds more to it than the tenth variant of the
    best; what a person pinned is always among them. Each arm draws the chance that its next node is a gain from its
    own past (Thompson sampling, Russo et al., "A Tutorial on Thompson Sampling", 2018, with the discounting of Raj and
    Kalyani, "Taming Non-stationary Bandits", 2017: returns diminish). A gain counts by its size in standard errors of
    the paired difference over the folds, up to one. The draw is multiplied by how close the arm is to the best, in
    standard errors of the best's metric, and divided by the square root of its seconds. The highest wins.

    No arms are families that PATIENCE nodes in a row did not improve, and those that take more than _TOO_SLOW times
    as long as one that is at least as good. Seconds are rounded to octaves and count from one half, so that the noise of a
    clock hardly ever changes a decision: on stored nodes the choice is a pure function of tree, seed and step.
    """
    known = tuple(priors)
    numbers = rng(seed, step, "tune family")
    valued = []
    for arm in _arms(tree):
        chance = numbers.betavariate(1.0 + arm.gains, 1.0 + arm.failures)
        valued.append((chance * arm.closeness / math.sqrt(arm.seconds), arm))
    for _, arm in sorted(valued, key=lambda pair: (-pair[0], pair[1].root.id)):
        found = propose(tree, arm.root.id, seed, step, known)
        if found is not None:
            sampling = rng(seed, step, "sampling").getrandbits(31)
            return Step(
                Operator.TUNE,
                parent=found.parent,
                seed=sampling,
                origin=Origin.TUNER,
                code=found.code,
                plan=found.plan,
            )
    return None


@dataclass(frozen=True, slots=True)
class _Arm:
    """A family that may be tuned. ``gains`` and ``failures`` are discounted counts of its tuned nodes."""

    root: Node
    best: float  # signed score
    seconds: float  # per fold, in octaves
    closeness: float  # 1: as good as the best node
    gains: float
    failures: float
    estimators: frozenset[str]
    pinned: bool


def _arms(tree: Tree) -> list[_Arm]:
    """Return the families that are worth tuning, best first."""
    best = tree.best
    if best is None:
        return []
    arms = [arm for family in families(tree) if (arm := _arm(tree, family, best)) is not None]
    arms.sort(key=lambda arm: (-arm.best, arm.root.id))
    worth = [arm for arm in arms if arm.pinned or not any(_outdoes(other, arm) for other in arms)]
    alike: Counter[frozenset[str]] = Counter()
    chosen: list[_Arm] = []
    for arm in worth:
        alike[arm.estimators] += 1
        if arm.pinned or (alike[arm.estimators] <= MOST_ALIKE and len(chosen) < MOST_ARMS):
            chosen.append(arm)
    return chosen


def _arm(tree: Tree, family: Family, best: Node) -> _Arm | None:
    root, own = family.root, family.best
    if root is None or own is None:
        return None
    gains, failures, since = _record(family)
    if since >= PATIENCE:
        return None
    return _Arm(
        root,
        family.score(own),
        _seconds(family, own),
        _closeness(own, best),
        gains,
        failures,
        frozenset(kind_of(one.estimator) for one in family.space) - PREPROCESSING,
        any(node.id in tree.pinned for node in family.nodes),
    )


def _record(family: Family) -> tuple[float, float, int]:
    """Return the discounted gains and failures of a family's tuned nodes, and how many there were since a gain."""
    gains = failures = 0.0
    since = 0
    record: Node | None = None
    for node in family.nodes:
        gain = 0.0
        if node.state is NodeState.VALID and node.complete and node.metric is not None:
            if record is None:
                record = node
            elif family.score(node) > family.score(record) + _LEAST_GAIN * abs(family.score(record)):
                size = (family.score(node) - family.score(record)) / _error(family.tree, node, record)
                gain = min(1.0, size)
                record = node
        if node.operator is Operator.TUNE:
            gains, failures = gains * _DISCOUNT + gain, failures * _DISCOUNT + 1.0 - gain
            since = 0 if gain > 0 else since + 1
    return gains, failures, since


def _closeness(node: Node, best: Node) -> float:
    """Return 1 for the best node, and less the more standard errors of the best one's metric a node is behind it."""
    if node.metric is None or best.metric is None:
        return 1.0
    scores = [one.score for one in best.folds if one.score is not None]
    least = _LEAST_GAIN * max(abs(best.metric), 1e-9)
    error = (
        max(least, stdev(scores) / math.sqrt(len(scores)))
        if len(scores) > 1
        else max(least, abs(best.metric) / 50)
    )
    return math.exp(-abs(best.metric - node.metric) / error)


def _error(tree: Tree, node: Node, other: Node) -> float:
    """Return the standard error of the mean paired difference of two nodes over the folds; never zero."""
    differences = paired_differences(tree, node, other)
    least = _LEAST_GAIN * max(abs(node.metric or 0.0), abs(other.metric or 0.0), 1e-9)
    if len(differences) < 2:
        return max(least, 0.5 * abs(fmean(differences)) if differences else 0.0)
    return max(least, stdev(differences) / math.sqrt(len(differences)))


def _seconds(family: Family, best: Node) -> float:
    """Return the seconds of a fold of the last tuned nodes and the best, at least one half, as the octave they are in."""
    nodes = [best, *[node for node in family.tuned if node.folds and node.id != best.id][-_RECENT:]]
    walls = [one.usage.wall for node in nodes for one in node.folds if one.usage.wall > 0] or [
        best.usage.wall
    ]
    return float(2.0 ** round(math.log2(max(0.5, fmean(walls)))))


def _outdoes(other: _Arm, arm: _Arm) -> bool:
    return other.best >= arm.best and other.seconds * _TOO_SLOW < arm.seconds
