"""``aide-local run`` and ``resume``: start a search and show it as it goes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aide_local.cli.options import at_least, seconds, size
from aide_local.errors import SettingsError

if TYPE_CHECKING:
    from aide_local.events import RunFinished
    from aide_local.run.loop import Run

Home_ = Annotated[
    Path | None,
    typer.Option(
        "--home", envvar="AIDE_LOCAL_HOME", help="Folder of everything that is written.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One event a line, as JSON.")]
Plain = Annotated[bool, typer.Option("--plain", help="Lines of text only: no colour, no live display.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Folder for the deliverables (default: in the run's folder).", show_default=False
    ),
]


def run(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="A task folder, a Kaggle folder, or a CSV file with --target.")
    ],
    model: Annotated[
        str | None, typer.Option(help="GGUF file, or a name of `aide-local models list`.", show_default=False)
    ] = None,
    steps: Annotated[int, typer.Option(help="Nodes to make.")] = 20,
    time_limit: Annotated[
        str | None, typer.Option(help="Wall time of the whole run: 10m, 2h.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation.")] = 5,
    parallel: Annotated[int, typer.Option(help="Candidates that execute at once.")] = 1,
    memory: Annotated[str, typer.Option(help="Memory of a candidate, with all its processes.")] = "4g",
    timeout: Annotated[str, typer.Option(help="Wall time of one execution (one fold).")] = "10m",
    target: Annotated[
        list[str] | None, typer.Option(help="Target column; once for each.", show_default=False)
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Metric, such as rmse or auc.", show_default=False)
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="Column that names the rows.", show_default=False)
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="binary, multiclass, multilabel or regression.", show_default=False)
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="random, stratified, group or time.", show_default=False)
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Column whose rows stay together in a fold.", show_default=False)
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Column of the time; later rows validate.", show_default=False)
    ] = None,
    policy: Annotated[str, typer.Option(help="Search policy.")] = "greedy",
    drafts: Annotated[int, typer.Option(help="Drafts before anything is improved.")] = 5,
    debug_prob: Annotated[float, typer.Option(help="Chance to debug a failed node, after the drafts.")] = 0.5,
    temperature: Annotated[
        float, typer.Option(help="Of the model's sampling; 0: always the likeliest.")
    ] = 0.7,
    n_ctx: Annotated[
        int | None, typer.Option(help="Tokens of the model's context.", show_default=False)
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens of a reply.", show_default=False)] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the model.", show_default=False)] = None,
    gpu_layers: Annotated[int, typer.Option(help="Layers on the GPU; -1: all that fit.")] = -1,
    racing: Annotated[bool, typer.Option(help="Stop nodes that are clearly behind after a fold.")] = True,
    model_digest: Annotated[
        bool,
        typer.Option(
            "--model-digest", help="The model, not the rules, writes the journal's line of each node."
        ),
    ] = False,
    sandbox: Annotated[
        str, typer.Option(help="auto, strict, landlock, or limits (confines nothing).")
    ] = "auto",
    gpu: Annotated[bool, typer.Option("--gpu", help="Candidates may use the GPU (NVIDIA, AMD).")] = False,
    python: Annotated[
        Path | None, typer.Option(help="Interpreter of the candidates.", show_default=False)
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Folder of prompt templates that override ours.", show_default=False)
    ] = None,
    home: Home_ = None,
    out: Out = None,
    json: Json = False,
    plain: Plain = False,
    tui: Annotated[bool, typer.Option("--tui", help="Show and steer it in the terminal UI.")] = False,
) -> None:
    """Search for the best script for a task and deliver it.

    Ctrl+C once ends the search and delivers the best so far; twice stops at once. Exit code: 0 delivered,
    1 nothing valid was found, 2 usage or a bad task.
    """
    at_least(steps, 1, "--steps")
    at_least(folds, 2, "--folds")
    at_least(parallel, 1, "--parallel")
    at_least(n_ctx, 256, "--n-ctx")
    at_least(max_tokens, 16, "--max-tokens")
    at_least(threads, 1, "--threads")
    if not 0 <= debug_prob <= 1:
        raise SettingsError(f"--debug-prob {debug_prob} is not a probability.", "Give a number from 0 to 1.")
    if temperature < 0:
        raise SettingsError(f"--temperature {temperature} is negative.", "Give 0 or more.")
    bounds = (seconds(time_limit, "--time-limit"), seconds(timeout, "--timeout"), size(memory, "--memory"))

    from aide_local.home import Home
    from aide_local.run.assemble import llama, start
    from aide_local.tasks.files import TaskOverrides
    from aide_local.tasks.load import load_task
    from aide_local.types import RunSettings

    overrides = TaskOverrides(
        target=tuple(target) if target else None,
        metric=metric,
        id=id_,
        kind=kind,
        split=split,
        group=group,
        time=time,
    )
    limit, of_one, memory_bytes = bounds
    settings = RunSettings(
        steps=steps,
        time_limit=limit,
        seed=seed,
        folds=folds,
        parallel=parallel,
        policy=policy,
        num_drafts=drafts,
        debug_prob=debug_prob,
        racing=racing,
        model_digest=model_digest,
        temperature=temperature,
        max_tokens=max_tokens,
        n_ctx=n_ctx,
        threads=threads,
        gpu_layers=gpu_layers,
        memory=memory_bytes,
        timeout=of_one or 600.0,
        python=str(python.absolute()) if python else None,
        sandbox=sandbox,
        gpu=gpu,
        prompts=str(prompts.absolute()) if prompts else None,
    )
    found = load_task(path, overrides)
    where = Home.find(home or context.obj)
    if tui:
        from aide_local.cli.window import run_in_window

        raise typer.Exit(run_in_window(where, found, settings, model, out))
    if not json:
        from aide_local.cli.task import print_task

        print_task(found)
    follow(
        start(found, settings, home=where, make_model=llama(model, where), out=out), json=json, plain=plain
    )


def resume(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, a part of one, or `latest`.")],
    steps: Annotated[int | None, typer.Option(help="Nodes in all.", show_default=False)] = None,
    time_limit: Annotated[
        str | None, typer.Option(help="Wall time of all parts of the run together.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The run's model, if it lies elsewhere now.", show_default=False)
    ] = None,
    home: Home_ = None,
    out: Out = None,
    json: Json = False,
    plain: Plain = False,
) -> None:
    """Go on with a run that was killed or stopped, or give it more steps."""
    at_least(steps, 1, "--steps")
    limit = seconds(time_limit, "--time-limit")

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
    from aide_local.cli.progress import JsonLines, Lines, Live
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
