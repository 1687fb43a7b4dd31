"""The second way to level strict: bwrap makes the namespaces, chosen if we cannot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import psutil
import pytest

from aide_local.cli import doctor
from aide_local.errors import SandboxError
from aide_local.sandbox.host import select
from aide_local.sandbox.host.runner import ProcessSandbox
from aide_local.sandbox.host.select import Trial, create_sandbox, try_level
from aide_local.sandbox.kernel import bubblewrap, namespaces
from aide_local.sandbox.protocol import Backend, Level
from aide_local.sandbox.spec import Spec
from aide_local.types import OutcomeKind
from tests.sandbox.audit.test_audit import as_ordinary_user, audit, check, place  # noqa: F401
from tests.sandbox.running import QUICK, Bench

TRIAL = try_level(Level.STRICT, Backend.BUBBLEWRAP)
needs_bubblewrap = pytest.mark.skipif(
    not TRIAL.works, reason=f"bubblewrap makes no sandbox here: {TRIAL.reason}"
)
TIGHT = replace(QUICK, memory=2**28)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    made = ProcessSandbox(Level.STRICT, backend=Backend.BUBBLEWRAP)
    yield made
    made.close()


@pytest.fixture
def bench(sandbox: ProcessSandbox, tmp_path: Path) -> Bench:
    return Bench(sandbox, tmp_path)


def fake_trials(monkeypatch: pytest.MonkeyPatch, works: set[str]) -> None:
    def one(level: Level, backend: Backend = Backend.NAMESPACES) -> Trial:
        name = backend.value if level is Level.STRICT else ""
        return Trial(level, (name or level.value) in works, "it was not to be", "Fix it.", name)

    monkeypatch.setattr(select, "try_level", one)
    monkeypatch.setattr(bubblewrap, "find", lambda: "/usr/bin/bwrap")


@pytest.mark.parametrize(
    ("works", "level", "backend"),
    [
        ({"namespaces", "bubblewrap", "landlock"}, "strict", "namespaces"),
        ({"bubblewrap", "landlock"}, "strict", "bubblewrap"),
        ({"landlock"}, "landlock", ""),
    ],
)
def test_the_best_level_that_works_is_used(
    works: set[str], level: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_trials(monkeypatch, works)
    made = create_sandbox("auto")
    assert (made.level.value, made.backend) == (level, backend)


def test_a_backend_that_is_asked_for_is_used_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_trials(monkeypatch, {"namespaces", "bubblewrap"})
    assert create_sandbox("strict", backend="bubblewrap").backend == "bubblewrap"
    fake_trials(monkeypatch, {"namespaces"})
    with pytest.raises(SandboxError) as caught:
        create_sandbox("strict", backend="bubblewrap")
    assert "strict (bubblewrap): it was not to be" in caught.value.message
    with pytest.raises(SandboxError):
        create_sandbox("strict", backend="docker")


def test_without_the_program_the_trial_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "find", lambda: "")
    trial = try_level(Level.STRICT, Backend.BUBBLEWRAP)
    assert (trial.works, trial.reason) == (False, "bubblewrap is not installed")
    assert "apt install bubblewrap" in trial.fix


def test_the_doctor_tries_bubblewrap_only_if_our_namespaces_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_trials(monkeypatch, {"bubblewrap", "landlock"})
    *found, groups = ((finding.state.value, finding.text) for finding in doctor._sandbox())
    assert "control groups" in groups[1]
    assert found == [
        ("warn", "strict (namespaces): it was not to be"),
        ("ok", "strict (bubblewrap): works, without the warm server"),
        ("ok", "landlock: works, the warm server is confined, too"),
    ]
    fake_trials(monkeypatch, {"namespaces", "landlock"})
    assert [finding.text for finding in doctor._sandbox()][:-1] == [
        "strict (namespaces): works, the warm server is confined, too",
        "landlock: works, the warm server is confined, too",
    ]


def test_links_are_shown_as_links_with_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "real/below").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    paths = [str(tmp_path / name) for name in ("link", "real", "real/below", "absent")]
    assert list(namespaces.visible_paths(paths)) == [(paths[0], "real"), (paths[1], None)]


def test_the_options_bound_memory_and_leave_the_root_read_only(tmp_path: Path) -> None:
    spec = Spec(
        level="strict", base="/b", input="/in", working="/out", python=sys.executable, warm=False,
        argv=[], environment={}, memory=1000, bubblewrap="/usr/bin/bwrap",
    )  # fmt: skip
    line = " ".join(bubblewrap.arguments(spec))
    for folder in ("/tmp", "/dev/shm", "/box"):
        assert f"--size 1000 --tmpfs {folder} " in line
    for part in (
        "--unshare-net",
        "--die-with-parent",
        "--ro-bind /in /box/input",
        "--bind /out /box/working",
    ):
        assert part in line
    assert "--ro-bind /proc/sys /proc/sys" in line  # for root, bwrap leaves it writable
    assert line.index("--tmpfs /tmp") < line.index("--ro-bind")  # an interpreter may live below it
    assert line.endswith("--remount-ro / --chdir /box")


@needs_bubblewrap
def test_a_script_reads_writes_and_is_never_warm(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "in the environment")
    outcome = bench.run("""
        import os, sys
        open("working/out", "w").write(open("input/given.txt").read())
        print(os.getcwd(), os.getpid(), "sklearn" in sys.modules, "SECRET" in os.environ)
    """)
    assert outcome.ok, outcome.output
    assert outcome.level is Level.STRICT
    assert outcome.output == "/box 2 False False\n"
    assert (bench.working / "out").read_text() == "given"


@needs_bubblewrap
def test_nothing_outside_is_to_be_read_or_written(bench: Bench) -> None:
    outcome = bench.run("""
        import os
        for path in ("/etc/passwd", "/root", "/.aide/aide_local/__init__.py", "/proc/kcore", "/proc/1/environ"):
            try: os.listdir(path) if path == "/root" else open(path).read(1)
            except OSError: continue
            print("read", path)
        for path in ("/x", "/dev/x", "input/x", "/proc/sys/kernel/core_pattern", "/.aide/aide_local/sandbox/x"):
            try: open(path, "a")
            except OSError: continue
            print("wrote", path)
        fields = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines())
        print(fields["NoNewPrivs"], fields["Seccomp"], int(fields["CapEff"], 16), os.listdir("/proc/self/fd"))
    """)
    assert outcome.output == "1 2 0 ['0', '1', '2', '3']\n"


@needs_bubblewrap
@pytest.mark.parametrize(
    ("code", "kind", "exit_code", "number"),
    [
        ("raise SystemExit(137)", OutcomeKind.EXCEPTION, 137, None),
        ("import os; os.kill(os.getpid(), 9)", OutcomeKind.SIGNAL, None, signal.SIGKILL),
        ("import time; time.sleep(60)", OutcomeKind.TIMEOUT, None, None),
        ("block = bytearray(b'x') * 2**29; import time; time.sleep(60)", OutcomeKind.MEMORY, None, None),
        # Each of the private file systems is as large as the limit, all together must not be.
        (
            "for folder in ('/tmp', '/dev/shm', '/box'): open(folder + '/x', 'wb').write(b'x' * 10**8)\n"
            "import time; time.sleep(60)",
            OutcomeKind.MEMORY,
            None,
            None,
        ),
        (
            "for at in range(40_000): open(f'/tmp/{at}', 'w')\nimport time; time.sleep(60)",
            OutcomeKind.DISK,
            None,
            None,
        ),
    ],
)
def test_every_end_is_reported_as_it_was(
    bench: Bench, code: str, kind: OutcomeKind, exit_code: int | None, number: int | None
) -> None:
    limits = replace(TIGHT, wall=2.0 if kind is OutcomeKind.TIMEOUT else 60.0)
    outcome = bench.run(code, limits)
    assert (outcome.kind, outcome.exit_code, outcome.signal) == (kind, exit_code, number), outcome.output


@needs_bubblewrap
def test_what_bubblewrap_complains_about_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "find", lambda: str(fake))
    trial = try_level(Level.STRICT, Backend.BUBBLEWRAP)
    assert "setting up uid map: Permission denied" in trial.reason
    assert "AppArmor" in trial.fix


@needs_bubblewrap
def test_it_dies_with_its_supervisor(tmp_path: Path) -> None:
    made = ProcessSandbox(Level.STRICT, backend=Backend.BUBBLEWRAP)

    def run() -> None:
        with pytest.raises(SandboxError):
            Bench(made, tmp_path).run(
                "import os, time\nif os.fork() == 0: os.setsid()\nopen('working/up', 'w'); time.sleep(77)"
            )

    thread = Thread(target=run)
    thread.start()
    while not (tmp_path / "working/up").exists():
        time.sleep(0.05)
    supervisor = psutil.Process(made._servers[False].process.pid).children()[0]  # type: ignore[union-attr]
    below = supervisor.children(recursive=True)
    assert len(below) >= 4  # bwrap, our init, the candidate, its child
    supervisor.kill()
    thread.join()
    _, alive = psutil.wait_procs(below, timeout=20)
    made.close()
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@needs_bubblewrap
def test_all_but_bombs_is_contained_for_an_ordinary_user(place: Path) -> None:  # noqa: F811
    check(audit("strict", as_ordinary_user(), place, "--quick", "--backend", "bubblewrap"), "strict")


@needs_bubblewrap
@pytest.mark.slow
def test_everything_is_contained_for_who_runs_the_tests(place: Path) -> None:  # noqa: F811
    check(audit("strict", [sys.executable], place, "--backend", "bubblewrap"), "strict")


@needs_bubblewrap
def test_the_outcome_of_sandbox_run_names_the_back_end(tmp_path: Path) -> None:
    for name in ("input", "working"):
        (tmp_path / name).mkdir()
    (tmp_path / "script.py").write_text("print('up')")
    command = [sys.executable, "-m", "aide_local.cli.main", "sandbox", "run", "script.py", "--json"]
    done = subprocess.run(
        [*command, "--backend", "bubblewrap"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, json.loads(done.stderr)["backend"]) == ("up\n", "bubblewrap")
    assert not os.listdir(tmp_path / "working")
