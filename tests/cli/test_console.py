"""The prompt of ``aide-local sql``; what a model wrote, or another machine's run says, does not steer the terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import duckdb
import pytest
from typer.testing import CliRunner

from aide_local.cli.console import interact, show
from aide_local.cli.main import app
from aide_local.home import Home
from aide_local.store.sql import Result, SqlReader
from aide_local.store.words import words
from tests.store.earlier import VERSION_1, unpack

PLAN = "\x1b]0;owned\x07\x1b[2J a plan \x9b31m"
HARMFUL = set("\x1b\x07\x9b")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A run whose plans and task have escape sequences."""
    found = unpack(tmp_path / "home")
    folder = found.run(VERSION_1)
    for name in ("run.duckdb", "published.duckdb"):
        with duckdb.connect(folder / name) as connection:
            connection.execute("UPDATE nodes SET plan = ?", [PLAN])
            connection.execute("UPDATE runs SET task = ?", [f"task{PLAN}"])
    info = json.loads((folder / "info.json").read_text())
    (folder / "info.json").write_text(json.dumps({**info, "task": f"task{PLAN}"}))
    return found


@pytest.mark.parametrize(
    "command",
    ["lineage latest 7", "diff latest 0 7", "runs", "sql|SELECT plan FROM nodes", "sql|--format|markdown|SELECT plan FROM nodes"],
)  # fmt: skip
def test_no_command_prints_raw_escapes(home: Home, command: str) -> None:
    arguments = command.split("|") if "|" in command else command.split()
    done = CliRunner().invoke(app, ["--home", str(home.root), *arguments])
    assert done.exit_code == 0, done.output
    assert "\\x1b]0;owned\\x07" in done.output
    assert not HARMFUL & set(done.output)


class Screen(io.TextIOWrapper):
    """A standard output that says whether it is a terminal."""

    def __init__(self, terminal: bool) -> None:
        self.raw_bytes = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.raw_bytes, "utf-8")

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_csv_is_escaped_on_a_terminal_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    screen = Screen(terminal)
    with SqlReader(home) as reader, monkeypatch.context() as patch:
        result = reader.execute("SELECT plan FROM nodes")
        patch.setattr(sys, "stdout", screen)
        show(result, "csv")
    said = screen.raw_bytes.getvalue().decode()
    assert (PLAN in said) is not terminal
    assert bool(HARMFUL & set(said)) is not terminal


def test_completion_offers_no_escapes(home: Home) -> None:
    with SqlReader(home) as reader:
        assert not [word for word in words(reader) if HARMFUL & set(word)]


class Endless(Result):
    """A result that is being printed when Ctrl+C is pressed."""

    def write(self, form: str, sink: IO[bytes], *, terminal: bool = False) -> None:
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_while_rows_are_printed_ends_the_query_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = iter(["SELECT 1;", "SELECT 2 AS two;", "\\q"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(lines))

    def ask(query: str) -> Result:
        with SqlReader(home) as reader:
            result = reader.execute(query)
        return Endless(result.table) if "1" in query else result

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interact(home, ask, "csv")
    finally:
        signal.signal(signal.SIGINT, before)
    said = capsys.readouterr().out
    assert "The query was interrupted." in said
    assert '"two"\n2\n' in said


def test_the_prompt_answers_completes_and_survives_errors(home: Home) -> None:
    main, other = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "aide_local.cli.main", "--home", home.root, "sql", "--format", "csv"],
        stdin=other, stdout=other, stderr=other, env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    os.close(other)

    said = ""

    def until(word: str) -> None:
        """Wait for the word, and keep what came after it: several may come at once."""
        nonlocal said
        end = time.monotonic() + 120
        while word not in said and time.monotonic() < end:
            if select.select([main], [], [], 1)[0]:
                said += os.read(main, 4096).decode(errors="replace")
        _, found, said = said.partition(word)
        assert found, f"{word!r} did not come"

    until("sql> ")
    os.write(main, b"SELECT nothing FROM nodes;\n")
    until("does not work")
    until("sql> ")
    os.write(main, b"SELECT count(*) AS n\n")
    until("...> ")
    os.write(main, b"FROM leaderb\t;\n")
    until("6")
    until("sql> ")
    os.write(main, b"\\q\n")
    assert child.wait(60) == 0
    os.close(main)
    assert "leaderboard" in (home.root / "sql_history").read_text()
