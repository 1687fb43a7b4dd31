"""``aide-local sql``: one query over all runs, read-only."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from aide_local.cli.options import seconds
from aide_local.cli.run import Home_
from aide_local.errors import SettingsError


def sql(
    context: typer.Context,
    query: Annotated[
        str | None, typer.Argument(help="A query; `-` or nothing reads it from standard input.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read the query from a file.", show_default=False)
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="table, csv, json, markdown or parquet.")
    ] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write to a file.", show_default=False)] = None,
    time_limit: Annotated[str, typer.Option(help="The query is interrupted after this time.")] = "60s",
    attach: Annotated[bool, typer.Option("--attach", help="Say how other programs open the data.")] = False,
    home: Home_ = None,
) -> None:
    """Ask all runs a question in SQL. Tables and views: docs/schema.md; questions to start from: docs/sql.md."""
    from aide_local.cli.show import _home
    from aide_local.store.sql import FORMATS, Reader, snapshot_of_all

    where = _home(context, home)
    if attach:
        path = snapshot_of_all(where)
        python = f"import duckdb; duckdb.connect({str(path)!r}, read_only=True).sql('FROM runs').show()"
        print(f'{path}\n\nduckdb -readonly {shlex.quote(str(path))}\npython -c "{python}"')
        return
    if format_ not in FORMATS:
        raise SettingsError(f"--format {format_!r} is unknown.", f"Choose one of: {', '.join(FORMATS)}.")
    if format_ == "parquet" and out is None:
        raise SettingsError("Parquet is not for the terminal.", "Add --out FILE.")
    if file is not None:
        try:
            query = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file} cannot be read: {error}.", "Check the path.") from error
    if query in (None, "-"):
        query = sys.stdin.read()
    with Reader(where) as reader:
        result = reader.execute(query or "", time_limit=seconds(time_limit, "--time-limit") or 60.0)
        content = result.render(format_)
    if out is not None:
        out.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)
