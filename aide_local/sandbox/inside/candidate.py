"""The last steps before a script runs: fork, set limits, confine, run the script.

Called in the supervisor's child; never returns.
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
from aide_local.sandbox.kernel.processes import count_threads
from aide_local.sandbox.kernel.syscalls import (
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    close_from,
    prctl,
)
from aide_local.sandbox.spec import SCRIPT_NAME, THREADS_EACH, Spec

_LOCKED = 64 * 2**20  # bytes that may be locked in memory
# loky looks up here how many cores it may use; it fails on files that exist and cannot be read.
_CPU_QUOTA_FILES = tuple(
    f"/sys/fs/cgroup/{name}" for name in ("cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")
)
_TROUBLE, _ASKING = 3, 4  # descriptors until the script begins
_SPARE_ADDRESSES = (
    2**30
)  # over the memory limit; a script that asks for still more gets a MemoryError at once


def wait_for(candidate: int) -> int:
    """Wait as init does, for every child, until the candidate has ended; return its status as waitpid(2) does."""
    while True:
        pid, status = os.wait()
        if pid == candidate:
            return status


def start_candidate(
    spec: Spec,
    output: int,
    status: int,
    trouble: int,
    asking: int = -1,
    wait: Callable[[int], int] = wait_for,
) -> NoReturn:
    """Fork the candidate, wait for it, send its exit status through ``status``, four bytes.

    See :func:`become_candidate` for the other descriptors.
    """
    try:
        prctl(PR_SET_DUMPABLE, 0)
        candidate = os.fork()
    except OSError as error:
        os.write(trouble, f"{error}".encode())
        os._exit(70)
    if candidate == 0:
        os.close(status)
        become_candidate(spec, output, trouble, asking)
    for descriptor in (output, trouble):
        os.close(descriptor)
    os.write(status, wait(candidate).to_bytes(4, "little"))
    os._exit(0)  # the end of an init ends all that is left in the namespace


def become_candidate(spec: Spec, output: int, trouble: int, asking: int = -1) -> NoReturn:
    """Confine this process and run the script in it.

    ``output`` becomes stdout and stderr; what fails before the script begins is written to ``trouble``. The parent
    gets the listener of connections through ``asking`` (level landlock).
    """
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _set_up_descriptors(output, trouble, asking)
        if spec.level != "strict":
            os.chdir(spec.base)
        _set_limits(spec)
        # All but one: as in every Python, a file that grows too large is an error, not a signal.
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGXFSZ}:
            signal.signal(number, signal.SIG_DFL)
        if spec.level != "limits":
            privileges.drop_capabilities()
        # The watchdog reads how much memory is shared; entering a namespace has forbidden that.
        prctl(PR_SET_DUMPABLE, 1)
        if spec.level == "strict" and landlock.version():
            restrict_files(spec)
        if spec.level != "limits":
            _install_filter(spec)
        if not spec.warm:
            script = [spec.python, "-s", "-B", SCRIPT_NAME, *spec.argv]
            os.execve(spec.python, script, spec.environment)
        os.close(_TROUBLE)
    except BaseException as error:  # noqa: BLE001 - the supervisor reports it
        os.write(_TROUBLE if _is_open(_TROUBLE) else trouble, f"{type(error).__name__}: {error}".encode())
        os._exit(70)
    _run_script(spec)


def _set_up_descriptors(output: int, trouble: int, asking: int) -> None:
    """Leave open the standard streams only and, until the script begins, ``_TROUBLE`` and ``_ASKING``."""
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
    """Set a resource limit, soft and hard (setrlimit(2)); never above what the caller has."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = hard if value == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def set_fixed_limits(locked: int = _LOCKED) -> None:
    """Set the limits that are the same for all candidates and the server; ``locked`` is for bytes locked in memory."""
    set_limit(resource.RLIMIT_CORE, 0)
    set_limit(resource.RLIMIT_NOFILE, 4096)
    set_limit(resource.RLIMIT_MSGQUEUE, 0)
    set_limit(resource.RLIMIT_MEMLOCK, locked)
    for which in (resource.RLIMIT_NICE, resource.RLIMIT_RTPRIO):
        set_limit(which, 0)


def _set_limits(spec: Spec) -> None:
    set_fixed_limits(_LOCKED if not spec.devices else resource.RLIM_INFINITY)
    set_limit(resource.RLIMIT_FSIZE, spec.file_size)
    if spec.cpu is not None:  # it bounds each process; the watchdog counts the tree
        set_limit(resource.RLIMIT_CPU, int(spec.cpu) + 2)
    # At strict the kernel counts in the candidate's own user namespace; elsewhere it counts all that the user runs,
    # so that is added. It ends a fork bomb at once, but not one of root, who is exempt: there the watchdog does.
    others = 0 if spec.level == "strict" else count_threads(os.getuid())
    set_limit(resource.RLIMIT_NPROC, others + THREADS_EACH * spec.processes)
    if spec.memory is not None and not spec.devices:  # a GPU's driver takes address space for all its memory
        set_limit(resource.RLIMIT_DATA, spec.memory + _SPARE_ADDRESSES)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("800")
    except OSError:
        return  # a container may forbid it; nothing depends on it


def restrict_files(spec: Spec) -> None:
    """Apply Landlock to this process and all that it starts. Needs no_new_privs.

    Raises:
        OSError: the kernel refused.
    """
    strict = spec.level == "strict"
    readable = [*namespaces.SYSTEM, *spec.readable, "/proc", "/sys/devices/system/cpu"]
    devices = [*(f"/dev/{name}" for name in namespaces.DEVICES), *spec.devices]
    if strict:
        writable = [namespaces.BOX, f"{namespaces.BOX}/working", "/tmp", "/dev/shm", *devices]
        readable += [f"{namespaces.BOX}/input", f"{namespaces.BOX}/{SCRIPT_NAME}"]
    else:
        # Semaphores of multiprocessing live in /dev/shm: without them joblib and loky run serially.
        writable = [spec.base, spec.working, *devices]
        readable += [spec.input, *_CPU_QUOTA_FILES]
    landlock.restrict(readable, writable, flat=[] if strict else ["/dev/shm"], network=strict)


def restrict_server(readable: list[str], places: list[str]) -> None:
    """Apply Landlock to a server at level landlock: allow what all its forks may use.

    Raises:
        OSError: the kernel refused.
    """
    devices = [f"/dev/{name}" for name in namespaces.DEVICES]
    seen = [*namespaces.SYSTEM, *readable, "/proc", "/sys/devices/system/cpu", *_CPU_QUOTA_FILES]
    landlock.restrict(seen, [*places, *devices], flat=["/dev/shm"])


def _install_filter(spec: Spec) -> None:
    strict = spec.level == "strict"
    if not seccomp.is_available():
        if not strict:
            raise OSError(
                "the numbers of this processor's system calls are not known, so they cannot be filtered"
            )
        return
    listener = seccomp.install(seccomp.program(namespaces=strict), listen=not strict)
    if not strict:
        with socket.socket(fileno=_ASKING) as asking:
            socket.send_fds(asking, [b"l"], [listener])
        os.close(listener)


def _forget_folders() -> None:
    """Make modules forget the server's folders, in which processes that the script spawns would look."""
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None  # type: ignore[attr-defined]


def _run_script(spec: Spec) -> NoReturn:
    """Run the script in this process, which has imported the usual packages already."""
    import runpy
    import traceback

    os.environ.clear()
    os.environ.update(spec.environment)
    _forget_folders()
    sys.argv = [SCRIPT_NAME, *spec.argv]
    sys.path[:] = ["", *[entry for entry in sys.path if entry not in ("", spec.environment.get("AIDE_ROOT"))]]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 0
    try:
        runpy.run_path(SCRIPT_NAME, run_name="__main__")
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
