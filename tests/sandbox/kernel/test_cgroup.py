"""Control groups, the outermost bound: a trial finds out whether there are any. The user manager is a stand-in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.kernel import cgroup
from aide_local.sandbox.kernel.cgroup import Group
from aide_local.sandbox.protocol import Level
from aide_local.sandbox.spec import Spec
from tests.sandbox.running import Bench

FILES = ("cgroup.procs", "memory.max", "memory.oom.group", "memory.swap.max", "pids.max")
SPEC = Spec(
    level="strict", base="/b", input="/in", working="/out", python=sys.executable, warm=False,
    argv=[], environment={}, memory=2**30, processes=10,
)  # fmt: skip


@pytest.fixture(autouse=True)
def fresh_trial() -> Iterator[None]:
    cgroup.why_unavailable.cache_clear()
    yield
    cgroup.why_unavailable.cache_clear()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The systemd-run, written by the test, of a machine with a unified hierarchy and a user manager."""
    hierarchy, programs = tmp_path / "cgroup", tmp_path / "bin"
    for folder in (hierarchy, programs):
        folder.mkdir()
    (hierarchy / "cgroup.controllers").write_text("memory pids\n")
    monkeypatch.setattr(cgroup, "_ROOT", str(hierarchy))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    return programs / "systemd-run"


def answer(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_trial_that_prints_ok_gives_control_groups(manager: Path) -> None:
    answer(manager, 'echo "$@" > "$XDG_RUNTIME_DIR/asked"; echo ok')
    assert cgroup.why_unavailable() == ""
    asked = (manager.parent.parent / "asked").read_text()
    assert "--user --scope --quiet --collect --unit=aide-local-" in asked
    assert "-p Delegate=yes -- " in asked


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Failed to connect to bus: No medium found' >&2; exit 1", "No medium found"),
        ("exit 0", "the trial printed nothing"),
        ("exec sleep 60", "timed out"),
        # The command runs, but in no scope: then it must find that out by itself.
        ('while [ "$1" != -- ]; do shift; done; shift; exec "$@"', "not in a scope of its own"),
    ],
)
def test_a_trial_that_fails_says_why(
    manager: Path, script: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "_PATIENCE", 1.0 if "sleep" in script else 30.0)
    answer(manager, script)
    assert reason in cgroup.why_unavailable()


def test_without_a_manager_or_a_unified_hierarchy_nothing_is_started(
    manager: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(manager, 'echo started > "$XDG_RUNTIME_DIR/started"; echo ok')
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert "no user manager" in cgroup.why_unavailable()
    cgroup.why_unavailable.cache_clear()
    monkeypatch.setattr(cgroup, "_ROOT", "/nonexistent")
    assert "cgroup v2" in cgroup.why_unavailable()
    assert not (manager.parent.parent / "started").exists()


def test_the_server_starts_in_the_scope_and_says_when_the_scope_is_none(
    manager: Path, tmp_path: Path
) -> None:
    """The stand-in answers the trial with ok, and starts the server in no scope."""
    answer(
        manager,
        'case "$*" in *sandbox.kernel.cgroup*) echo ok; exit;; esac\n'
        'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    )
    made = ProcessSandbox(Level.LIMITS, warm=False)
    try:
        with pytest.raises(Exception, match="no control groups, although a trial has made one"):
            Bench(made, tmp_path).run("pass")
    finally:
        made.close()


def test_a_group_bounds_memory_without_swap_and_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = os.mkdir

    def with_files(path: str) -> None:
        made(path)
        for name in FILES:
            Path(path, name).touch()

    monkeypatch.setattr(os, "mkdir", with_files)
    group = Group.for_execution(SPEC, str(tmp_path))
    group.enter()
    folder = Path(group.folder)
    assert {name: (folder / name).read_text() for name in FILES} == {
        "cgroup.procs": "0",
        "memory.max": str(2**30 + 2**26),
        "memory.oom.group": "1",
        "memory.swap.max": "0",
        "pids.max": "48",
    }
    for count, ended in ((0, False), (3, True)):
        (folder / "memory.events").write_text(f"low 0\noom 9\noom_kill {count}\n")
        assert group.ran_out_of_memory() is ended


def test_a_group_without_its_controllers_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Group.for_execution(SPEC, str(tmp_path))
