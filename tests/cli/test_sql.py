"""``aide-local sql``: queries, where its results go, which runs it leaves out, what others are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import psutil
import pytest
from typer.testing import CliRunner, Result

from aide_local.cli.main import app
from aide_local.errors import SettingsError
from aide_local.home import Home
from aide_local.store.layout import PUBLISHED
from aide_local.store.sql import SqlReader
from aide_local.types import RunSettings
from tests.cli.commands import aide_here
from tests.runs import good, make_run
from tests.store.earlier import VERSION_1, unpack
from tests.store.making import run_of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one run, made by an earlier version."""
    return unpack(tmp_path / "home").root


@pytest.fixture(scope="module")
def odd_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """With a run, in a folder whose name has signs that shells and patterns know."""
    place = tmp_path_factory.mktemp("o'b [1] $x")
    settings = RunSettings.paper(steps=1, seed=1, folds=2, sandbox="limits", timeout=60.0, num_drafts=1)
    list(make_run(place, lambda prompt, sampling: good(3.0), settings=settings).events())
    return Home(place / "home")


def ask(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--home", str(home.root)])


def test_a_query_from_a_file_and_from_standard_input(home: Path, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT count(*) AS n FROM nodes;")
    done = aide_here("sql", "--file", tmp_path / "q.sql", "--format", "json", home=home)
    assert json.loads(done.stdout) == [{"n": 8}]
    done = aide_here("sql", "-", "--format", "csv", home=home, stdin="SELECT count(*) AS n FROM nodes")
    assert done.stdout.split() == ['"n"', "8"]


def test_what_attach_says_works_in_another_program(home: Path) -> None:
    path, *rest = aide_here("sql", "--attach", home=home).stdout.splitlines()
    assert path == str(home / "history.duckdb")
    python = next(line for line in rest if line.startswith("python"))
    command = python.replace("python", sys.executable, 1)
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert VERSION_1 in done.stdout
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute(rest[-1])
        found = connection.execute(
            "SELECT n.run_id, count(DISTINCT node), count(*) FROM prediction_rows JOIN nodes n USING (run_id, node)"
            " WHERE n.complete GROUP BY ALL"
        ).fetchall()
    assert found == [(VERSION_1, 6, 6 * (60 + 20))]


def test_ctrl_c_ends_a_query(home: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "aide_local.cli.main", "--home", home, "sql", "SELECT sum(hash(a)) FROM range(1000000000000) t(a)"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process, end = psutil.Process(child.pid), time.monotonic() + 60
    while (
        process.cpu_times().user < 4 and time.monotonic() < end
    ):  # the query is what uses so much, not the start
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "interrupted" in said


@pytest.mark.parametrize("out", ["/nonexistent/x.csv", "/tmp", ".", "/proc/x.csv"])
def test_a_wrong_place_is_told_before_the_query_is_asked(
    odd_home: Home, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqlReader, "execute", lambda *arguments, **named: pytest.fail("asked"))
    with pytest.raises(SettingsError, match="cannot be written") as told:
        CliRunner().invoke(
            app, ["sql", "FROM runs", "--out", out, "--home", str(odd_home.root)], catch_exceptions=False
        )
    assert told.value.message.startswith(f"{out} ")
    assert "--out" in told.value.fix


def test_the_result_is_written_whole_beside_what_lies_there(odd_home: Home, tmp_path: Path) -> None:
    (tmp_path / "a.csv.partial").write_text("mine")
    assert (
        ask(odd_home, "sql", "SELECT 1 AS a", "--format", "csv", "--out", str(tmp_path / "a.csv")).exit_code
        == 0
    )
    assert (tmp_path / "a.csv").read_text().split() == ['"a"', "1"]
    assert (tmp_path / "a.csv.partial").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_the_line_for_python_can_be_pasted_wherever_the_home_is(odd_home: Home) -> None:
    said = ask(odd_home, "sql", "--attach").stdout
    (line,) = [line for line in said.splitlines() if line.startswith("python -c ")]
    done = subprocess.run(
        ["sh", "-c", line.replace("python", sys.executable, 1)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "run_id" in done.stdout


def test_predictions_are_found_wherever_the_home_is(odd_home: Home) -> None:
    done = ask(
        odd_home,
        "sql",
        "SELECT count(*) AS n FROM prediction_rows",
        "--predictions",
        "latest",
        "--format",
        "csv",
    )
    assert done.exit_code == 0, done.exception
    assert done.stdout.split() == ['"n"', "80"]


def test_the_answer_of_the_other_runs_comes_with_a_word_on_those_left_out(tmp_path: Path) -> None:
    home = Home(tmp_path)
    stores = [run_of(home, 1), run_of(home, 1)]
    for store in stores:
        store.close()
    os.truncate(home.run(stores[0].run_id) / PUBLISHED, 40_000)
    for command in (["sql", "SELECT count(*) AS n FROM runs", "--format", "csv"], ["sql", "--attach"]):
        done = ask(home, *command)
        assert done.exit_code == 0
        assert f"`aide-local prune {stores[0].run_id}`" in done.stderr
        assert "left out" not in done.stdout
        assert stores[1].run_id not in done.stderr
    assert ask(home, "sql", "SELECT count(*) AS n FROM runs", "--format", "csv").stdout.split() == [
        '"n"',
        "1",
    ]


def test_a_result_that_cannot_be_written_is_told(odd_home: Home) -> None:
    done = CliRunner().invoke(
        app, ["--home", str(odd_home.root), "sql", "--out", str(odd_home.root / "none" / "a.csv"), "SELECT 1"]
    )
    assert "cannot be written: No such file or directory" in str(done.exception.message)  # type: ignore[union-attr]
