"""``aide-local show``, ``best``, ``diff``, ``lineage``: look at a run, live or finished, and at its nodes."""

from __future__ import annotations

import json as json_module
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from aide_local.basics.text import neutralise
from aide_local.basics.units import format_mib
from aide_local.cli.lookup import node_of, view_of
from aide_local.cli.options import HomeFolder, Json, RunId
from aide_local.cli.printing import print_fitted
from aide_local.types import NodeState

if TYPE_CHECKING:
    from aide_local.search.tree import Tree
    from aide_local.store.read import RunView
    from aide_local.types import Node


def show(
    context: typer.Context,
    run_id: RunId,
    node: Annotated[int | None, typer.Argument(help="Number of a node: its plan, code and result.")] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="The prompts and replies of the node.")] = False,
    home: HomeFolder = None,
    json: Json = False,
) -> None:
    """Show the tree of a run, or one node with its plan, script, result and output."""
    view = view_of(context, home, run_id)
    if node is not None:
        _show_node(view, node_of(view, node), prompt=prompt, json=json)
        return
    if json:
        content = {
            "info": asdict(view.info),
            "summary": view.summary.as_dict() if view.summary is not None else {},
            "nodes": [asdict(one) for one in view.tree.nodes],
        }
        print(json_module.dumps(content, default=str, ensure_ascii=False))
        return
    from aide_local.cli.progress import summary_lines

    info = view.info
    print(neutralise(f"run {info.id}: {info.state}" + (f" ({info.stop_reason})" if info.stop_reason else "")))
    for line in tree_lines(view.tree):
        print_fitted(line)
    if view.summary is not None:
        print()
        for line in summary_lines(view.summary):
            print(neutralise(line))


def tree_lines(tree: Tree) -> list[str]:
    """Return a line for each node, under its parent's; ``*`` marks the way to the best."""
    best = tree.best
    path = {one.id for one in tree.lineage(best.id)} if best else set()
    lines: list[str] = []
    left = [(one, 0) for one in reversed(tree.roots)]  # no recursion: a chain may be thousands long
    while left:
        one, depth = left.pop()
        mark = "*" if one.id in path else " "
        lines.append(neutralise(f"{mark}{'  ' * depth}{_one_line(tree, one)}").rstrip())
        left += [(child, depth + 1) for child in reversed(tree.children(one.id))]
    return lines


def _one_line(tree: Tree, node: Node) -> str:
    from aide_local.search.digest import format_metric, idea

    if node.complete:
        result = format_metric(node.metric)
    elif node.error is not None:
        result = node.error.one_line(60)
    else:
        result = "behind, stopped early" if node.state is NodeState.VALID else node.state.value
    gain = tree.gain(node)
    gained = f" ({gain:+.3g})" if gain is not None else ""
    return f"{node.state.glyph} #{node.id} {node.operator}  {result}{gained}  {idea(node.plan)}"


def _show_node(view: RunView, node: Node, *, prompt: bool, json: bool) -> None:
    if json:
        print(json_module.dumps(asdict(node), default=str, ensure_ascii=False))
        return
    if prompt:
        for generation in view.generations:
            if generation.node == node.id:
                print(f"---- {generation.purpose}, attempt {generation.attempt}: prompt")
                print(neutralise(f"{generation.prompt}\n---- reply\n{generation.reply}\n"))
        return
    from aide_local.cli.progress import node_line

    print(node_line(node))
    if node.folds:
        scores = ", ".join("failed" if fold.score is None else f"{fold.score:.5g}" for fold in node.folds)
        print(f"folds: {scores}")
    usage = node.usage
    print(f"{usage.wall:.1f} s, {usage.cpu:.1f} s of processor time, {format_mib(usage.peak_memory)}")
    for dropped in node.dropped:
        print(f"left out of the prompt: {dropped}")
    print(neutralise(f"\n{node.plan}\n\n{node.code}"))
    if node.error is not None:
        print(neutralise(f"---- error\n{node.error.traceback or node.error.one_line(500)}"))
    if node.output:
        print(neutralise(f"---- output\n{node.output}"))


def best(
    context: typer.Context,
    run_id: RunId = "latest",
    home: HomeFolder = None,
    json: Json = False,
) -> None:
    """Print the best script of a run."""
    view = view_of(context, home, run_id)
    found = view.tree.best
    if found is None:
        print(f"aide-local: the run {view.info.id} has no valid node yet.", file=sys.stderr)
        raise typer.Exit(1)
    if json:
        print(json_module.dumps(asdict(found), default=str, ensure_ascii=False))
        return
    print(neutralise(found.code) if sys.stdout.isatty() else found.code, end="")


def diff(
    context: typer.Context,
    run_id: RunId,
    one: Annotated[int, typer.Argument(metavar="NODE", help="Number of a node.")],
    other: Annotated[int, typer.Argument(metavar="NODE", help="Number of another node.")],
    home: HomeFolder = None,
) -> None:
    """Compare two nodes: plan, metric, time, and the scripts as a unified diff."""
    import difflib

    from aide_local.cli.progress import node_line

    view = view_of(context, home, run_id)
    first, second = node_of(view, one), node_of(view, other)
    for node in (first, second):
        print(node_line(node))
        plan = neutralise(" ".join(node.plan.split()))
        print(f"    {node.usage.wall:.1f} s, {node.usage.cpu:.1f} s of processor time: {plan}")
    if first.metric is not None and second.metric is not None:
        better = view.tree.direction.sign * (second.metric - first.metric)
        print(f"#{second.id} against #{first.id}: {better:+.5g} (positive is better)")
    lines = difflib.unified_diff(
        first.code.splitlines(), second.code.splitlines(), f"#{first.id}", f"#{second.id}", lineterm=""
    )
    print(neutralise("\n".join(lines)))


def lineage(
    context: typer.Context,
    run_id: RunId,
    node: Annotated[int, typer.Argument(help="Number of a node.")],
    home: HomeFolder = None,
) -> None:
    """Show how a node came to be: from its draft, step by step, each with its gain."""
    from aide_local.cli.progress import node_line

    view = view_of(context, home, run_id)
    wanted = node_of(view, node)
    for one in reversed(list(view.tree.lineage(wanted.id))):
        gain = view.tree.gain(one)
        print(node_line(one) + (f"  gain {gain:+.4g}" if gain is not None else ""))
        plan = neutralise(" ".join(one.plan.split()))
        print(f"    {plan if len(plan) <= 300 else plan[:299] + '…'}")
        if one.other is not None:
            print(f"    merged with #{one.other}")
