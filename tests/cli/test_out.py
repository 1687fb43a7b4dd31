"""``--out`` is looked at before the work; ``sql`` tells which runs it leaves out; what it prints can be pasted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aide_local.cli.main import app
from aide_local.errors import SettingsError
from aide_local.home import Home
from aide_local.store.layout import PUBLISHED
from aide_local.store.sql import SqlReader
from aide_local.types import RunSettings
from tests.runs import good, make_run
from tests.store.making import run_of


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """With a run, in a folder whose name has signs that shells and patterns know."""
    place = tmp_path_factory.mktemp("o'b [1] $x")
    settings = RunSettings.paper(steps=1, seed=1, folds=2, sandbox="limits", timeout=60.0, num_drafts=1)
    list(make_run(place, lambda prompt, sampling: good(3.0), settings=settings).events())
    return Home(place / "home")


def ask(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--home", str(home.root)])


@pytest.mark.parametrize("out", ["/nonexistent/x.csv", "/tmp", ".", "/proc/x.csv"])
def test_a_wrong_place_is_told_before_the_query_is_asked(
    home: Home, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqlReader, "execute", lambda *arguments, **named: pytest.fail("asked"))
    with pytest.raises(SettingsError, match="cannot be written") as told:
        CliRunner().invoke(
            app, ["sql", "FROM runs", "--out", out, "--home", str(home.root)], catch_exceptions=False
        )
    assert told.value.message.startswith(f"{out} ")
    assert "--out" in told.value.fix


@pytest.mark.parametrize("out", [".", "{tmp}/folder/", "{tmp}/none/x.html"])
def test_a_report_to_a_wrong_place_is_refused_and_leaves_nothing(
    home: Home, tmp_path: Path, out: str
) -> None:
    (tmp_path / "folder").mkdir()
    done = ask(home, "report", "latest", "--out", out.replace("{tmp}", str(tmp_path)))
    assert isinstance(done.exception, SettingsError)
    assert "cannot be written" in done.exception.message
    assert list(tmp_path.rglob("*")) == [tmp_path / "folder"]


def test_the_result_is_written_whole_beside_what_lies_there(home: Home, tmp_path: Path) -> None:
    (tmp_path / "a.csv.partial").write_text("mine")
    assert (
        ask(home, "sql", "SELECT 1 AS a", "--format", "csv", "--out", str(tmp_path / "a.csv")).exit_code == 0
    )
    assert (tmp_path / "a.csv").read_text().split() == ['"a"', "1"]
    assert (tmp_path / "a.csv.partial").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_the_line_for_python_can_be_pasted_wherever_the_home_is(home: Home) -> None:
    said = ask(home, "sql", "--attach").stdout
    (line,) = [line for line in said.splitlines() if line.startswith("python -c ")]
    done = subprocess.run(
        ["sh", "-c", line.replace("python", sys.executable, 1)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "run_id" in done.stdout


def test_predictions_are_found_wherever_the_home_is(home: Home) -> None:
    done = ask(
        home, "sql", "SELECT count(*) AS n FROM prediction_rows", "--predictions", "latest", "--format", "csv"
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
