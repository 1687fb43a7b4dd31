"""``aide-local``: the commands, and how errors and interruptions end the process."""

from __future__ import annotations

import sys
from typing import Annotated

from aide_local import __version__
from aide_local.cli import interrupt
from aide_local.errors import AideError

with interrupt.quits():
    import typer

    from aide_local.cli import doctor, models, report, run, runs, sandbox, show, sql, task
    from aide_local.cli.lookup import home_of
    from aide_local.cli.options import HomeFolder, RunId

app = typer.Typer(
    name="aide-local",
    help="Tree search over machine-learning scripts that a local model writes. Nothing leaves this machine.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    home: HomeFolder = None,
) -> None:
    """Without a command: the terminal UI."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    context.obj = home
    if context.invoked_subcommand is None:
        from aide_local.cli.window import open_window

        raise typer.Exit(open_window(home_of(context, home)))


def attach(
    context: typer.Context,
    run_id: RunId,
    home: HomeFolder = None,
) -> None:
    """Open the terminal UI at a run, also while another process runs it."""
    from aide_local.cli.window import open_window
    from aide_local.store.run_store import find_run

    where = home_of(context, home)
    raise typer.Exit(open_window(where, find_run(where, run_id)))


def keys(
    markdown: Annotated[bool, typer.Option("--markdown", help="In Markdown, as in docs/keys.md.")] = False,
) -> None:
    """Print the keys of the terminal UI, each with the id by which it is changed."""
    from aide_local.cli.window import list_keys

    print(list_keys(markdown=markdown), end="")


app.command("run")(run.run)
app.command("resume")(run.resume)
app.command("runs")(runs.runs)
app.command("show")(show.show)
app.command("best")(show.best)
app.command("diff")(show.diff)
app.command("lineage")(show.lineage)
app.command("report")(report.report)
app.command("verify")(runs.verify)
app.command("prune")(runs.prune)
app.command("export")(runs.export)
app.command("import")(runs.import_)
app.command("sql")(sql.sql)
app.command("attach")(attach)
app.command("keys")(keys)
app.command("doctor")(doctor.doctor)
app.add_typer(task.app, name="task")
app.add_typer(models.app, name="models")
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """Run the command line. An AideError prints one paragraph; any other exception is a defect, with its traceback."""
    try:
        app()
    except AideError as error:
        print(f"aide-local: {error.message}", file=sys.stderr)
        if error.fix:
            print(error.fix, file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)


if __name__ == "__main__":
    main()
