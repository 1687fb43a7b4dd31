"""Level limits without Linux's calls, as macOS gets it. It runs here, on Linux; on macOS it was never run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import psutil
import pytest

from aide_local.errors import SandboxError
from aide_local.sandbox.host.portable import PortableSandbox
from aide_local.sandbox.host.seatbelt import profile
from aide_local.sandbox.protocol import Level, Limits
from aide_local.types import OutcomeKind
from tests.sandbox.running import QUICK, Bench

AS_ON_A_MAC = """
import os, psutil, signal, socket, sys  # psutil has a part of its own for each system
sys.platform = "darwin"
for module, names in (
    (os, ("O_PATH", "O_TMPFILE", "sched_getaffinity", "pidfd_open", "memfd_create", "unshare", "setns")),
    (socket, ("AF_NETLINK", "AF_VSOCK", "AF_PACKET", "SO_PEERCRED")),
    (signal, ("SIGPWR", "SIGSTKFLT", "SIGRTMIN", "SIGRTMAX")),
):
    for name in names:
        module.__dict__.pop(name, None)
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(PortableSandbox(), tmp_path)


def test_a_script_runs_with_its_folders_and_an_environment_of_its_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    outcome = bench.run(
        """
        import os, sys, tempfile
        open("working/out", "w").write(open("input/given.txt").read())
        tempfile.mkstemp()
        print(sys.argv[1:], "SECRET" in os.environ, "\\x1b[31mred")
        """,
        argv=("a",),
    )
    assert outcome.ok, outcome.output
    assert (outcome.level, outcome.output) == (Level.LIMITS, "['a'] False red\n")
    assert (bench.working / "out").read_text() == "given"
    assert outcome.usage.peak_memory >= 0


@pytest.mark.parametrize(
    ("code", "limits", "kind"),
    [
        ("1 / 0", QUICK, OutcomeKind.EXCEPTION),
        ("import os; os.abort()", QUICK, OutcomeKind.SIGNAL),
        ("import time; time.sleep(60)", replace(QUICK, wall=0.5), OutcomeKind.TIMEOUT),
        ("while True: pass", replace(QUICK, cpu=0.5), OutcomeKind.CPU_TIME),
        ("while True: print('x' * 9999)", replace(QUICK, output=2**16), OutcomeKind.OUTPUT_FLOOD),
        (
            "block = bytearray(b'x') * 2**28; import time; time.sleep(60)",
            replace(QUICK, memory=2**27),
            OutcomeKind.MEMORY,
        ),
        (
            "import os, time\nfor _ in range(9):\n    if os.fork() == 0: time.sleep(60)\ntime.sleep(60)",
            replace(QUICK, processes=5),
            OutcomeKind.PROCESSES,
        ),
        ("open('working/x', 'wb').write(b'x' * 2**20)", replace(QUICK, disk=2**18), OutcomeKind.DISK),
    ],
)
def test_every_end_is_reported_as_it_was(bench: Bench, code: str, limits: Limits, kind: OutcomeKind) -> None:
    outcome = bench.run(code, limits)
    assert outcome.kind is kind, outcome
    assert outcome.error is not None
    if kind is OutcomeKind.SIGNAL:
        assert outcome.signal == signal.SIGABRT


def test_one_file_is_bounded(bench: Bench) -> None:
    outcome = bench.run("open('working/x', 'wb').write(b'x' * 2**20)", replace(QUICK, file_size=2**16))
    assert not outcome.ok
    assert (bench.working / "x").stat().st_size <= 2**16


def test_what_it_started_ends_with_it_also_out_of_its_group(bench: Bench) -> None:
    outcome = bench.run("""
        import os, time
        child = os.fork()
        if child == 0:
            os.setsid()
            time.sleep(60)
        time.sleep(0.6)
        print(child)
    """)
    child = int(outcome.output)
    end = time.monotonic() + 10
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_cancelling_ends_it(bench: Bench) -> None:
    cancel = Event()
    Timer(0.3, cancel.set).start()
    assert bench.run("import time; time.sleep(60)", cancel=cancel).kind is OutcomeKind.CANCELLED


def test_nothing_is_left_on_disk(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "place"))
    (tmp_path / "place").mkdir()
    bench.run("open('left', 'w'); 1 / 0")
    assert not list((tmp_path / "place").iterdir())


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Stands in for sandbox-exec: stores the profile and runs the command."""
    found = tmp_path / "sandbox-exec"
    found.write_text(f'#!/bin/sh\nprintf %s "$2" > {tmp_path}/profile\nshift 2\nexec "$@"\n')
    found.chmod(0o755)
    return found


def test_a_sandbox_exec_that_is_there_gets_the_profile(program: Path, tmp_path: Path) -> None:
    sandbox = PortableSandbox(str(program))
    assert sandbox.applies_profile
    bench = Bench(sandbox, tmp_path)
    assert bench.run("print('up')").output == "up\n"
    assert f'(subpath "{bench.working.resolve()}")' in (tmp_path / "profile").read_text()


def test_a_sandbox_exec_that_refuses_the_profile_is_not_used(program: Path, tmp_path: Path) -> None:
    program.write_text("#!/bin/sh\nexit 65\n")
    assert not PortableSandbox(str(program)).applies_profile
    assert not PortableSandbox("/nonexistent").applies_profile


def test_the_profile_denies_writing_and_the_network_but_in_the_folders() -> None:
    text = profile(["/private/tmp/a b", "/Users/x/working"])
    lines = text.splitlines()
    assert lines[0] == "(version 1)"
    for rule in ("(deny network*)", "(deny file-write*)"):
        assert rule in lines
    assert lines.index("(deny file-write*)") < lines.index("(allow file-write*")  # the last that fits counts
    assert text.count('  (subpath "/private/tmp/a b")') == 2
    assert text.count("(") == text.count(")")


@pytest.mark.parametrize("path", ['/a")(allow default)("', "/a\\b", "/a\nb"])
def test_a_path_that_could_end_its_text_is_refused(path: str) -> None:
    with pytest.raises(SandboxError):
        profile([path])


def test_on_a_mac_the_modules_load_and_limits_is_what_there_is(tmp_path: Path) -> None:
    for name in ("input", "working"):
        (tmp_path / name).mkdir()
    (tmp_path / "script.py").write_text("print('up')")
    code = (
        AS_ON_A_MAC
        + """
from pathlib import Path
from aide_local.errors import SandboxError
from aide_local.sandbox.protocol import Candidate, Limits
from aide_local.sandbox.host.select import create_sandbox, try_levels
import aide_local.sandbox.host.collect, aide_local.cli.sandbox
try:
    create_sandbox("auto")
except SandboxError as error:
    print(error.message)
print([trial.works for trial in try_levels()])
made = create_sandbox("limits")
print(type(made).__name__, made.run(Candidate(*map(Path, ("script.py", "input", "working"))), Limits(wall=60)).output)
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    message, trials, made, *_ = done.stdout.splitlines()
    assert "darwin has neither namespaces nor Landlock" in message
    assert "True" not in trials
    assert made == "PortableSandbox up"
    assert os.listdir(tmp_path / "working") == []
