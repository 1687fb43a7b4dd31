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


def test_every_command_of_the_readme_and_the_list_of_commands_exists() -> None:
    pages = [(ROOT / name).read_text("utf-8") for name in ("README.md", "docs/commands.md")]
    named = set(re.findall(r"aide-local ((?:task |models |sandbox )?[a-z]+)", "\n".join(pages)))
    assert {"run", "resume", "runs", "task check", "models list", "doctor", "sql"} <= named
    for name in named:
        help_of(*name.split())


def test_the_list_of_commands_has_them_all() -> None:
    groups = {group.name: group.typer_instance for group in app.registered_groups if group.typer_instance}
    there = {str(one.name) for one in app.registered_commands}
    there |= {
        f"{name} {command.name or command.callback.__name__}"
        for name, group in groups.items()
        for command in group.registered_commands
        if command.callback is not None
    }
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    listed: set[str] = set()
    for row in re.findall(r"^\| (`aide-local.*?) \|", page, re.MULTILINE):
        names = [words.strip() for words in re.findall(r"`(?:aide-local)?([a-z ]*)[^`]*`", row)]
        first, _, second = names[0].partition(" ")
        listed |= {names[0], *(f"{first} {name}" if second else name for name in names[1:])} - {""}
    assert listed == there


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
