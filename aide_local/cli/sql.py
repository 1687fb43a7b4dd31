"""``aide-local sql``: one query over all runs, read-only."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aide_local.basics.units import parse_duration, parse_size
from aide_local.cli.lookup import home_of
from aide_local.cli.options import HomeFolder, writing
from aide_local.errors import SettingsError

if TYPE_CHECKING:
    from aide_local.home import Home
    from aide_local.store.sql import Result, SqlReader

Query = Annotated[
    str | None,
    typer.Argument(help="A query; `-`: from standard input; without one, at a terminal: a prompt."),
]
File = Annotated[
    Path | None, typer.Option("--file", "-f", help="Read the query from a file.", show_default=False)
]
Format = Annotated[
    str,
    typer.Option(
        "--format", help="table or markdown (10,000 rows at most); csv, json or parquet (all rows)."
    ),
]
ResultFile = Annotated[Path | None, typer.Option("--out", help="Write to a file.", show_default=False)]
TimeLimit = Annotated[str, typer.Option(help="Interrupt the query after this time; Ctrl+C does so at once.")]
MemoryLimit = Annotated[str, typer.Option(help="Memory that the query may use.")]
PredictionsOf = Annotated[
    str | None,
    typer.Option(
        metavar="RUN", help="Show this run's predictions as the table prediction_rows.", show_default=False
    ),
]
Attach = Annotated[bool, typer.Option("--attach", help="Print how other programs open the data.")]


def sql(
    context: typer.Context,
    query: Query = None,
    file: File = None,
    format_: Format = "table",
    out: ResultFile = None,
    time_limit: TimeLimit = "60s",
    memory_limit: MemoryLimit = "2g",
    predictions: PredictionsOf = None,
    attach: Attach = False,
    home: HomeFolder = None,
) -> None:
    """Ask all runs a question in SQL. Tables and views: docs/schema.md; questions to start from: docs/sql.md."""
    from aide_local.basics.files import check_writable
    from aide_local.cli.console import interact, show
    from aide_local.store.run_store import find_run

    where = home_of(context, home)
    run_id = find_run(where, predictions) if predictions else ""
    if attach:
        _print_attach(where, run_id)
        return
    _check_format(format_, out)
    asker = _Asker(
        where,
        run_id,
        parse_duration(time_limit, "--time-limit") or 60.0,
        f"{parse_size(memory_limit, '--memory-limit')}B",
    )
    if query is None and file is None and out is None and sys.stdin.isatty():
        interact(where, asker.ask, format_)
        return
    if out is None:
        show(asker.ask(_query(query, file)), format_)
        return
    with writing(out):
        check_writable(out)  # before the query, which may take long
    result = asker.ask(_query(query, file))
    with writing(out):
        result.save(format_, out)


def _check_format(format_: str, out: Path | None) -> None:
    """Raise SettingsError if there is no such format, or it is none for a terminal."""
    from aide_local.store.sql import FORMATS

    if format_ not in FORMATS:
        raise SettingsError(f"--format {format_!r} is unknown.", f"Choose one of: {', '.join(FORMATS)}.")
    if format_ == "parquet" and out is None:
        raise SettingsError("Parquet is not for the terminal.", "Add --out FILE.")


def _print_attach(home: Home, run_id: str) -> None:
    """Print the file of all runs, and commands that open it in other programs."""
    from aide_local.store.history import gather_all, unreadable_runs
    from aide_local.store.sql import predictions_view

    path = gather_all(home)
    _warn(unreadable_runs(home))
    python = f"import duckdb; duckdb.connect({str(path)!r}, read_only=True).sql('FROM runs').show()"
    of_run = f" of {run_id}" if run_id else ""
    print(f"{path}\n\nduckdb -readonly {shlex.quote(str(path))}\npython -c {shlex.quote(python)}")
    print(f"DBeaver: jdbc:duckdb:{path} with the driver property access_mode = READ_ONLY")
    print(f"\nIn any of them, the predictions{of_run}:\n{predictions_view(home, run_id)}")


@dataclass(slots=True)
class _Asker:
    """Answers queries, each on the runs as they are then; a run that is left out is named once."""

    home: Home
    predictions_of: str
    limit: float
    memory: str
    warned: set[str] = field(default_factory=set)

    def ask(self, query: str) -> Result:
        """Return the answer.

        Raises:
            AideError: the query is wrong, took too long or was interrupted.
        """
        from aide_local.store.sql import SqlReader

        with SqlReader(self.home, memory_limit=self.memory, predictions_of=self.predictions_of) as reader:
            _warn({run: reason for run, reason in reader.left_out.items() if run not in self.warned})
            self.warned.update(reader.left_out)
            return _interruptible(reader, query, self.limit)


def _warn(left_out: Mapping[str, str]) -> None:
    """Print on standard error why runs are left out: the answer is that of the others."""
    for reason in left_out.values():
        print(f"aide-local: {reason}", file=sys.stderr)


def _query(query: str | None, file: Path | None) -> str:
    """Return the query, from where the person put it.

    Raises:
        SettingsError: its file cannot be read.
    """
    if file is not None:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file} cannot be read: {error}.", "Check the path.") from error
    return sys.stdin.read() if query in (None, "-") else str(query)


def _interruptible(reader: SqlReader, query: str, limit: float) -> Result:
    """Return the answer; Ctrl+C ends the query, which would otherwise not notice it before its end."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(reader.execute, query, time_limit=limit)
        while True:
            try:
                return asked.result()
            except KeyboardInterrupt:
                reader.interrupt()
