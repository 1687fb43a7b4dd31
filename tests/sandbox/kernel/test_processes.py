"""The tree of processes below one, found by the kernel's lists of children or, without them, by reading all."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_local.sandbox.kernel import processes
from aide_local.sandbox.kernel.processes import children, descendants

# A child of another thread, one in another session, and an orphan that a sub-reaper takes.
FAMILY = """
import ctypes, os, subprocess, threading, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
def sleep(): subprocess.Popen(["sleep", "60"], start_new_session=True); time.sleep(60)
threading.Thread(target=sleep, daemon=True).start()
subprocess.run(["sh", "-c", "sleep 60 & exec sleep 0"])
if os.fork() == 0: os.setsid(); os.fork(); time.sleep(60)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["children", "scan"])
def root(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The process id of a parent of three with one grandchild."""
    if request.param == "scan":
        monkeypatch.setattr(processes, "_lists_children", lambda _: False)
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        end = time.monotonic() + 20
        while len(descendants(parent.pid)) < 4 and time.monotonic() < end:
            time.sleep(0.02)
        yield parent.pid
        for process in descendants(parent.pid):
            os.kill(process.pid, 9)
        parent.kill()


def test_whatever_is_below_is_found(root: int) -> None:
    found = descendants(root)
    direct = [process.pid for process in found if process.parent == root]
    assert len(found) == 4
    assert len(direct) == 3
    assert sorted(children(root)) == sorted(direct)
    assert all(process.threads == 1 and process.resident > 0 for process in found)


def test_a_process_that_is_gone_has_nothing_below_it() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert not descendants(gone.pid)
    assert not children(gone.pid)


def test_a_sub_reaper_leaves_nothing_and_counts_what_all_have_used(tmp_path: Path) -> None:
    code = """
        from aide_local.sandbox.kernel.processes import descendants, kill_all_below
        from aide_local.sandbox.kernel.syscalls import PR_SET_CHILD_SUBREAPER, prctl
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        import os, signal, time
        def busy():
            block = bytearray(b"x") * (80 * 2**20)
            while time.process_time() < 0.3: pass
        for way in range(3):
            if os.fork() == 0:
                os.setsid()
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
                if way == 1 and os.fork(): os._exit(0)
                if way == 2: os.kill(os.getpid(), signal.SIGSTOP)
                busy()
                open(f"{os.environ['UP']}{way}", "w").close()
                time.sleep(60)
        while not all(os.path.exists(f"{os.environ['UP']}{way}") for way in (0, 1)): time.sleep(0.02)
        used = kill_all_below(os.getpid())
        print(descendants(os.getpid()), used.is_last, 0.5 < used.cpu < 30, 80 * 2**20 < used.peak < 2**30)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    environment = {**os.environ, "UP": f"{tmp_path}/up"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.stdout == "[] True True True\n", done.stderr
