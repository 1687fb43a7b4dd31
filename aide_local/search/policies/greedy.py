"""``greedy``: the paper's search policy."""

from __future__ import annotations

from aide_local.search.policy import rng
from aide_local.search.tree import Tree
from aide_local.types import Node, NodeState, Operator, RunSettings, Step


class Greedy:
    """The paper's search policy (arXiv 2502.13138, section 3.2 and its reference settings).

    First ``num_drafts`` drafts. Then, with probability ``debug_prob``, debug a random one of the buggy leaves whose
    debug depth is below ``max_debug_depth``; otherwise improve the best valid node, or draft if there is none.

    Two cases that the paper does not have: a script that repeats an earlier one is no bug to fix, so it is left
    alone and the node that it should have fixed stays open; and a person's marks, so that nothing under a banned
    node is chosen and pinned nodes are improved as often as the best.
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
    if node.operator is Operator.TUNE:  # values that do not work; the script is its parent's
        return False
    tries = tree.children(node.id)
    return all(map(_repeats, tries)) and tree.debug_depth(node) + len(tries) < max_depth


def _repeats(node: Node) -> bool:
    return node.error is not None and node.error.repeats
