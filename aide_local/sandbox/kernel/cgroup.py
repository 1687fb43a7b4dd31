"""The outermost bound of memory and processes: a control group for each execution, where a user manager gives them.

The server is started in a scope of its own that is delegated to it (systemd-run(1), ``Delegate=`` of
systemd.resource-control(5)); for each execution a group below is made. The kernel counts there what no process
shows, and refuses at once, where the watchdog looks 20 times a second (Linux, admin-guide/cgroup-v2.rst).
Whether it works is found out by a trial; where it does not, the watchdog has to do.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from functools import cache

import aide_local
from aide_local.sandbox.spec import THREADS_EACH, Spec

_ROOT = "/sys/fs/cgroup"
_UNIT = "aide-local-"
_BUS = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # where the user manager listens
_OWN_MEMORY = 64 * 2**20  # init's and the kernel's own; the watchdog, which tells more, should come first
_OWN_TASKS = 8
_PATIENCE = 10.0  # seconds for a manager that does not answer
_TRIAL_TASKS = 1  # of a group in which a fork must fail


@cache
def trial() -> str:
    """Why there are no control groups to be had; empty where they are. Runs once in a process."""
    if not os.path.exists(f"{_ROOT}/cgroup.controllers"):
        return "the machine has no unified hierarchy of control groups (cgroup v2)"
    if shutil.which("systemd-run") is None:
        return "systemd-run is not installed"
    if not manager():
        return "there is no user manager of systemd in this session"
    command = scoped([sys.executable, "-P", "-s", "-m", "aide_local.sandbox.kernel.cgroup"])
    package = os.path.dirname(aide_local.__path__[0])
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": package, **manager()}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, env=environment)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    if done.returncode or done.stdout.strip() != "ok":
        return (done.stderr.strip().splitlines() or ["the trial said nothing"])[-1]
    return ""


def manager() -> dict[str, str]:
    """Of our environment, where the user manager is to be found; empty without one."""
    return {name: os.environ[name] for name in _BUS if name in os.environ}


def scoped(command: list[str]) -> list[str]:
    """The command, to be run by the user manager in a scope that belongs to it; it keeps its process id."""
    unit = f"--unit={_UNIT}{os.getpid()}-{time.monotonic_ns()}"
    options = ["--user", "--scope", "--quiet", "--collect", unit, "-p", "Delegate=yes"]
    return [shutil.which("systemd-run") or "systemd-run", *options, "--", *command]


def prepare() -> str:
    """The folder of the scope this process was started in, made ready: groups can be made in it.

    No process may be in a group that bounds others, so this one moves to a group beside them.

    Raises:
        OSError: it is in no scope of ours, or the controllers were not given to it.
    """
    with open("/proc/self/cgroup") as file:
        own = next((line[3:].strip() for line in file if line.startswith("0::")), "")
    if not os.path.basename(own).startswith(_UNIT):
        raise OSError(f"the process is in {own or 'no control group'}, not in a scope of its own")
    top = _ROOT + own
    os.mkdir(f"{top}/server")
    _write(f"{top}/server/cgroup.procs", "0")
    _write(f"{top}/cgroup.subtree_control", "+memory +pids")
    return top


class Group:
    """The control group of one execution. Bytes and tasks; None: unbounded memory.

    Raises:
        OSError: it cannot be made, or the kernel does not take a bound.
    """

    def __init__(self, top: str, memory: int | None, tasks: int) -> None:
        self.folder = f"{top}/run-{os.getpid()}"
        os.mkdir(self.folder)
        _write(f"{self.folder}/pids.max", str(tasks))
        _write(f"{self.folder}/memory.max", "max" if memory is None else str(memory))
        _write(f"{self.folder}/memory.oom.group", "1")  # all of it or nothing: half a tree only confuses
        with contextlib.suppress(FileNotFoundError):  # a kernel that does not count swap
            _write(f"{self.folder}/memory.swap.max", "0")

    @classmethod
    def of(cls, spec: Spec, top: str) -> Group:
        """That of an execution: a little wider than what the watchdog allows. Raises OSError as the class does."""
        memory = None if spec.memory is None else spec.memory + _OWN_MEMORY
        return cls(top, memory, THREADS_EACH * spec.processes + _OWN_TASKS)

    def enter(self) -> None:
        """Move the calling process, and so all it starts. Raises OSError."""
        _write(f"{self.folder}/cgroup.procs", "0")

    def out_of_memory(self) -> bool:
        """Has the kernel ended something in it for want of memory?"""
        with open(f"{self.folder}/memory.events") as file:
            counts = dict(line.split() for line in file)
        return int(counts.get("oom_kill", 0)) > 0

    def remove(self, seconds: float = 2.0) -> None:
        """To be called when its processes are gone; the kernel may take a moment to notice. Raises OSError."""
        end = time.monotonic() + seconds
        while True:
            try:
                os.rmdir(self.folder)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.005)
            else:
                return


def _write(path: str, value: str) -> None:
    """The files are there already; a group without a controller lacks its files."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _try() -> None:
    """In a scope: does a group bound what is in it? Raises OSError when it does not."""
    group = Group(prepare(), 2**26, _TRIAL_TASKS)
    child = os.fork()
    if child == 0:
        group.enter()
        try:
            grandchild = os.fork()
        except BlockingIOError:
            os._exit(0)
        os._exit(1 if grandchild else 0)
    _, how = os.waitpid(child, 0)
    group.out_of_memory()
    group.remove()
    if how:
        raise OSError("a control group was made and bounds nothing")
    print("ok")


if __name__ == "__main__":
    _try()
