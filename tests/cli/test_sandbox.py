"""`aide-local sandbox`: what people and scripts of theirs get from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def sandbox(
    folder: Path, *arguments: str, script: str | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    for name in ("input", "working"):
        if not os.path.lexists(folder / name):
            (folder / name).mkdir()
    if script is not None:
        (folder / "script.py").write_text(script)
    command = [sys.executable, "-m", "aide_local.cli.main", "sandbox", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_script_runs_in_place_its_output_to_stdout_and_its_outcome_to_stderr(tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    (tmp_path / "input/x").write_text("given")
    done = sandbox(
        tmp_path,
        "run",
        "script.py",
        "--json",
        script="text = open('input/x').read(); open('working/y', 'w').write(text); print('\\x1b[31m' + text)",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "given\n"
    assert (tmp_path / "working/y").read_text() == "given"
    outcome = json.loads(done.stderr)
    assert outcome["kind"] == "ok"
    assert outcome["error"] is None
    assert outcome["confined"]
    assert outcome["usage"]["wall"] > 0


@pytest.mark.parametrize(
    ("script", "options", "code", "kind"),
    [
        ("1 / 0", (), 1, "exception"),
        ("import time; time.sleep(60)", ("--timeout", "1s"), 3, "timeout"),
        ("while True: pass", ("--cpu-time", "0.5s"), 3, "cpu_time"),
        ("while True: print('x' * 9999)", ("--output", "100k"), 3, "output_flood"),
        ("import os; os.abort()", (), 1, "signal"),
    ],
)
def test_the_exit_code_shows_the_kind_of_end(
    tmp_path: Path, script: str, options: tuple[str, ...], code: int, kind: str
) -> None:
    done = sandbox(tmp_path, "run", "script.py", *options, "--report", "report.json", script=script)
    assert done.returncode == code
    outcome = json.loads((tmp_path / "report.json").read_text())
    assert outcome["kind"] == kind
    assert outcome["error"]["message"]
    assert kind in done.stderr


def test_a_link_as_working_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "working").symlink_to("elsewhere")
    done = sandbox(tmp_path, "run", "script.py", script="open('working/x', 'w')")
    assert done.returncode == 2
    assert "symbolic link" in done.stderr
    assert not list((tmp_path / "elsewhere").iterdir())


def test_input_inside_working_is_refused(tmp_path: Path) -> None:
    (tmp_path / "working/data").mkdir(parents=True)
    done = sandbox(tmp_path, "run", "script.py", "--input", "working/data", script="pass")
    assert done.returncode == 2
    assert "read-only" in done.stderr


def test_a_report_replaces_a_link_and_does_not_follow_it(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("as it was")
    (tmp_path / "report.json").symlink_to("precious")
    done = sandbox(tmp_path, "run", "script.py", "--report", "report.json", script="pass")
    assert done.returncode == 0
    assert (tmp_path / "precious").read_text() == "as it was"
    assert json.loads((tmp_path / "report.json").read_text())["kind"] == "ok"


def test_an_artefact_is_printed_or_refused_by_name(tmp_path: Path) -> None:
    working = tmp_path / "working"
    working.mkdir()
    (working / "good.csv").write_text("a,b\n")
    (working / "link.csv").symlink_to("/etc/hostname")
    os.mkfifo(working / "pipe.csv")
    assert sandbox(tmp_path, "collect", "working", "good.csv").stdout == "a,b\n"
    for name, reason in (("link.csv", "symlink"), ("pipe.csv", "fifo"), ("../script.py", "bad name")):
        done = sandbox(tmp_path, "collect", "working", name)
        assert done.returncode == 1
        assert reason in done.stderr
        assert not done.stdout
    assert sandbox(tmp_path, "collect", "working", "good.csv", "--max", "2").returncode == 1


def test_a_tree_is_removed_but_never_one_that_we_stand_in(tmp_path: Path) -> None:
    deep = tmp_path / "working/a/b"
    deep.mkdir(parents=True)
    (deep / "x").write_text("x")
    deep.chmod(0)
    assert sandbox(tmp_path, "clean", "..").returncode == 2
    assert sandbox(tmp_path, "clean", "working").returncode == 0
    assert not (tmp_path / "working").exists()


def test_the_audit_prints_a_table_with_the_machine_and_a_summary(tmp_path: Path) -> None:
    done = sandbox(tmp_path, "audit", "--only", "output")
    assert done.returncode == 0, done.stdout
    assert "kernel: " in done.stdout
    assert "level: " in done.stdout
    assert "neutralised" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("; 0 escaped")
