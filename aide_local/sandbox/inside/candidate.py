"""The last steps before a script runs: fork, and in the process that becomes it limits, confinement, the script.

Called in a forked child of the supervisor; never returns.
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

from aide_local.sandbox.kernel import landlock, namespaces, privileges, seccomp
from aide_local.sandbox.kernel.processes import threads_of
from aide_local.sandbox.kernel.syscalls import (
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    close_from,
    prctl,
)
from aide_local.sandbox.kernel.trees import SCRIPT
from aide_local.sandbox.spec import THREADS_EACH, Spec

_LOCKED = 64 * 2**20  # bytes that may be locked in memory
# Where loky looks up how many cores it may use: it fails on files that are there and cannot be read.
_CORES_GIVEN = tuple(
    f"/sys/fs/cgroup/{name}" for name in ("cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")
)
_TROUBLE, _ASKING = 3, 4  # descriptors until the script begins
_SPARE_ADDRESSES = 2**30  # over the memory limit: a clean MemoryError comes before the watchdog, not instead


def wait_for(candidate: int) -> int:
    """Wait as init does, for every child, until the candidate has ended; its status as waitpid(2) gives it."""
    while True:
        pid, how = os.wait()
        if pid == candidate:
            return how


def start(
    spec: Spec,
    output: int,
    status: int,
    trouble: int,
    asking: int = -1,
    wait: Callable[[int], int] = wait_for,
) -> NoReturn:
    """Fork the candidate, wait for it, tell its exit status through ``status``, four bytes."""
    try:
        prctl(PR_SET_DUMPABLE, 0)
        candidate = os.fork()
    except OSError as error:
        os.write(trouble, f"{error}".encode())
        os._exit(70)
    if candidate == 0:
        os.close(status)
        become(spec, output, trouble, asking)
    for descriptor in (output, trouble):
        os.close(descriptor)
    os.write(status, wait(candidate).to_bytes(4, "little"))
    os._exit(0)  # as init, this ends all that is left in the namespace


def become(spec: Spec, output: int, trouble: int, asking: int = -1) -> NoReturn:
    """``output`` becomes stdout and stderr; what fails before the script begins is written to ``trouble``.

    Through ``asking`` the parent gets the listener of connections (level landlock).
    """
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _arrange(output, trouble, asking)
        if spec.level != "strict":
            os.chdir(spec.base)
        _limits(spec)
        # All but one: as in every Python, a file that grows too large is an error, not a signal.
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGXFSZ}:
            signal.signal(number, signal.SIG_DFL)
        if spec.level != "limits":
            privileges.give_up()
        # The watchdog reads how much memory is shared; entering a namespace has forbidden that.
        prctl(PR_SET_DUMPABLE, 1)
        if spec.level == "strict" and landlock.version():
            restrict_files(spec)
        if spec.level != "limits":
            _filter_calls(spec)
        if not spec.warm:
            script = [spec.python, "-s", "-B", SCRIPT, *spec.argv]
            os.execve(spec.python, script, spec.environment)
        os.close(_TROUBLE)
    except BaseException as error:  # noqa: BLE001 - told to the supervisor, which raises it
        os.write(_TROUBLE if _is_open(_TROUBLE) else trouble, f"{type(error).__name__}: {error}".encode())
        os._exit(70)
    _run_here(spec)


def _arrange(output: int, trouble: int, asking: int) -> None:
    """Nothing but the standard streams stays open, and until the script begins ``_TROUBLE`` and ``_ASKING``."""
    output, trouble = (fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (output, trouble))
    null = fcntl.fcntl(os.open(os.devnull, os.O_RDONLY), fcntl.F_DUPFD_CLOEXEC, 10)
    if asking >= 0:
        asking = fcntl.fcntl(asking, fcntl.F_DUPFD_CLOEXEC, 10)
    for source, target in ((null, 0), (output, 1), (output, 2), (trouble, _TROUBLE), (asking, _ASKING)):
        if source >= 0:
            os.dup2(source, target, inheritable=target < _TROUBLE)
    close_from(_ASKING + (asking >= 0))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def set_limit(which: int, value: int) -> None:
    """setrlimit(2), soft and hard; never above what the caller has."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = hard if value == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def fixed_limits(locked: int = _LOCKED) -> None:
    """Those that are the same for every candidate, and for the server. ``locked`` bytes may be locked in memory."""
    set_limit(resource.RLIMIT_CORE, 0)
    set_limit(resource.RLIMIT_NOFILE, 4096)
    set_limit(resource.RLIMIT_MSGQUEUE, 0)
    set_limit(resource.RLIMIT_MEMLOCK, locked)
    for which in (resource.RLIMIT_NICE, resource.RLIMIT_RTPRIO):
        set_limit(which, 0)


def _limits(spec: Spec) -> None:
    fixed_limits(_LOCKED if not spec.devices else resource.RLIM_INFINITY)
    set_limit(resource.RLIMIT_FSIZE, spec.file_size)
    if spec.cpu is not None:  # of each process; the watchdog counts the tree
        set_limit(resource.RLIMIT_CPU, int(spec.cpu) + 2)
    # In strict counted in the candidate's own user namespace; elsewhere all that the user runs is counted, so
    # that comes on top. A fork bomb ends in the kernel. Root is exempt: there the watchdog has to do.
    others = 0 if spec.level == "strict" else threads_of(os.getuid())
    set_limit(resource.RLIMIT_NPROC, others + THREADS_EACH * spec.processes)
    if spec.memory is not None and not spec.devices:  # a GPU's driver takes address space for all its memory
        set_limit(resource.RLIMIT_DATA, spec.memory + _SPARE_ADDRESSES)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("800")
    except OSError:
        return  # a container may forbid it; the watchdog does not depend on it


def restrict_files(spec: Spec) -> None:
    """Landlock, for this process and all it starts. Needs no_new_privs.

    Raises:
        OSError: the kernel refused.
    """
    strict = spec.level == "strict"
    readable = [*namespaces.SYSTEM, *spec.readable, "/proc", "/sys/devices/system/cpu"]
    devices = [*(f"/dev/{name}" for name in namespaces.DEVICES), *spec.devices]
    if strict:
        writable = [namespaces.BOX, f"{namespaces.BOX}/working", "/tmp", "/dev/shm", *devices]
        readable += [f"{namespaces.BOX}/input", f"{namespaces.BOX}/{SCRIPT}"]
    else:
        # Semaphores of multiprocessing live in /dev/shm: without it joblib and loky run serially.
        writable = [spec.base, spec.working, *devices]
        readable += [spec.input, *_CORES_GIVEN]
    landlock.restrict(readable, writable, flat=[] if strict else ["/dev/shm"], network=strict)


def restrict_server(readable: list[str], places: list[str]) -> None:
    """The same for a server at level landlock: what all its forks may use.

    Raises:
        OSError: the kernel refused.
    """
    devices = [f"/dev/{name}" for name in namespaces.DEVICES]
    seen = [*namespaces.SYSTEM, *readable, "/proc", "/sys/devices/system/cpu", *_CORES_GIVEN]
    landlock.restrict(seen, [*places, *devices], flat=["/dev/shm"])


def _filter_calls(spec: Spec) -> None:
    strict = spec.level == "strict"
    if not seccomp.available():
        if not strict:
            raise OSError("this processor's system calls are not known, so they cannot be filtered")
        return
    listener = seccomp.install(seccomp.program(namespaces=strict), listen=not strict)
    if not strict:
        with socket.socket(fileno=_ASKING) as asking:
            socket.send_fds(asking, [b"l"], [listener])
        os.close(listener)


def _forget_places() -> None:
    """What modules have remembered of the server's folders: processes that are spawned would look there."""
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None  # type: ignore[attr-defined]


def _run_here(spec: Spec) -> NoReturn:
    """The warm way: this process has imported the usual packages already."""
    import gc
    import runpy
    import traceback

    os.environ.clear()
    os.environ.update(spec.environment)
    _forget_places()
    gc.enable()
    gc.unfreeze()
    sys.argv = [SCRIPT, *spec.argv]
    sys.path[:] = ["", *[entry for entry in sys.path if entry not in ("", spec.environment.get("AIDE_ROOT"))]]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 0
    try:
        runpy.run_path(SCRIPT, run_name="__main__")
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 0 if leave.code is None else 1
        if code == 1 and leave.code != 1:
            print(leave.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - as the interpreter itself does
        traceback.print_exc()
        code = 1
    try:
        import threading

        threading._shutdown()  # type: ignore[attr-defined]
        import atexit

        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)
