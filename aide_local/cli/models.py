"""``aide-local models`` and ``doctor``: which models there are, and whether this machine is ready."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aide_local.cli.run import Home_

app = typer.Typer(help="List, show, add and remove models.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, home: Home_ = None) -> None:
    """List the models that can be named with --model."""
    from aide_local.cli.show import _home, print_table
    from aide_local.llm.registry import list_models

    print_table(
        ["name", "size", "default", "from", "description"],
        [
            [
                entry.name,
                f"{entry.path.stat().st_size / 2**20:,.0f} MiB" if entry.path.exists() else "absent",
                "default" if entry.default else "",
                "bundled" if entry.bundled else str(entry.path.parent),
                entry.description,
            ]
            for entry in list_models(_home(context, home))
        ],
    )


@app.command()
def info(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A name, or the path of a GGUF file.")],
    home: Home_ = None,
) -> None:
    """Show what a model is and what it needs, without loading it."""
    from aide_local.cli.show import _home
    from aide_local.llm.gguf import read_header
    from aide_local.llm.registry import resolve

    entry = resolve(model, _home(context, home))
    header = read_header(entry.path)
    for label, text in (
        ("name", header.text("general.name", entry.name)),
        ("file", f"{entry.path}, {header.size / 2**20:,.1f} MiB"),
        ("sha256", entry.sha256 or "not registered"),
        ("architecture", header.architecture),
        ("parameters", f"{header.parameters:,}"),
        ("context", f"{header.n_ctx_train:,} tokens"),
        ("licence", entry.licence or header.text("general.license", "not stated")),
        ("prompts", header.text("aide.prompt_profile", "standard")),
        ("chat template", "its own" if header.text("tokenizer.chat_template") else "none; ChatML is used"),
    ):
        print(f"{label:<15}{text}")


@app.command()
def add(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A GGUF file.")],
    name: Annotated[str | None, typer.Option(help="Name for --model.", show_default=False)] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the file into the home folder.")] = False,
    default: Annotated[bool, typer.Option("--default", help="Use it where no --model is given.")] = False,
    home: Home_ = None,
) -> None:
    """Register a GGUF file under a name, with its checksum."""
    from aide_local.cli.show import _home
    from aide_local.llm.registry import add_model

    entry = add_model(path, _home(context, home), name=name, copy=copy, default=default)
    print(f"added {entry.name}: {entry.path}")


@app.command()
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a model that you added.")],
    home: Home_ = None,
) -> None:
    """Forget a model; its file is deleted only where it was copied into the home folder."""
    from aide_local.cli.show import _home
    from aide_local.llm.registry import remove_model

    remove_model(name, _home(context, home))
    print(f"removed {name}")


def doctor(context: typer.Context, home: Home_ = None) -> None:
    """Check whether this machine is ready: each ok, warn or fail, with the mend."""
    from aide_local.cli.show import _home
    from aide_local.doctor import State, examine

    worst = State.OK
    for finding in examine(_home(context, home)):
        worst = max(worst, finding.state, key=list(State).index)
        print(f"{finding.state:<5}{finding.subject:<12}{finding.text}")
        if finding.mend:
            print(f"{'':<17}{finding.mend}")
    raise typer.Exit(2 if worst is State.FAIL else 0)
