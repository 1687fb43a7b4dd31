"""The attack suite against this machine's sandbox, as whoever runs the tests and as an ordinary user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import aide_local
from aide_local.sandbox.audit.attacks import ATTACKS
from tests.sandbox.running import levels

LEVELS = [level.value for level in levels() if level != "limits"]
NOBODY = 65534


def audit(level: str, command: list[str], folder: Path, *options: str) -> dict[str, dict[str, object]]:
    """Verdicts by the group and name of the attempt."""
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "PYTHONPATH": str(Path(aide_local.__file__).parent.parent),
    }
    done = subprocess.run(
        [*command, "-B", "-m", "aide_local.sandbox.audit", "--level", level, "--json", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    machine, *verdicts, summary = (json.loads(line) for line in done.stdout.splitlines())
    assert machine["level"] == level
    assert summary["attempts"] == len(verdicts)
    return {f"{verdict['group']}/{verdict['attempt']}": verdict for verdict in verdicts}


def as_ordinary_user() -> list[str]:
    """How to start Python as a user without rights: the interpreter of the tests, or the system's."""
    if os.getuid() != 0:
        return [sys.executable]
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is needed to become an ordinary user")
    become = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    code = (  # a program that it starts must be able to start it again
        f"import subprocess, sys; sys.path.insert(0, {str(Path(aide_local.__file__).parent.parent)!r});"
        " import aide_local.sandbox.host.runner; subprocess.run([sys.executable, '-c', ''], check=True)"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([*become, python, "-B", "-c", code], cwd="/", capture_output=True).returncode == 0:
            return [*become, python]
    pytest.skip(
        "an ordinary user can read neither the tests' interpreter and code nor a system's Python ≥ 3.11"
    )


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that an ordinary user may reach and write to."""
    folder = Path(tempfile.mkdtemp(prefix="audit-of-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def check(verdicts: dict[str, dict[str, object]], level: str) -> None:
    assert verdicts["control/honest"]["ended"] == "ok", verdicts["control/honest"]
    open_ = {name: verdict["evidence"] for name, verdict in verdicts.items() if not verdict["contained"]}
    known = {attack.id for attack in ATTACKS if attack.open_in_landlock} if level == "landlock" else set()
    assert set(open_) <= known, {name: what for name, what in open_.items() if name not in known}


def test_the_suite_is_large_and_its_names_are_unique() -> None:
    names = [attack.id for attack in ATTACKS]
    assert len(names) >= 60
    assert len(set(names)) == len(names)
    assert len({attack.group for attack in ATTACKS}) >= 10


@pytest.mark.parametrize("level", LEVELS)
def test_all_but_bombs_is_contained_for_an_ordinary_user(level: str, place: Path) -> None:
    check(audit(level, as_ordinary_user(), place, "--quick"), level)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_everything_is_contained_for_an_ordinary_user(level: str, place: Path) -> None:
    check(audit(level, as_ordinary_user(), place), level)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_everything_is_contained_for_who_runs_the_tests(level: str, place: Path) -> None:
    check(audit(level, [sys.executable], place), level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("group", ["privileges", "metadata", "survivors"])
def test_what_root_could_do_is_contained(level: str, group: str, place: Path) -> None:
    check(audit(level, [sys.executable], place, "--only", group), level)


@pytest.mark.slow
def test_most_attacks_escape_from_a_plain_process(place: Path) -> None:
    verdicts = audit("none", [sys.executable], place)
    assert verdicts["control/honest"]["contained"]
    escaped = [name for name, verdict in verdicts.items() if not verdict["contained"]]
    assert len(escaped) > 0.6 * len(verdicts), sorted(set(verdicts) - set(escaped))


def test_attacks_escape_from_a_plain_process(place: Path) -> None:
    verdicts = audit("none", as_ordinary_user(), place, "--only", "persistence")
    escaped = {name for name, verdict in verdicts.items() if not verdict["contained"]}
    assert escaped >= {"persistence/home", "persistence/temporary", "persistence/shared-memory"}
