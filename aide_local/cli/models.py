"""``aide-local models``: list, show, examine, add and remove models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aide_local.basics.units import format_mib
from aide_local.cli.lookup import home_of
from aide_local.cli.options import HomeFolder, Plain, at_least
from aide_local.cli.printing import print_table
from aide_local.cli.run import watch
from aide_local.errors import SettingsError

app = typer.Typer(help="List, show, examine, add and remove models.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, home: HomeFolder = None) -> None:
    """List the models that can be named with --model."""
    from aide_local.llm.registry import list_models

    print_table(
        ["name", "size", "default", "from", "description"],
        [
            [
                entry.name,
                format_mib(entry.path.stat().st_size) if entry.path.exists() else "absent",
                "default" if entry.default else "",
                "bundled" if entry.bundled else str(entry.path.parent),
                entry.description,
            ]
            for entry in list_models(home_of(context, home))
        ],
    )


@app.command()
def info(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A name, or the path of a GGUF file.")],
    home: HomeFolder = None,
) -> None:
    """Show the properties of a model without loading it."""
    from aide_local.llm.gguf import read_header
    from aide_local.llm.registry import resolve
    from aide_local.store.exams import last_exam

    where = home_of(context, home)
    entry = resolve(model, where)
    header = read_header(entry.path)
    exam = last_exam(where, entry.name)
    for label, text in (
        ("name", header.text("general.name", entry.name)),
        ("file", f"{entry.path}, {format_mib(header.size, 1)}"),
        ("sha256", entry.sha256 or "not registered"),
        ("architecture", header.architecture),
        ("parameters", f"{header.parameters:,}"),
        ("context", f"{header.n_ctx_train:,} tokens"),
        ("licence", entry.licence or header.text("general.license", "not stated")),
        ("prompts", header.text("aide.prompt_profile", "standard")),
        ("chat template", "its own" if header.text("tokenizer.chat_template") else "none; ChatML is used"),
        (
            "last exam",
            exam.sentence(entry.sha256) if exam else f"none here yet: aide-local models exam {model}",
        ),
    ):
        print(f"{label:<15}{text}")


@app.command()
def exam(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A name, or the path of a GGUF file.")],
    tasks: Annotated[
        str | None,
        typer.Option(help="Sample tasks, separated by commas (all).", show_default=False),
    ] = None,
    drafts: Annotated[int, typer.Option(help="Drafts on each task.")] = 4,
    steps: Annotated[int, typer.Option(help="Scripts on each task, drafts included.")] = 8,
    minutes: Annotated[
        float | None, typer.Option(help="Most minutes for each task.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    n_ctx: Annotated[
        int | None, typer.Option(help="Tokens of the model's context.", show_default=False)
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Begin anew, even if the last exam was not finished.")
    ] = False,
    plain: Plain = False,
    home: HomeFolder = None,
) -> None:
    """Examine a model on the sample tasks: how many of its scripts run, obey the contract, beat a constant guess.

    Each task is an ordinary short run. Ctrl+C ends the exam; the same command goes on with it. The results:
    `aide-local models info NAME`, and `aide-local sql "FROM model_exams"`.
    """
    at_least(steps, 1, "--steps")
    at_least(drafts, 1, "--drafts")
    at_least(n_ctx, 256, "--n-ctx")
    if minutes is not None and minutes <= 0:
        raise SettingsError(f"--minutes {minutes:g} is not positive.", "Give a positive number.")

    from aide_local.llm.registry import resolve
    from aide_local.run.exam import examine, settings_of
    from aide_local.store.exams import COLUMNS, last_exam

    where = home_of(context, home)
    entry = resolve(model, where)
    names = [name.strip() for name in (tasks or "").split(",") if name.strip()]
    settings = settings_of(steps=steps, drafts=drafts, minutes=minutes, seed=seed, n_ctx=n_ctx)
    for name, run in examine(entry, where, tasks=names, settings=settings, again=again):
        print(f"\n{entry.name} on {name}")
        if watch(run, json=False, plain=plain).stop_reason.by_person:
            print("The exam is not over; the same command goes on with it.")
            raise typer.Exit(1)
    done = last_exam(where, entry.name)
    assert done is not None, "it has just been made"
    print()
    print_table(list(COLUMNS), [task.cells() for task in done.tasks])
    print(f"\n{done.sentence(entry.sha256)}")


@app.command()
def add(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A GGUF file.")],
    name: Annotated[str | None, typer.Option(help="Name for --model.", show_default=False)] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the file into the home folder.")] = False,
    default: Annotated[bool, typer.Option("--default", help="Use it when no --model is given.")] = False,
    home: HomeFolder = None,
) -> None:
    """Register a GGUF file under a name, with its checksum."""
    from aide_local.llm.registry import add_model

    entry = add_model(path, home_of(context, home), name=name, copy=copy, default=default)
    print(f"added {entry.name}: {entry.path}")


@app.command()
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a model that you added.")],
    home: HomeFolder = None,
) -> None:
    """Forget a model; its file is deleted only if it was copied into the home folder."""
    from aide_local.llm.registry import remove_model

    remove_model(name, home_of(context, home))
    print(f"removed {name}")
