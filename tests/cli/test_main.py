"""The commands and options that the guide and the README promise."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aide_local.cli.main import app
from tests.cli.commands import ROOT, aide


def help_of(*command: str) -> str:
    done = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (
            "run",
            "--model --steps --time-limit --seed --folds --parallel --memory --timeout --home --out --policy --target"
            " --metric --id --kind --split --group --time --json --plain",
        ),
        ("resume", "--steps --time-limit --home --out --json --plain"),
        ("runs", "--home --json"),
        ("show", "--home --json --prompt"),
        ("best", "--home --json"),
        ("task check", "--target --metric --id --kind --split --group --time"),
        ("task new", "--train --test --target --metric"),
        ("models list", "--home"),
        ("models info", "--home"),
        ("models add", "--name --default --home"),
        ("report", "--out --format --notebook --home"),
        ("doctor", "--home"),
    ],
)
def test_every_command_has_help_with_the_options_that_people_rely_on(command: str, options: str) -> None:
    said = help_of(*command.split())
    for option in options.split():
        assert re.search(rf"{option}\b", said), option


def test_every_command_of_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"aide-local ((?:task |models )?[a-z]+)", readme))
    assert {"run", "resume", "runs", "task check", "models list", "doctor", "sql"} <= named
    for name in named:
        help_of(*name.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "Missing argument"),
        (["run", ".", "--stepps", "3"], "No such option"),
        (["run", ".", "--steps", "three"], "valid integer"),
        (["frobnicate"], "No such command"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_why(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_help_answers_at_once_and_names_every_command(tmp_path: Path) -> None:
    began = time.monotonic()
    done = aide("--help", home=tmp_path)
    assert time.monotonic() - began < 20
    for command in ("run", "resume", "runs", "show", "best", "task", "models", "doctor", "sql"):
        assert command in done.stdout
