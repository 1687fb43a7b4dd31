"""What the tabs of a run show of a node."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from aide_local.evaluate.compare import compare, standard_error
from aide_local.search.digest import format_metric
from aide_local.search.tree import Tree
from aide_local.store.read import SavedGeneration
from aide_local.types import Node, NodeState
from tui import text
from tui.live import NO_STREAM, Stream

TABS = ("Plan", "Code", "Diff", "Output", "Error", "Prompt", "Folds", "Lineage")
STREAMED = ("plan", "code", "output")  # tabs that show what comes in
FOLDS_NOTE = "Better by: against the best node on the same folds, in the metric's direction; plus is better. ± is a standard error."
NOT_YET = "Nothing yet: the node is being written or executed."
LINES_OF_STREAM = 300  # of what is being written, its end


@dataclass(frozen=True, slots=True)
class Shown:
    """A tab's subject, and how it is shown. ``stream`` is the reply or output that comes in, where there is one."""

    tab: str
    tree: Tree
    node: Node
    generations: Sequence[SavedGeneration] = ()
    stream: Stream = NO_STREAM
    wrap: bool = True
    dark: bool = True


def content(shown: Shown) -> RenderableType:
    node, tree = shown.node, shown.tree
    if shown.stream.text and shown.tab in STREAMED:
        return text.plain("\n".join(shown.stream.text.splitlines()[-LINES_OF_STREAM:]))
    match shown.tab:
        case "plan":
            hint = f"\n\nhint: {node.hint}" if node.hint else ""
            return text.plain(f"{node.plan or 'It is being written.'}{hint}\n\n{facts(tree, node)}")
        case "code":
            return (
                text.code(node.code, wrap=shown.wrap, dark=shown.dark)
                if node.code
                else Text(NOT_YET if node.state is NodeState.PENDING else "No script.")
            )
        case "diff":
            return (
                text.diff(tree[node.parent].code, node.code)
                if node.parent is not None
                else Text("A draft has no parent.")
            )
        case "output":
            pending = node.state is NodeState.PENDING
            return text.plain(node.output or (NOT_YET if pending else "The script printed nothing."))
        case "error":
            error = node.error
            return (
                text.plain(f"{error.one_line(2000)}\n\n{error.traceback}")
                if error
                else Text(NOT_YET if node.state is NodeState.PENDING else "No error.")
            )
        case "prompt":
            return text.plain(_prompt(shown))
        case "folds":
            return _folds(tree, node)
        case _:
            return text.plain(_lineage(tree, node))


def copied(shown: Shown) -> str:
    """What ``y`` puts into the clipboard: the script, the output, … as they are, not as they are drawn."""
    node, tree = shown.node, shown.tree
    match shown.tab:
        case "code":
            return node.code
        case "plan":
            return node.plan
        case "output":
            return shown.stream.text or node.output
        case "error":
            return f"{node.error.one_line(2000)}\n{node.error.traceback}" if node.error else ""
        case "diff" if node.parent is not None:
            return text.diff(tree[node.parent].code, node.code).plain
        case "prompt":
            return _prompt(shown)
        case "folds":
            return "fold,score\n" + "".join(f"{one.fold},{one.score}\n" for one in node.folds)
        case "lineage":
            return _lineage(tree, node)
    return node.code


def facts(tree: Tree, node: Node) -> str:
    """State, result and cost in words."""
    use = node.usage
    lines = [
        f"{node.operator.value} #{node.id}: {node.state.value}, attempt {node.attempts}, seed {node.seed}"
    ]
    if node.metric is not None:
        gain = tree.gain(node)
        against = f", {gain:+.4g} against its parent #{node.parent}" if gain is not None else ""
        lines.append(f"metric {format_metric(node.metric)}{against}")
        if not node.complete:
            lines.append("stopped after a fold: clearly behind the best")
    if node.error is not None:
        lines.append(f"error: {node.error.one_line(300)}")
    if use.wall:
        lines.append(
            f"{use.wall:.1f} s, {use.cpu:.1f} s of processor time, at most {use.peak_memory / 2**20:.0f} MiB"
        )
    if node.id in tree.excluded:
        lines.append("banned, itself or above: never chosen and never delivered")
    if node.id in tree.pinned:
        lines.append("pinned: stays among the parents and in the ensemble")
    return "\n".join(lines)


def _prompt(shown: Shown) -> str:
    dropped = "".join(f"left out: {one}\n" for one in shown.node.dropped)
    parts = [
        f"──── {one.purpose}, attempt {one.attempt}\n{one.prompt}\n──── reply\n{one.reply}"
        for one in shown.generations
        if one.node == shown.node.id
    ]
    return dropped + ("\n\n".join(parts) or "Not in the last snapshot; the next comes within a few seconds.")


def _folds(tree: Tree, node: Node) -> RenderableType:
    if not node.folds:
        return Text(NOT_YET if node.state is NodeState.PENDING else "Not executed.")
    best = tree.best
    others = {one.fold: one.score for one in best.folds} if best else {}
    columns = ("fold", "score", f"best #{best.id}" if best else "best", "better by", "s")
    table = Table(*columns, box=None, padding=(0, 1, 0, 0))
    for one in node.folds:
        other = others.get(one.fold)
        both = one.score is not None and other is not None
        gap = f"{tree.direction.sign * (one.score - other) + 0.0:+.4g}" if both else ""  # type: ignore[operator] # no -0
        table.add_row(str(one.fold), number(one.score), number(other), gap, f"{one.usage.wall:.1f}")
    lines = [f"mean       {_spread(node)}"]
    if best is not None and best.id != node.id:
        paired = compare(node.folds, best.folds, tree.direction, 0.0)
        gain = _with_error(paired.mean, paired.standard_error, paired.folds, "+.4g")
        lines += [f"best #{best.id:<4} {_spread(best)}", f"better by  {gain}", "", FOLDS_NOTE]
    return Group(table, Text("\n" + "\n".join(lines)))


def _spread(node: Node) -> str:
    """Mean of the folds that have a score, and its standard error."""
    scores = [one.score for one in node.folds if one.score is not None]
    return _with_error(statistics.fmean(scores) if scores else math.nan, standard_error(scores), len(scores))


def _with_error(mean: float, error: float, count: int, form: str = ".5g") -> str:
    """No error where a single fold shows no spread."""
    if count == 0:
        return "no score"
    return f"{mean:{form}} ± {error:.2g}" if count > 1 else f"{mean:{form}}"


def _lineage(tree: Tree, node: Node) -> str:
    return "\n".join(
        f"{one.state.glyph} #{one.id} {one.operator.value}, {number(one.metric)}\n{one.plan}\n"
        for one in tree.lineage(node.id)
    )


def number(value: float | None) -> str:
    return "no score" if value is None else f"{value:.5g}"


def comparison(tree: Tree, one: Node, other: Node) -> tuple[Text, Text]:
    """Metrics, folds and scripts of two nodes, side by side."""
    sides = text.side_by_side(one.code, other.code)
    heads = []
    for node in (one, other):
        head = Text()
        head.append(f"#{node.id} {node.operator.value}: {number(node.metric)}\n", "bold")
        head.append("folds " + " ".join(number(fold.score) for fold in node.folds) + "\n\n")
        heads.append(head)
    return heads[0] + sides[0], heads[1] + sides[1]
