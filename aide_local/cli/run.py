"""``aide-local run`` and ``resume``: start a search and show it as it goes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aide_local.basics.units import parse_duration
from aide_local.cli import settings
from aide_local.cli.options import HomeFolder, Json, Out, Plain, RunId, at_least, takes, task_overrides

if TYPE_CHECKING:
    from aide_local.events import RunFinished
    from aide_local.run.loop import Run


@takes(
    overrides=task_overrides,
    search=settings.search,
    rules=settings.rules,
    model_use=settings.model_use,
    execution=settings.execution,
)
def run(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="A task folder, a Kaggle folder, or a CSV file with --target.")
    ],
    model: Annotated[
        str | None, typer.Option(help="GGUF file, or a name of `aide-local models list`.", show_default=False)
    ] = None,
    search: Any = None,
    rules: Any = None,
    overrides: Any = None,
    model_use: Any = None,
    execution: Any = None,
    home: HomeFolder = None,
    out: Out = None,
    json: Json = False,
    plain: Plain = False,
    tui: Annotated[bool, typer.Option("--tui", help="Show and steer it in the terminal UI.")] = False,
) -> None:
    """Search for the best script for a task and deliver it.

    Ctrl+C once ends the search and delivers the best so far; twice stops at once. Exit code: 0 delivered,
    1 nothing valid was found, 2 usage or a bad task.
    """
    from aide_local.home import Home
    from aide_local.run.assemble import llama, start
    from aide_local.tasks.load import load_task
    from aide_local.types import RunSettings

    chosen = RunSettings(**search, **rules, **model_use, **execution)
    found = load_task(path, overrides)
    where = Home.find(home or context.obj)
    if tui:
        from aide_local.cli.window import run_in_window

        raise typer.Exit(run_in_window(where, found, chosen, model, out))
    if not json:
        from aide_local.cli.task import print_task

        print_task(found)
    follow(start(found, chosen, home=where, make_model=llama(model, where), out=out), json=json, plain=plain)


def resume(
    context: typer.Context,
    run_id: RunId,
    steps: Annotated[int | None, typer.Option(help="Nodes in all.", show_default=False)] = None,
    time_limit: Annotated[
        str | None, typer.Option(help="Wall time of all parts of the run together.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The run's model, if it lies elsewhere now.", show_default=False)
    ] = None,
    home: HomeFolder = None,
    out: Out = None,
    json: Json = False,
    plain: Plain = False,
) -> None:
    """Go on with a run that was killed or stopped, or give it more steps."""
    at_least(steps, 1, "--steps")
    limit = parse_duration(time_limit, "--time-limit")

    from aide_local.home import Home
    from aide_local.run.assemble import llama
    from aide_local.run.assemble import resume as take_up
    from aide_local.store.run_store import find_run

    where = Home.find(home or context.obj)
    changes: dict[str, Any] = {}
    if steps is not None:
        changes["steps"] = steps
    if limit is not None:
        changes["time_limit"] = limit
    make_model = llama(model, where) if model else None
    going = take_up(find_run(where, run_id), home=where, make_model=make_model, out=out, **changes)
    follow(going, json=json, plain=plain)


def follow(run: Run, *, json: bool, plain: bool) -> None:
    """Show the events of a run to its end, and exit with its code."""
    raise typer.Exit(watch(run, json=json, plain=plain).exit_code)


def watch(run: Run, *, json: bool, plain: bool) -> RunFinished:
    """Show the events of a run; the last one. Ctrl+C ends the run, a second one at once."""
    from aide_local.cli.live import Live
    from aide_local.cli.progress import JsonLines, Lines
    from aide_local.events import RunFinished

    interrupts = 0

    def interrupted(*_: object) -> None:
        nonlocal interrupts
        interrupts += 1
        run.stop(now=interrupts > 1)
        if not json and interrupts == 1:
            print(
                "\nEnding the search; the best so far is delivered. Ctrl+C again stops at once.",
                file=sys.stderr,
            )

    before = [(one, signal.signal(one, interrupted)) for one in (signal.SIGINT, signal.SIGTERM)]
    live = sys.stdout.isatty() and not plain and os.environ.get("TERM") != "dumb"
    view = JsonLines() if json else Live() if live else Lines()
    try:
        with view:
            for event in run.events():
                view.show(event)
    finally:
        for one, handler in before:
            signal.signal(one, handler)
    assert isinstance(event, RunFinished), "the last event"
    return event
