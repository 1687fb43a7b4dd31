"""Which operator next, on which node: ``ask(tree) -> Step``, a pure function of tree, settings, seed and step."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Protocol

from aide_local.errors import SettingsError
from aide_local.search.tree import Tree
from aide_local.types import Node, NodeState, Operator, RunSettings, Step


class Policy(Protocol):
    """Chooses the next step. Keeps no state: everything it may use is in the arguments."""

    def ask(self, tree: Tree, step: int) -> Step:
        """The step that makes node ``step``; ``tree`` holds the nodes before it, pending ones included."""
        ...


def rng(seed: int, step: int, purpose: str) -> random.Random:
    """Random choices of one step, independent of every other step and of the order of calls."""
    digest = hashlib.blake2b(f"{seed}/{step}/{purpose}".encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))


class Greedy:
    """The paper's search policy (arXiv 2502.13138, section 3.2 and its reference settings).

    ``num_drafts`` drafts first; then with probability ``debug_prob`` one of the buggy leaves whose
    debug depth is below ``max_debug_depth``, at random; else improve the best valid node; draft
    while there is none. A script that was tried already is no bug to fix (the paper knows no such nodes):
    it is left alone, and the node that it was to fix is still open. What a person banned is left out;
    what they pinned is improved as often as the best.
    """

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings

    def ask(self, tree: Tree, step: int) -> Step:
        settings = self.settings
        choices = rng(settings.seed, step, "policy")
        seed = rng(settings.seed, step, "sampling").getrandbits(31)
        drafts = sum(node.operator is Operator.DRAFT and node.id not in tree.excluded for node in tree.nodes)
        if drafts < settings.num_drafts:
            return Step(Operator.DRAFT, seed=seed)
        if choices.random() < settings.debug_prob:
            buggy = [node for node in tree.nodes if _to_be_fixed(tree, node, settings.max_debug_depth)]
            if buggy:
                return Step(Operator.DEBUG, parent=choices.choice(buggy).id, seed=seed)
        best = tree.best
        if best is None:
            return Step(Operator.DRAFT, seed=seed)
        parents = [best.id, *(node.id for node in tree.complete if node.id in tree.pinned - {best.id})]
        return Step(Operator.IMPROVE, parent=choices.choice(parents), seed=seed)


def _to_be_fixed(tree: Tree, node: Node, max_depth: int) -> bool:
    if node.state is not NodeState.BUGGY or node.id in tree.excluded or not node.code or _repeats(node):
        return False
    tries = tree.children(node.id)
    return all(map(_repeats, tries)) and tree.debug_depth(node) + len(tries) < max_depth


def _repeats(node: Node) -> bool:
    return node.error is not None and node.error.repeats


POLICIES: dict[str, Callable[[RunSettings], Policy]] = {"greedy": Greedy}


def make_policy(settings: RunSettings) -> Policy:
    """Raises SettingsError for a name that no policy has."""
    try:
        return POLICIES[settings.policy](settings)
    except KeyError:
        known = ", ".join(sorted(POLICIES))
        raise SettingsError(f"There is no policy {settings.policy!r}.", f"Known policies: {known}.") from None
