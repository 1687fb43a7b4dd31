"""The tabs of a node: how each is drawn, and what is copied from it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from aide_local.basics.units import format_mib
from aide_local.evaluate.compare import compare, standard_error
from aide_local.search.digest import format_metric
from aide_local.search.tree import Tree
from aide_local.store.read import SavedGeneration
from aide_local.types import Node, NodeState
from tui import draw
from tui.live import NO_STREAM, Stream


class Tab(StrEnum):
    """The tabs, in the order in which they are shown."""

    PLAN = "plan"
    CODE = "code"
    DIFF = "diff"
    OUTPUT = "output"
    ERROR = "error"
    PROMPT = "prompt"
    FOLDS = "folds"
    LINEAGE = "lineage"

    @property
    def label(self) -> str:
        return self.value.capitalize()


STREAMED = (Tab.PLAN, Tab.CODE, Tab.OUTPUT)  # show a reply or an output while it comes in
FOLDS_NOTE = "Better by: against the best node on the same folds, in the metric's direction; plus is better. ± is a standard error."
NOT_YET = "Nothing yet: the node is being written or executed."
STREAM_LINES = 300  # that are shown of a text while it comes in, from its end


@dataclass(frozen=True, slots=True)
class TabContent:
    """A node in a tab. ``stream`` is the reply or output that comes in, empty if none does."""

    tab: Tab
    tree: Tree
    node: Node
    generations: Sequence[SavedGeneration] = ()
    stream: Stream = NO_STREAM
    wrap: bool = True
    dark: bool = True

    @property
    def streams(self) -> bool:
        """Return whether the tab shows a text that comes in."""
        return bool(self.stream.text) and self.tab in STREAMED

    def looks_like(self, other: TabContent) -> bool:
        """Return whether both are drawn alike. Plan, lineage, folds and diff depend on the tree as well as on the node."""
        same_tree = self.tree is other.tree or self.tab in (Tab.CODE, Tab.OUTPUT, Tab.ERROR, Tab.PROMPT)
        return (
            same_tree
            and self.tab is other.tab
            and self.node is other.node
            and self.stream == other.stream
            and self.generations is other.generations
            and (self.wrap, self.dark) == (other.wrap, other.dark)
        )


def render(content: TabContent) -> RenderableType:
    """Return what the tab shows."""
    node, tree = content.node, content.tree
    pending = node.state is NodeState.PENDING
    if content.streams:
        return draw.plain("\n".join(content.stream.text.splitlines()[-STREAM_LINES:]))
    match content.tab:
        case Tab.PLAN:
            hint = f"\n\nhint: {node.hint}" if node.hint else ""
            return draw.plain(f"{node.plan or 'It is being written.'}{hint}\n\n{facts(tree, node)}")
        case Tab.CODE if node.code:
            return draw.code(node.code, wrap=content.wrap, dark=content.dark)
        case Tab.CODE:
            return Text(NOT_YET if pending else "No script.")
        case Tab.DIFF:
            parent = node.parent
            return (
                Text("A draft has no parent.") if parent is None else draw.diff(tree[parent].code, node.code)
            )
        case Tab.OUTPUT:
            return draw.plain(node.output or (NOT_YET if pending else "The script printed nothing."))
        case Tab.ERROR if node.error is not None:
            return draw.plain(f"{node.error.one_line(2000)}\n\n{node.error.traceback}")
        case Tab.ERROR:
            return Text(NOT_YET if pending else "No error.")
        case Tab.PROMPT:
            return draw.plain(_prompt(content))
        case Tab.FOLDS:
            return _folds(tree, node)
        case Tab.LINEAGE:
            return draw.plain(_lineage(tree, node))


def clipboard_text(content: TabContent) -> str:
    """Return the tab's script, output, … as it is, not as it is drawn."""
    node, tree = content.node, content.tree
    match content.tab:
        case Tab.PLAN:
            return node.plan
        case Tab.DIFF if node.parent is not None:
            return draw.diff(tree[node.parent].code, node.code).plain
        case Tab.CODE | Tab.DIFF:
            return node.code
        case Tab.OUTPUT:
            return content.stream.text or node.output
        case Tab.ERROR:
            return f"{node.error.one_line(2000)}\n{node.error.traceback}" if node.error else ""
        case Tab.PROMPT:
            return _prompt(content)
        case Tab.FOLDS:
            return "fold,score\n" + "".join(f"{one.fold},{one.score}\n" for one in node.folds)
        case Tab.LINEAGE:
            return _lineage(tree, node)


def facts(tree: Tree, node: Node) -> str:
    """Return state, result and cost in words."""
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
            f"{use.wall:.1f} s, {use.cpu:.1f} s of processor time, at most {format_mib(use.peak_memory)}"
        )
    if node.id in tree.excluded:
        lines.append("banned, itself or an ancestor: never chosen and never delivered")
    if node.id in tree.pinned:
        lines.append("pinned: stays among the parents and in the ensemble")
    return "\n".join(lines)


def _prompt(content: TabContent) -> str:
    dropped = "".join(f"left out: {one}\n" for one in content.node.dropped)
    parts = [
        f"──── {one.purpose}, attempt {one.attempt}\n{one.prompt}\n──── reply\n{one.reply}"
        for one in content.generations
        if one.node == content.node.id
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
        table.add_row(str(one.fold), _score(one.score), _score(other), gap, f"{one.usage.wall:.1f}")
    lines = [f"mean       {_spread(node)}"]
    if best is not None and best.id != node.id:
        paired = compare(node.folds, best.folds, tree.direction, 0.0)
        gain = _with_error(paired.mean, paired.standard_error, paired.folds, "+.4g")
        lines += [f"best #{best.id:<4} {_spread(best)}", f"better by  {gain}", "", FOLDS_NOTE]
    return Group(table, Text("\n" + "\n".join(lines)))


def _spread(node: Node) -> str:
    """Return the mean of the folds that have a score, with its standard error."""
    scores = [one.score for one in node.folds if one.score is not None]
    return _with_error(statistics.fmean(scores) if scores else math.nan, standard_error(scores), len(scores))


def _with_error(mean: float, error: float, count: int, form: str = ".5g") -> str:
    """Return ``mean ± error``; without the error if a single fold shows no spread."""
    if count == 0:
        return "no score"
    return f"{mean:{form}} ± {error:.2g}" if count > 1 else f"{mean:{form}}"


def _lineage(tree: Tree, node: Node) -> str:
    return "\n".join(
        f"{one.state.glyph} #{one.id} {one.operator.value}, {_score(one.metric)}\n{one.plan}\n"
        for one in tree.lineage(node.id)
    )


def _score(value: float | None) -> str:
    return "no score" if value is None else f"{value:.5g}"


def comparison(one: Node, other: Node) -> tuple[Text, Text]:
    """Return metrics, folds and scripts of two nodes, to be shown side by side."""
    sides = draw.side_by_side(one.code, other.code)
    heads = []
    for node in (one, other):
        head = Text()
        head.append(f"#{node.id} {node.operator.value}: {_score(node.metric)}\n", "bold")
        head.append("folds " + " ".join(_score(fold.score) for fold in node.folds) + "\n\n")
        heads.append(head)
    return heads[0] + sides[0], heads[1] + sides[1]
