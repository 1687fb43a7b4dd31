"""The journal digest (the paper's summarization operator): what was tried, in a line each, best first.

Deterministic. Failures and siblings are in it, so that the model does not propose them again. Lines
are in order of use to the next step; a caller with a small budget keeps the head of the list.
"""

from __future__ import annotations

from aide_local.search.tree import Tree
from aide_local.search.tuner.groups import TunedGroup, tuned_groups
from aide_local.search.tuner.propose import spelling
from aide_local.task import Kind
from aide_local.types import Node, NodeState, Operator

PLAN_WIDTH = 110
SLOW = 0.1  # of the time limit: scripts that took as much say so


def digest_lines(tree: Tree, focus: int | None = None, time_limit: float | None = None) -> list[str]:
    """Return one line for each finished node, most useful first; one for all that was tuned from one script.

    Order: children and siblings of ``focus`` (they must not be proposed again), the best nodes, other
    failures newest first, the rest. The focus itself is shown whole elsewhere and left out. Of a run with a
    ``time_limit`` (seconds) slow scripts say what they took of it.
    """
    groups = {node: group for group in tuned_groups(tree) for node in group.nodes}
    chosen: dict[int | tuple[str, int], str] = {}  # a node, or a group by its parent -> its line

    def take(nodes: tuple[Node, ...] | list[Node]) -> None:
        for node in nodes:
            if node.id == focus or node.state not in (NodeState.VALID, NodeState.BUGGY):
                continue
            if node.id in groups:
                group = groups[node.id]
                chosen.setdefault(("tuned", group.parent), tuned_line(tree, group))
            else:
                chosen.setdefault(node.id, digest_line(tree, node, time_limit))

    if focus is not None:
        take(tree.children(focus)[::-1])
        parent = tree[focus].parent
        if parent is not None:
            take(tree.children(parent)[::-1])
    take(tree.ranked()[:5])
    take([node for node in tree.nodes[::-1] if node.state is NodeState.BUGGY and tree.is_leaf(node)])
    take(tree.ranked()[5:])
    take(tree.nodes[::-1])
    return list(chosen.values())


def tuned_line(tree: Tree, group: TunedGroup) -> str:
    """Return ``#3 tuned 14 ×: best #17 0.8420 (+0.0041), learning_rate 0.031, max_depth 8``, of one group."""
    head = f"#{group.parent} tuned {len(group.nodes)} ×: "
    if group.best is None:
        return head + "none scored on all folds"
    best = tree[group.best]
    gain = tree.gain(best)
    score = format_metric(best.metric) + (f" ({gain:+.4g})" if gain is not None else "")
    values = (f"{one.name} {spelling(one.after)}" for one in group.changes)
    return first_sentence(head + ", ".join([f"best #{best.id} {score}", *values]))


def digest_line(tree: Tree, node: Node, time_limit: float | None = None) -> str:
    """Return ``#3 improve #1: 0.8123 (+0.0041) plan`` or ``#4 draft: failed KeyError: 'x'. plan``."""
    head = f"#{node.id} {node.operator}"
    if node.parent is not None and node.operator is not Operator.DRAFT:
        head += f" #{node.parent}"
    if time_limit is not None and node.usage.wall >= SLOW * time_limit:
        head += f" ({time_taken(node, time_limit)})"
    plan = first_sentence(node.plan)
    if node.state is NodeState.BUGGY:
        error = node.error.one_line(70) if node.error else "no result"
        return f"{head}: failed {error}. {plan}".rstrip()
    if not node.complete:
        return f"{head}: behind the best, stopped early. {plan}".rstrip()
    score = format_metric(node.metric)
    gain = tree.gain(node)
    if gain is not None:
        score += f" ({gain:+.4g})"
    return f"{head}: {score} {plan}".rstrip()


def time_taken(node: Node, time_limit: float) -> str:
    """Return ``57 s of 120 s``: the executions of all folds together, and the run's time limit."""
    return f"{node.usage.wall:.0f} s of {time_limit:.0f} s"


def format_metric(value: float | None) -> str:
    """Return five significant digits: enough to rank, few enough for a small model to copy."""
    return "none" if value is None else f"{value:.5g}"


def first_sentence(plan: str) -> str:
    """Return the plan's first sentence, flattened, at most PLAN_WIDTH characters."""
    flat = " ".join(plan.split())
    end = flat.find(". ")
    sentence = flat[: end + 1] if end >= 0 else flat
    return sentence if len(sentence) <= PLAN_WIDTH else sentence[: PLAN_WIDTH - 1] + "…"


def idea(plan: str) -> str:
    """Return the plan's first sentence, at most PLAN_WIDTH characters, as people's lists of nodes show it.

    An opening that repeats the task (``binary auc, 569 rows: random forest``) is the same for every node of a
    run and is left out.
    """
    opening, colon, rest = plan.partition(": ")
    repeats = colon and opening.split(" ")[0] in tuple(Kind) and ". " not in opening
    return first_sentence(rest if repeats else plan)
