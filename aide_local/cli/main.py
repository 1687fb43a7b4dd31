"""``aide-local``: the commands, and how errors and interruptions end a process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aide_local import __version__
from aide_local.cli import models, run, show, sql, task
from aide_local.errors import AideError

app = typer.Typer(
    name="aide-local",
    help="Tree search over machine-learning scripts that a local model writes. Nothing leaves this machine.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", envvar="AIDE_LOCAL_HOME", help="Folder of everything that is written.", show_default=False
    ),
]


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    home: HomeOption = None,
) -> None:
    """Without a command: the terminal UI."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    context.obj = home
    if context.invoked_subcommand is None:
        open_ui(home)


def open_ui(home: Path | None) -> None:
    """The Textual app; it depends on the engine, never the reverse, so it is found by name."""
    from importlib import import_module

    from aide_local.home import Home

    raise typer.Exit(import_module("tui.app").main(Home.find(home)))


app.command("run")(run.run)
app.command("resume")(run.resume)
app.command("runs")(show.runs)
app.command("show")(show.show)
app.command("best")(show.best)
app.command("diff")(show.diff)
app.command("sql")(sql.sql)
app.command("doctor")(models.doctor)
app.add_typer(task.app, name="task")
app.add_typer(models.app, name="models")


def main() -> None:
    """Entry point: an AideError is one paragraph and its exit code; anything else is a defect and a traceback."""
    try:
        app()
    except AideError as error:
        print(f"aide-local: {error.message}", file=sys.stderr)
        if error.mend:
            print(error.mend, file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)


if __name__ == "__main__":
    main()
