"""``aide-local sql``: one query over all runs, read-only."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aide_local.basics.units import parse_duration, parse_size
from aide_local.cli.options import HomeFolder, writing
from aide_local.errors import SettingsError

if TYPE_CHECKING:
    from aide_local.store.sql import Result, SqlReader


def sql(
    context: typer.Context,
    query: Annotated[
        str | None,
        typer.Argument(
            help="A query; `-` reads it from standard input; nothing, at a terminal, asks for queries."
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read the query from a file.", show_default=False)
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format", help="table or markdown, of 10,000 rows at most; csv, json or parquet, of all."
        ),
    ] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write to a file.", show_default=False)] = None,
    time_limit: Annotated[
        str,
        typer.Option(
            help="The query is interrupted after this time; Ctrl+C ends it, too, and the writing of its rows."
        ),
    ] = "60s",
    memory_limit: Annotated[str, typer.Option(help="Memory that the query may use.")] = "2g",
    predictions: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Show this run's predictions as the table prediction_rows.",
            show_default=False,
        ),
    ] = None,
    attach: Annotated[bool, typer.Option("--attach", help="Say how other programs open the data.")] = False,
    home: HomeFolder = None,
) -> None:
    """Ask all runs a question in SQL. Tables and views: docs/schema.md; questions to start from: docs/sql.md."""
    from aide_local.basics.files import check_writable
    from aide_local.cli.console import interact, show
    from aide_local.cli.show import _home
    from aide_local.store.history import gather_all, unreadable_runs
    from aide_local.store.run_store import find_run
    from aide_local.store.sql import FORMATS, SqlReader, predictions_view

    where = _home(context, home)
    run_id = find_run(where, predictions) if predictions else ""
    if attach:
        path = gather_all(where)
        _warn(unreadable_runs(where))
        python = f"import duckdb; duckdb.connect({str(path)!r}, read_only=True).sql('FROM runs').show()"
        print(f"{path}\n\nduckdb -readonly {shlex.quote(str(path))}\npython -c {shlex.quote(python)}")
        print(f"DBeaver: jdbc:duckdb:{path} with the driver property access_mode = READ_ONLY")
        print(
            f"\nIn any of them, the predictions{f' of {run_id}' if run_id else ''}:\n{predictions_view(where, run_id)}"
        )
        return
    if format_ not in FORMATS:
        raise SettingsError(f"--format {format_!r} is unknown.", f"Choose one of: {', '.join(FORMATS)}.")
    if format_ == "parquet" and out is None:
        raise SettingsError("Parquet is not for the terminal.", "Add --out FILE.")
    limit = parse_duration(time_limit, "--time-limit") or 60.0
    at_most = f"{parse_size(memory_limit, '--memory-limit')}B"

    warned: set[str] = set()

    def ask(text: str) -> Result:
        with SqlReader(where, memory_limit=at_most, predictions_of=run_id) as reader:
            _warn({run: reason for run, reason in reader.left_out.items() if run not in warned})
            warned.update(reader.left_out)
            return _interruptible(reader, text, limit)

    if query is None and file is None and out is None and sys.stdin.isatty():
        interact(where, ask, format_)
        return
    if out is None:
        show(ask(_query(query, file)), format_)
        return
    with writing(out):
        check_writable(out)  # the query may take long
    result = ask(_query(query, file))
    with writing(out):
        result.save(format_, out)


def _warn(left_out: Mapping[str, str]) -> None:
    """On standard error: the answer is of the other runs."""
    for reason in left_out.values():
        print(f"aide-local: {reason}", file=sys.stderr)


def _query(query: str | None, file: Path | None) -> str:
    """Raises SettingsError where the file cannot be read."""
    if file is not None:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file} cannot be read: {error}.", "Check the path.") from error
    return sys.stdin.read() if query in (None, "-") else str(query)


def _interruptible(reader: SqlReader, query: str, limit: float) -> Result:
    """The answer; Ctrl+C ends the query, which would else not notice before its end."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(reader.execute, query, time_limit=limit)
        while True:
            try:
                return asked.result()
            except KeyboardInterrupt:
                reader.interrupt()
