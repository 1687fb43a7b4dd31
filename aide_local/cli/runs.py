"""``aide-local lineage``, ``verify``, ``prune``, ``export``, ``import``: keep, check and move runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aide_local.basics.text import neutralise
from aide_local.basics.units import format_mib, parse_duration
from aide_local.cli.options import HomeFolder, at_least
from aide_local.cli.show import Run_, _home, _node, _view
from aide_local.errors import SettingsError

if TYPE_CHECKING:
    from aide_local.store.prune import Removal


def lineage(
    context: typer.Context,
    run_id: Run_,
    node: Annotated[int, typer.Argument(help="Number of a node.")],
    home: HomeFolder = None,
) -> None:
    """Show how a node came to be: from its draft, step by step, each with its gain."""
    from aide_local.cli.progress import node_line

    view = _view(context, home, run_id)
    wanted = _node(view, node)
    for one in reversed(list(view.tree.lineage(wanted.id))):
        gain = view.tree.gain(one)
        print(node_line(one) + (f"  gain {gain:+.4g}" if gain is not None else ""))
        plan = neutralise(" ".join(one.plan.split()))
        print(f"    {plan if len(plan) <= 300 else plan[:299] + '…'}")
        if one.other is not None:
            print(f"    merged with #{one.other}")


def verify(
    context: typer.Context,
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="One run; without it, all.", show_default=False)
    ] = None,
    home: HomeFolder = None,
) -> None:
    """Check runs: nodes have their parents, predictions their checksums, best is best. Exit code 1: a problem."""
    from aide_local.store.run_store import find_run
    from aide_local.store.verify import verify as check

    where = _home(context, home)
    ids = [find_run(where, run_id)] if run_id else sorted(path.name for path in where.runs.glob("[!.]*"))
    damaged = 0
    for one in ids:
        found = check(where, one)
        damaged += bool(found.problems)
        state = f"{len(found.problems)} problems" if found.problems else "ok"
        print(f"{one}  {found.nodes} nodes, {found.files} prediction files: {state}")
        for text in (*found.problems, *found.notes):
            print(f"    {text}")
    if not ids:
        print(f"No runs in {where.root} yet.")
    if damaged:
        raise typer.Exit(1)


def prune(
    context: typer.Context,
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs to delete.")] = None,
    older_than: Annotated[
        str | None, typer.Option(help="All that began before: 30d, 12h.", show_default=False)
    ] = None,
    keep: Annotated[int | None, typer.Option(help="All but the N latest.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    home: HomeFolder = None,
) -> None:
    """Delete runs and say how much room that made. Runs that go on are left alone."""
    from aide_local.store.prune import choose, sweep
    from aide_local.store.prune import prune as delete
    from aide_local.store.run_store import find_run

    at_least(keep, 0, "--keep")
    age = parse_duration(older_than, "--older-than")
    if not runs and age is None and keep is None:
        raise SettingsError("No runs are named.", "Name runs, or give --older-than or --keep.")
    where = _home(context, home)
    chosen = choose(where, [find_run(where, one) for one in runs or ()], older_than=age, keep=keep)
    done = delete(where, chosen, dry=dry_run)
    _print_pruned(done)
    swept = sweep(where, dry=dry_run)
    _print_pruned(swept)
    gone = [one for one in done if not one.kept]
    word = "would be deleted" if dry_run else "deleted"
    runs_ = "run" if len(gone) == 1 else "runs"
    print(f"{len(gone)} {runs_} {word}, {format_mib(sum(one.size for one in (*done, *swept)), 1)} reclaimed")
    if any(one.kept for one in (*done, *swept)):
        raise typer.Exit(1)


def _print_pruned(found: tuple[Removal, ...]) -> None:
    for one in found:
        print(f"{one.name}  {format_mib(one.size, 1)}" + (f"  left: {one.kept}" if one.kept else ""))


def export(
    context: typer.Context,
    run_id: Run_,
    format_: Annotated[str, typer.Option("--format", help="archive, parquet, sqlite or mlflow.")] = "archive",
    out: Annotated[
        Path | None, typer.Option("--out", help="File or folder to make.", show_default=False)
    ] = None,
    home: HomeFolder = None,
) -> None:
    """Write a run for another machine (archive, which `import` reads) or for other tools."""
    from aide_local.store.export import FORMATS
    from aide_local.store.export import export as write
    from aide_local.store.run_store import find_run

    where = _home(context, home)
    found = find_run(where, run_id)
    place = out or Path(found + FORMATS.get(format_, ""))
    write(where, found, format_, place)
    print(f"written: {place}")
    if format_ == "mlflow":
        print(
            f"Open it: MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri {shlex.quote(str(place))}"
        )


def import_(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(help="A file that `export` wrote.")],
    home: HomeFolder = None,
) -> None:
    """Take in a run that another machine exported. Its checksums are compared; nothing of it is executed."""
    from aide_local.store.archive import import_archive

    if archive.is_dir():
        raise SettingsError(
            f"{archive} is a folder.",
            "Give the one file that `aide-local export RUN` wrote (its format archive).",
        )
    if not archive.is_file():
        raise SettingsError(f"There is no file {archive}.", "Check the path.")
    found = import_archive(_home(context, home), archive)
    print(f"imported: {found}")
