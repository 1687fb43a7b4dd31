"""``aide-local report``: write a run as one file for people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aide_local.cli.lookup import home_of
from aide_local.cli.options import HomeFolder, RunId, writing
from aide_local.errors import SettingsError

_ENDINGS = {"html": ".html", "markdown": ".md", "notebook": ".ipynb"}


def report(
    context: typer.Context,
    run_id: RunId = "latest",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="File to write; `-`: standard output. Default: RUN.html here.", show_default=False
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="html or markdown. Default: by the ending of --out, else html.",
            show_default=False,
        ),
    ] = None,
    notebook: Annotated[
        bool,
        typer.Option("--notebook", help="Write the best script as a Jupyter notebook, with its history."),
    ] = False,
    home: HomeFolder = None,
) -> None:
    """Write a run, ended or going on, as one HTML file that needs no network, as Markdown, or as a notebook."""
    from aide_local.basics.files import check_writable, write_whole
    from aide_local.store.record import read_record
    from aide_local.store.run_store import find_run

    kind = _kind(format_, notebook, out)
    if out is not None and str(out) != "-":
        with writing(out):
            check_writable(out)
    where = home_of(context, home)
    record = read_record(where, find_run(where, run_id))
    if kind == "html":
        from aide_local.report.html import html

        content = html(record)
    elif kind == "notebook":
        from aide_local.report.notebook import notebook as as_notebook

        content = as_notebook(record)
    else:
        from aide_local.report.markdown import markdown
        from aide_local.report.scores import summary_of

        content = markdown(record.view.task, record.view.tree, summary_of(record))
    if str(out) == "-":
        sys.stdout.write(content)
        return
    path = out or Path(record.view.info.id + _ENDINGS[kind])
    with writing(path):
        write_whole(path, content)
    print(f"{path} ({len(content.encode()) / 1024:.0f} KiB)")


def _kind(format_: str | None, notebook: bool, out: Path | None) -> str:
    if notebook:
        if format_ is not None:
            raise SettingsError("A notebook has no other format.", "Leave out --format or --notebook.")
        return "notebook"
    if format_ is None:
        return next((kind for kind, ending in _ENDINGS.items() if out and out.suffix == ending), "html")
    if format_ not in ("html", "markdown"):
        raise SettingsError(f"--format {format_!r} is unknown.", "Choose html or markdown.")
    return format_
