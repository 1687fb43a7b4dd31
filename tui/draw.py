"""Text from models, scripts and files, drawn without risk: as plain text, bounded, with nothing a terminal would obey."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from rich.syntax import Syntax
from rich.text import Text

from aide_local.basics.text import neutralise
from aide_local.search.digest import format_metric, idea
from aide_local.search.tree import Tree
from aide_local.types import Node, NodeState, Operator, Origin

LONGEST = 200_000  # characters that a pane shows
LONGEST_LINE = 2_000
PATH_BARS = 6  # of the metrics on the path from the root to a node

_COLOURS = {
    NodeState.VALID: "green",
    NodeState.BUGGY: "red",
    NodeState.PENDING: "yellow",
    NodeState.INTERRUPTED: "magenta",
}


def harmless(text: str) -> str:
    """Return ``text`` with control, escape and bidirectional characters as Python escapes, cut to what a pane can show."""
    shown = text if len(text) <= LONGEST else text[: LONGEST // 2] + "\n… (cut) …\n" + text[-LONGEST // 2 :]
    lines = neutralise(shown).split("\n")
    return "\n".join(
        line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " … (cut)" for line in lines
    )


def one_line(text: str) -> str:
    """Return :func:`harmless` text in one line."""
    return " ".join(harmless(text).split())


def plain(text: str) -> Text:
    """Return harmless text in which nothing is markup."""
    return Text(harmless(text))


def code(text: str, *, wrap: bool = True, dark: bool = True) -> Syntax:
    """Return a script in colours, with line numbers."""
    theme = "ansi_dark" if dark else "ansi_light"
    return Syntax(harmless(text), "python", line_numbers=True, word_wrap=wrap, theme=theme)


def diff(old: str, new: str) -> Text:
    """Return the unified difference. The first character of each line says what its colour says."""
    shown = Text()
    lines = difflib.unified_diff(
        harmless(old).splitlines(), harmless(new).splitlines(), "parent", "this", lineterm=""
    )
    for line in lines:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        shown.append(line + "\n", style)
    return shown if shown else Text("The script is the same.")


def node_label(tree: Tree, node: Node, on_path: bool) -> Text:
    """Return a node's line in the tree: state, metric, gain, first sentence of the plan; ``on_path`` is the best path."""
    shown = Text(overflow="ellipsis", no_wrap=True)
    shown.append(f"{node.state.glyph} ", _COLOURS[node.state])
    shown.append(f"#{node.id} {node.operator.value} ", "bold" if on_path else "")
    if node.operator is Operator.DRAFT and node.origin is not Origin.MODEL:
        shown.append(f"({node.origin.value}) ", "cyan")
    if node.complete:
        shown.append(format_metric(node.metric), "bold green" if on_path else "")
        if (gain := tree.gain(node)) is not None:
            shown.append(f" {gain:+.3g}", "green" if gain > 0 else "dim")
            path = [one.metric for one in tree.lineage(node.id) if one.complete and one.metric is not None]
            shown.append(f" {bars(path[::-1], PATH_BARS)}", "dim")
    elif node.error is not None:
        shown.append(f"buggy {one_line(node.error.type)}", "red")
    else:
        shown.append("behind, stopped early" if node.metric is not None else node.state.value, "dim")
    if on_path:
        shown.append(" best path", "dim")
    if node.id in tree.pinned:
        shown.append(" pinned", "cyan")
    if node.id in tree.excluded:
        shown.append(" banned", "magenta")
    shown.append(f"  {one_line(idea(node.plan))}", "dim")
    return shown


def tuned_label(tree: Tree, parent: int) -> Text:
    """Return the line over a script's tuned nodes: how many, and the best of them."""
    tuned = [node for node in tree.children(parent) if node.operator is Operator.TUNE]
    shown = Text(f"tuned {len(tuned)} ×", "cyan", overflow="ellipsis", no_wrap=True)
    best = next(
        (node for node in tree.ranked() if node.operator is Operator.TUNE and node.parent == parent), None
    )
    if best is not None:
        shown.append(f": best {format_metric(best.metric)} (#{best.id})")
        if (gain := tree.gain(best)) is not None:
            shown.append(f" {gain:+.3g}", "green" if gain > 0 else "dim")
    return shown


_BARS = "▁▂▃▄▅▆▇█"


def bars(values: Sequence[float], width: int = 16) -> str:
    """Return the last ``width`` values as bars, from the lowest to the highest of them."""
    shown = [value for value in values if math.isfinite(value)][-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    if high == low:
        return _BARS[3] * len(shown)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in shown)


def side_by_side(old: str, new: str) -> tuple[Text, Text]:
    """Return both scripts, lines that correspond at the same height. Differing lines begin with ``-`` or ``+``."""
    left, right = harmless(old).splitlines(), harmless(new).splitlines()
    sides = (Text(no_wrap=True, overflow="ellipsis"), Text(no_wrap=True, overflow="ellipsis"))
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        height = max(i2 - i1, j2 - j1)
        for side, lines, sign, style in (
            (sides[0], left[i1:i2], "- ", "red"),
            (sides[1], right[j1:j2], "+ ", "green"),
        ):
            for line in [*lines, *[""] * (height - len(lines))]:
                same = kind == "equal"
                side.append(f"{'  ' if same or not line else sign}{line}\n", "" if same else style)
    return sides
