"""Control groups: the outermost bound of memory and processes, if the user manager of systemd gives us any.

The server is started in a scope of its own that is delegated to it (systemd-run(1), ``Delegate=`` of
systemd.resource-control(5)), and makes a group in it for each execution. The kernel counts there what no process
shows, and refuses at once, while the watchdog looks 20 times a second (Linux, admin-guide/cgroup-v2.rst). A trial
finds out whether it works; if it does not, the watchdog alone bounds memory and processes.
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
_OWN_MEMORY = (
    64 * 2**20
)  # init's and the kernel's own; the watchdog, which says more, should be the first to act
_OWN_TASKS = 8
_PATIENCE = 10.0  # seconds to wait for the manager's answer
_TRIAL_TASKS = 1  # of a group in which a fork must fail


@cache
def why_unavailable() -> str:
    """Return why no control groups can be used; empty if they can. Tries it once a process."""
    if not os.path.exists(f"{_ROOT}/cgroup.controllers"):
        return "the machine has no unified hierarchy of control groups (cgroup v2)"
    if shutil.which("systemd-run") is None:
        return "systemd-run is not installed"
    if not manager_variables():
        return "there is no user manager of systemd in this session"
    command = in_own_scope([sys.executable, "-P", "-s", "-m", "aide_local.sandbox.kernel.cgroup"])
    package = os.path.dirname(aide_local.__path__[0])
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": package, **manager_variables()}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, env=environment)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    if done.returncode or done.stdout.strip() != "ok":
        return (done.stderr.strip().splitlines() or ["the trial printed nothing"])[-1]
    return ""


def manager_variables() -> dict[str, str]:
    """Return the environment variables that say how to reach the user manager; empty without one."""
    return {name: os.environ[name] for name in _BUS if name in os.environ}


def in_own_scope(command: list[str]) -> list[str]:
    """Return the command that runs ``command`` in a scope that belongs to it, under the same process id."""
    unit = f"--unit={_UNIT}{os.getpid()}-{time.monotonic_ns()}"
    options = ["--user", "--scope", "--quiet", "--collect", unit, "-p", "Delegate=yes"]
    return [shutil.which("systemd-run") or "systemd-run", *options, "--", *command]


def prepare_scope() -> str:
    """Make this process's scope ready for groups in it, and return its folder.

    A group that bounds others may contain no process (cgroups(7)), so this process moves to a group beside them.

    Raises:
        OSError: the process is in no scope of ours, or the scope has not got the controllers.
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
    """The control group of one execution. ``memory`` in bytes, None is unbounded; ``tasks`` are threads.

    Raises:
        OSError: it cannot be made, or the kernel does not accept a bound.
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
    def for_execution(cls, spec: Spec, top: str) -> Group:
        """Make the group of an execution; its bounds are a little wider than the watchdog's.

        Raises:
            OSError: as the class.
        """
        memory = None if spec.memory is None else spec.memory + _OWN_MEMORY
        return cls(top, memory, THREADS_EACH * spec.processes + _OWN_TASKS)

    def enter(self) -> None:
        """Move the calling process into the group, and so all that it starts.

        Raises:
            OSError: the kernel refused.
        """
        _write(f"{self.folder}/cgroup.procs", "0")

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has killed something in it because memory ran out."""
        with open(f"{self.folder}/memory.events") as file:
            counts = dict(line.split() for line in file)
        return int(counts.get("oom_kill", 0)) > 0

    def remove(self, seconds: float = 2.0) -> None:
        """Remove the group when its processes are gone; the kernel may take a moment to notice.

        Raises:
            OSError: a process was still in it after ``seconds``.
        """
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
    """Write to a file that exists already: the files of a controller that the group has not got do not."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _try_group() -> None:
    """Called in a scope: print "ok" if a group bounds what is in it.

    Raises:
        OSError: it does not.
    """
    group = Group(prepare_scope(), 2**26, _TRIAL_TASKS)
    child = os.fork()
    if child == 0:
        group.enter()
        try:
            grandchild = os.fork()
        except BlockingIOError:
            os._exit(0)
        os._exit(1 if grandchild else 0)
    _, how = os.waitpid(child, 0)
    group.ran_out_of_memory()
    group.remove()
    if how:
        raise OSError("a control group could be made, but it bounds nothing")
    print("ok")


if __name__ == "__main__":
    _try_group()
