"""Level ``limits`` without anything of Linux: for macOS, which has no namespaces, no Landlock, no seccomp.

One process group, rlimits, and a look at the process tree ten times a second through psutil. If ``sandbox-exec`` is
there (on macOS it is, though deprecated), a profile also refuses writing outside and the network. A hostile script can
leave its group and its parent, and then lives on: this level bounds honest mistakes and confines nothing.

It runs on Linux too, where it is tested; on macOS it was never run.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import psutil

from aide_local.errors import SandboxError
from aide_local.sandbox.host.clean import remove_tree
from aide_local.sandbox.host.environment import candidate_environment
from aide_local.sandbox.host.failure import as_outcome
from aide_local.sandbox.host.output import OutputCollector
from aide_local.sandbox.host.seatbelt import profile
from aide_local.sandbox.kernel.storage import DiskUsage, measure_folders
from aide_local.sandbox.protocol import Candidate, Level, Limits, Outcome
from aide_local.sandbox.spec import SCRIPT_NAME, End

_EVERY = 0.1  # seconds between looks
_DISK_EVERY = 5  # looks


class PortableSandbox:
    """See :class:`aide_local.sandbox.protocol.Sandbox`. Thread-safe; every execution starts a fresh Python."""

    level = Level.LIMITS
    backend = ""

    def __init__(self, program: str = "/usr/bin/sandbox-exec") -> None:
        self._program = program

    @property
    def applies_profile(self) -> bool:
        """Whether ``sandbox-exec`` refuses writing outside and the network."""
        return _takes_profile(self._program)

    def run(
        self,
        candidate: Candidate,
        limits: Limits,
        *,
        on_output: Callable[[str], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Outcome:
        base = Path(os.path.realpath(tempfile.mkdtemp(prefix=f"aide-{os.getpid()}-")))
        try:
            command = self._command(candidate, limits, base)
            end, output = _execute(command, candidate, base, limits, on_output, cancel)
        except OSError as error:
            raise SandboxError(f"The candidate could not be started: {error}.", "Check --python.") from error
        finally:
            remove_tree(base)
        output = output.replace(f"{base}/", "")
        return as_outcome(end, limits, output, self.level)

    def _command(self, candidate: Candidate, limits: Limits, base: Path) -> list[str]:
        candidate.working.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(candidate.script, base / SCRIPT_NAME)
        (base / "input").symlink_to(candidate.input.resolve())
        (base / "working").symlink_to(candidate.working.resolve())
        (base / "tmp").mkdir()
        python = str(candidate.python or sys.executable)
        command = [python, "-s", "-B", SCRIPT_NAME, *candidate.argv]
        if self.applies_profile:
            command = [self._program, "-p", profile([str(base), str(candidate.working.resolve())]), *command]
        return _with_ulimits(command, limits)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _execute(
    command: list[str],
    candidate: Candidate,
    base: Path,
    limits: Limits,
    on_output: Callable[[str], None] | None,
    cancel: threading.Event | None,
) -> tuple[End, str]:
    began = time.monotonic()
    collector, sent = OutputCollector(), 0
    tree = _ProcessTree(limits, [str(candidate.working.resolve()), str(base)])
    with subprocess.Popen(
        command,
        cwd=base,
        env=candidate_environment(str(candidate.python or sys.executable), str(base / "tmp"), limits),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        os.set_blocking(pipe, False)
        killed = ""
        while not killed:
            ended = process.poll() is not None
            while content := _read(pipe):
                sent += len(content)
                text = collector.add(content)
                if on_output is not None and text:
                    on_output(text)
                if sent > limits.output:
                    killed = "output_flood"
                    break
            if ended or killed:
                break
            if cancel is not None and cancel.is_set():
                killed = "cancelled"
            elif time.monotonic() - began > limits.wall:
                killed = "timeout"
            else:
                killed = tree.look(process.pid)
            time.sleep(_EVERY)
        tree.end(process)
        status = process.returncode << 8 if process.returncode >= 0 else -process.returncode
    left = tree.disk()
    if not killed and left.exceeds(limits.disk, limits.files):
        killed = "disk"
    end = End(
        status=status,
        killed=killed,
        wall=time.monotonic() - began,
        cpu=tree.cpu,
        peak_memory=tree.peak,
        written=left.size,
    )
    return end, collector.text


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, 1 << 16)
    except BlockingIOError:
        return b""


def _with_ulimits(command: list[str], limits: Limits) -> list[str]:
    """Return the command under the limits that sh(1) can set; the looks do not depend on them."""
    wanted = [("c", 0), ("f", limits.file_size // 512)]
    if limits.cpu is not None:
        wanted.append(("t", int(limits.cpu) + 2))
    script = "".join(f"ulimit -{which} {value} 2>/dev/null; " for which, value in wanted)
    return ["/bin/sh", "-c", f'{script}exec "$@"', "sh", *command]


@cache
def _takes_profile(program: str) -> bool:
    """Whether the program exists, takes our profile and runs something in it."""
    command = [program, "-p", profile(["/nonexistent"]), "/usr/bin/true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


class _ProcessTree:
    """The processes of one candidate and what they use; every one that was ever seen is ended with it."""

    def __init__(self, limits: Limits, folders: list[str]) -> None:
        self._limits = limits
        self._folders = folders
        self._seen: dict[int, psutil.Process] = {}
        self._spent: dict[int, float] = {}  # processor seconds, also of those that have ended
        self._looks = 0
        self.peak = 0

    @property
    def cpu(self) -> float:
        return sum(self._spent.values())

    def look(self, root: int) -> str:
        """Return which limit is passed, or nothing."""
        memory = alive = 0
        for process in self._below(root):
            try:
                memory += process.memory_info().rss
                times = process.cpu_times()
            except psutil.Error:
                continue  # it has ended
            self._spent[process.pid] = times.user + times.system
            alive += 1
        self.peak = max(self.peak, memory)
        self._looks += 1
        if self._limits.memory is not None and memory > self._limits.memory:
            return "memory"
        if self._limits.cpu is not None and self.cpu > self._limits.cpu:
            return "cpu_time"
        if alive > self._limits.processes:
            return "processes"
        if self._looks % _DISK_EVERY == 0 and self.disk().exceeds(self._limits.disk, self._limits.files):
            return "disk"
        return ""

    def _below(self, root: int) -> list[psutil.Process]:
        try:
            top = psutil.Process(root)
            found = [top, *top.children(recursive=True)]
        except psutil.Error:
            return []
        self._seen |= {process.pid: process for process in found}
        return found

    def disk(self) -> DiskUsage:
        """Measure working/ and the folder with the script."""
        return measure_folders(self._folders, self._limits.disk, self._limits.files)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the group, and what was seen to leave it; psutil does not kill a process id that was given anew."""
        self._below(process.pid)
        for one in [*self._seen.values()]:
            try:
                one.kill()
            except psutil.Error:
                continue  # it has ended
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            return  # none is left (macOS answers EPERM for zombies)
        finally:
            process.wait()
