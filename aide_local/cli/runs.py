"""``aide-local runs``, ``verify``, ``prune``, ``export``, ``import``: list, check, delete and move runs."""

from __future__ import annotations

import json as json_module
import shlex
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aide_local.basics.units import format_mib, parse_duration
from aide_local.cli.lookup import home_of
from aide_local.cli.options import HomeFolder, Json, RunId, at_least
from aide_local.cli.printing import print_table
from aide_local.errors import SettingsError

if TYPE_CHECKING:
    from aide_local.store.prune import Removal


def runs(
    context: typer.Context,
    latest: Annotated[int, typer.Option(help="Number of runs; the latest ones.")] = 50,
    all_: Annotated[bool, typer.Option("--all", help="All runs, however many.")] = False,
    exams: Annotated[bool, typer.Option("--exams", help="Exams of models in place of runs.")] = False,
    home: HomeFolder = None,
    json: Json = False,
) -> None:
    """List runs, the latest first."""
    from aide_local.search.digest import format_metric
    from aide_local.store.read import list_runs, run_ids

    at_least(latest, 1, "--latest")

    where = home_of(context, home)
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


def verify(
    context: typer.Context,
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="One run; without it, all.", show_default=False)
    ] = None,
    home: HomeFolder = None,
) -> None:
    """Check that runs are whole: parents, checksums of predictions, the best node. Exit code 1: a problem was found."""
    from aide_local.store.run_store import find_run
    from aide_local.store.verify import verify as check

    where = home_of(context, home)
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
        str | None, typer.Option(help="Delete runs that began before: 30d, 12h.", show_default=False)
    ] = None,
    keep: Annotated[int | None, typer.Option(help="Delete all but the N latest.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    home: HomeFolder = None,
) -> None:
    """Delete runs and print the room that this made. Runs that go on are left alone."""
    from aide_local.store.prune import choose, sweep
    from aide_local.store.prune import prune as delete
    from aide_local.store.run_store import find_run

    at_least(keep, 0, "--keep")
    age = parse_duration(older_than, "--older-than")
    if not runs and age is None and keep is None:
        raise SettingsError("No runs are named.", "Name runs, or give --older-than or --keep.")
    where = home_of(context, home)
    chosen = choose(where, [find_run(where, one) for one in runs or ()], older_than=age, keep=keep)
    done = delete(where, chosen, dry=dry_run)
    _print_pruned(done)
    swept = sweep(where, dry=dry_run)
    _print_pruned(swept)
    gone = [one for one in done if not one.kept]
    word = "would be deleted" if dry_run else "deleted"
    noun = "run" if len(gone) == 1 else "runs"
    print(f"{len(gone)} {noun} {word}, {format_mib(sum(one.size for one in (*done, *swept)), 1)} reclaimed")
    if any(one.kept for one in (*done, *swept)):
        raise typer.Exit(1)


def _print_pruned(found: tuple[Removal, ...]) -> None:
    for one in found:
        print(f"{one.name}  {format_mib(one.size, 1)}" + (f"  left: {one.kept}" if one.kept else ""))


def export(
    context: typer.Context,
    run_id: RunId,
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

    where = home_of(context, home)
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
    """Add a run that another machine exported. Its checksums are compared; nothing of it is executed."""
    from aide_local.store.archive import import_archive

    if archive.is_dir():
        raise SettingsError(
            f"{archive} is a folder.",
            "Give the file that `aide-local export RUN` wrote (in the format archive).",
        )
    if not archive.is_file():
        raise SettingsError(f"There is no file {archive}.", "Check the path.")
    found = import_archive(home_of(context, home), archive)
    print(f"imported: {found}")
