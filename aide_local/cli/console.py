"""The prompt of ``aide-local sql``: completion and history, by readline alone."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterable

from aide_local.errors import AideError
from aide_local.home import Home
from aide_local.store.sql import Result, SqlReader
from aide_local.store.words import names, words

_HISTORY = 1000  # lines kept
HELP = "A query ends with ; or an empty line. Tab completes tables, columns, metrics and tasks. \\d lists them, \\q leaves."


def completer(offered: Iterable[str]) -> Callable[[str, int], str | None]:
    """Return readline's completer: the ``state``-th of the offered words that begin with the text, in any case."""
    known = list(offered)

    def complete(text: str, state: int) -> str | None:
        fitting = [word for word in known if word.lower().startswith(text.lower())] if text else known
        return fitting[state] if state < len(fitting) else None

    return complete


def show(result: Result, form: str) -> None:
    """Print a result; text that a model wrote does not steer the terminal."""
    sys.stdout.flush()
    result.write(form, sys.stdout.buffer, terminal=sys.stdout.isatty())
    sys.stdout.buffer.flush()


def interact(home: Home, ask: Callable[[str], Result], form: str) -> None:
    """Read queries and print their results until the person leaves; an AideError of ``ask`` is printed."""
    import readline

    log = home.root / "sql_history"
    with SqlReader(home) as reader:
        pairs = names(reader)
        readline.set_completer(completer(words(reader)))
    readline.set_completer_delims(" \t\n()=<>,;*+-/%'\"")
    readline.parse_and_bind("tab: complete")
    readline.set_history_length(_HISTORY)
    with contextlib.suppress(OSError):  # no history yet
        readline.read_history_file(log)
    print(HELP)
    try:
        while True:
            try:
                query = _read()
            except KeyboardInterrupt:
                print()  # drops the unfinished query
                continue
            if query is None:
                return
            if query.strip() == "\\d":
                for table in dict.fromkeys(table for table, _ in pairs):
                    print(f"{table}: {', '.join(column for of, column in pairs if of == table)}")
                continue
            try:
                show(ask(query), form)
            except AideError as error:
                print(f"{error.message} {error.fix}".strip())
            except KeyboardInterrupt:  # while rows are printed, for example
                print("\nThe query was interrupted.")
    finally:
        with contextlib.suppress(OSError):  # a home that cannot be written does not fail the session
            readline.write_history_file(log)


def _read() -> str | None:
    """Return the next query, of one line or several; None at the end."""
    lines: list[str] = []
    while True:
        try:
            line = input("sql> " if not lines else "...> ")
        except EOFError:
            print()
            return None
        if not lines and line.strip() in ("\\q", "quit", "exit", ".quit"):
            return None
        if not lines and line.strip() == "\\d":
            return line
        if line.strip():
            lines.append(line)
        if lines and (not line.strip() or re.search(r";\s*$", line)):
            return "\n".join(lines)
