"""``aide-local runs``, ``show``, ``best``, ``diff``: look at runs, live or finished."""

from __future__ import annotations

import json as json_module
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aide_local.basics.text import neutralise
from aide_local.basics.units import format_mib
from aide_local.cli.options import HomeFolder, Json, at_least
from aide_local.errors import SettingsError
from aide_local.types import NodeState, Summary

if TYPE_CHECKING:
    from aide_local.home import Home
    from aide_local.search.tree import Tree
    from aide_local.store.read import RunView
    from aide_local.types import Node

Run_ = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, a part of one, or `latest`.")]


def _home(context: typer.Context, home: Path | None) -> Home:
    from aide_local.home import Home

    return Home.find(home or context.obj)


def _view(context: typer.Context, home: Path | None, run_id: str) -> RunView:
    from aide_local.store.read import read_run
    from aide_local.store.run_store import find_run

    where = _home(context, home)
    return read_run(where, find_run(where, run_id))


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Columns of harmless text, as wide as they need to be; the last ones are cut to the terminal."""
    shown = [[neutralise(cell).replace("\n", " ") for cell in row] for row in [columns, *rows]]
    widths = [max(len(row[at]) for row in shown) for at in range(len(columns))]
    for row in shown:
        print_fitted("  ".join(cell.ljust(space) for cell, space in zip(row, widths, strict=True)).rstrip())


def print_fitted(text: str) -> None:
    """One line, cut to the terminal; whole where it goes elsewhere."""
    import shutil

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else len(text)
    print(text if len(text) <= width else text[: width - 1] + "…")


def runs(
    context: typer.Context,
    latest: Annotated[int, typer.Option(help="Number of runs; the latest ones.")] = 50,
    all_: Annotated[bool, typer.Option("--all", help="However many there are.")] = False,
    exams: Annotated[
        bool, typer.Option("--exams", help="The parts of models' examinations in their place.")
    ] = False,
    home: HomeFolder = None,
    json: Json = False,
) -> None:
    """List runs, the latest first."""
    from aide_local.search.digest import format_metric
    from aide_local.store.read import list_runs, run_ids

    at_least(latest, 1, "--latest")

    where = _home(context, home)
    found = list_runs(where, exams=exams, latest=None if all_ else latest)
    if json:
        for info in found:
            print(json_module.dumps(asdict(info), default=str))
        return
    if not found:
        what, how = ("exams", "models exam MODEL") if exams else ("runs", "run PATH")
        print(f"No {what} in {where.root} yet. Start one: aide-local {how}")
        return
    print_table(
        ["run", "state", "metric", "best", "nodes", "valid", "model", "task", "began"],
        [
            [
                info.id,
                info.state,
                info.metric,
                format_metric(info.best) if info.best is not None else "–",
                str(info.nodes),
                str(info.valid),
                info.model,
                info.task,
                f"{datetime.fromtimestamp(info.created):%Y-%m-%d %H:%M}",
            ]
            for info in found
        ],
    )
    earlier = len(run_ids(where, exams=exams)) - len(found)
    if earlier > 0 and not all_:
        print(f"and {earlier:,} earlier: --all")


def show(
    context: typer.Context,
    run_id: Run_,
    node: Annotated[int | None, typer.Argument(help="Number of a node: its plan, code and result.")] = None,
    prompt: Annotated[
        bool, typer.Option("--prompt", help="What the model saw and said for the node.")
    ] = False,
    home: HomeFolder = None,
    json: Json = False,
) -> None:
    """Show a run's tree, or one node whole."""
    view = _view(context, home, run_id)
    if node is not None:
        _show_node(view, _node(view, node), prompt=prompt, json=json)
        return
    if json:
        content = {
            "info": asdict(view.info),
            "summary": view.summary,
            "nodes": [asdict(one) for one in view.tree.nodes],
        }
        print(json_module.dumps(content, default=str, ensure_ascii=False))
        return
    from aide_local.cli.progress import summary_lines

    info = view.info
    print(neutralise(f"run {info.id}: {info.state}" + (f" ({info.stop_reason})" if info.stop_reason else "")))
    for line in tree_lines(view.tree):
        print_fitted(line)
    if view.summary:
        print()
        for line in summary_lines(Summary.of(view.summary)):
            print(neutralise(line))


def tree_lines(tree: Tree) -> list[str]:
    """A line for each node, under its parent; ``*`` marks the way to the best."""
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


def _node(view: RunView, number: int) -> Node:
    if not 0 <= number < len(view.tree.nodes):
        raise SettingsError(
            f"The run {view.info.id} has no node {number}.", f"Its nodes are 0 to {len(view.tree.nodes) - 1}."
        )
    return view.tree[number]


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
    run_id: Run_ = "latest",
    home: HomeFolder = None,
    json: Json = False,
) -> None:
    """Print the best script of a run."""
    view = _view(context, home, run_id)
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
    run_id: Run_,
    one: Annotated[int, typer.Argument(metavar="NODE", help="Number of a node.")],
    other: Annotated[int, typer.Argument(metavar="NODE", help="Number of another node.")],
    home: HomeFolder = None,
) -> None:
    """Compare two nodes: plan, metric, time, and the scripts as a unified diff."""
    import difflib

    from aide_local.cli.progress import node_line

    view = _view(context, home, run_id)
    first, second = _node(view, one), _node(view, other)
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
