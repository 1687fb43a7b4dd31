"""The supervisor of one execution: start the candidate, watch its limits, leave nothing of it behind.

It is a process of its own and a sub-reaper: whatever a candidate starts, however it hides, ends up below it, and the
product's other children are never waited for by mistake. It talks through one socket, in lines of JSON:
``{"output": …}`` while the candidate writes and one ``{"end": …}``. A byte from the other side, or its end, means:
cancel.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from functools import partial
from typing import NoReturn

from aide_local.sandbox.inside import broker, bubblewrap_init
from aide_local.sandbox.inside.candidate import restrict_files, start_candidate, wait_for
from aide_local.sandbox.inside.watchdog import Watchdog, send
from aide_local.sandbox.kernel import bubblewrap, namespaces, privileges
from aide_local.sandbox.kernel.cgroup import Group
from aide_local.sandbox.kernel.mounts import DetachedMounts
from aide_local.sandbox.kernel.processes import kill_all_below
from aide_local.sandbox.kernel.syscalls import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    prctl,
    unshare,
)
from aide_local.sandbox.spec import End, Spec


def supervise(
    spec: Spec, connection: socket.socket, groups: str = "", mounts: DetachedMounts | None = None
) -> None:
    """Run the candidate to its end and report; the process should exit afterwards.

    ``groups`` is the folder in which control groups can be made; empty without. ``mounts`` are the execution's
    folders, in a server that is confined and can reach no others; without, they are reached by their paths.
    """
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: _abandon())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output, output_end = os.pipe()
    status, status_end = os.pipe()
    trouble, trouble_end = os.pipe()
    here, there = socket.socketpair()
    try:
        group = Group.for_execution(spec, groups) if groups else None
        if _makes_namespaces(spec):
            namespaces.enter(spec.user, spec.group, namespaces.NEW_PID)  # it takes effect for children
    except OSError as error:
        send(connection, {"end": End(setup=str(error)).dump()})
        return
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # last, because new credentials clear it
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        for descriptor in (output, status, trouble, connection.fileno(), here.fileno()):
            os.close(descriptor)
        _start_below(spec, output_end, status_end, trouble_end, there, group, mounts)
    there.close()
    for descriptor in (output_end, status_end, trouble_end):
        os.close(descriptor)
    if _makes_namespaces(spec):
        privileges.drop_capabilities()  # those over the namespaces
    prctl(PR_SET_DUMPABLE, 0)
    if mounts is not None:
        spec.working = mounts.working_path
    watchdog = Watchdog(spec, child, connection, output, status, began)
    if spec.level == "strict":
        _, watchdog.ram, _, _ = socket.recv_fds(here, 1, len(namespaces.IN_RAM))
    try:
        end = watchdog.until_end()
        _finish(end, spec, watchdog, group, began)
        end.setup = os.read(trouble, 4000).decode("utf-8", "replace")
        send(connection, {"end": end.dump()})
    except OSError:
        _abandon()


def _finish(end: End, spec: Spec, watchdog: Watchdog, group: Group | None, began: float) -> None:
    """End what is left, then add to ``end`` what the execution used and the limits that show only now."""
    used = watchdog.reaped + kill_all_below(os.getpid())
    end.cpu = max(end.cpu, used.cpu)
    end.peak_memory = max(end.peak_memory, used.peak)
    watchdog.forget_unlinked()
    watchdog.drain()
    end.wall = time.monotonic() - began
    left = watchdog.disk()
    end.written = left.size
    if not end.killed and left.exceeds(spec.disk, spec.files):
        end.killed = "disk"
    if group is not None:
        if group.ran_out_of_memory() and not end.killed:
            end.killed = "memory"
        group.remove()


def _makes_namespaces(spec: Spec) -> bool:
    return spec.level == "strict" and not spec.bubblewrap


def _abandon() -> None:
    """The product is gone: end the candidate, too."""
    kill_all_below(os.getpid())
    os._exit(1)


def _start_below(
    spec: Spec,
    output: int,
    status: int,
    trouble: int,
    channel: socket.socket,
    group: Group | None,
    mounts: DetachedMounts | None,
) -> NoReturn:
    """Start the candidate below the supervisor's child, which this is: init of the namespaces, bubblewrap, or broker.

    The candidate's exit status is sent through ``status``, four bytes, because it may pass two parents.
    """
    asking, asked = -1, None
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if group is not None:
            group.enter()
        _bind_to_cores(spec.cores)
        if spec.bubblewrap:
            _enter_bubblewrap(spec, output, status, trouble, channel)
        elif spec.level == "strict":
            unshare(namespaces.PRIVATE)
            ram = namespaces.make_root(spec, mounts)
            socket.send_fds(channel, [b"r"], [ram])
            os.close(ram)
        elif spec.level == "landlock":
            prctl(PR_SET_CHILD_SUBREAPER, 1)
            privileges.drop_capabilities()
            restrict_files(spec)
            broker.ignore_signals()
            asked, other = socket.socketpair()
            asking = other.detach()
        channel.close()
    except OSError as error:
        os.write(trouble, f"{error}".encode())
        os._exit(70)
    if asked is None:
        start_candidate(spec, output, status, trouble)
    else:
        wait = partial(_wait_as_broker, asked, asking, spec)
        start_candidate(spec, output, status, trouble, asking, wait)


def _bind_to_cores(cores: list[int]) -> None:
    """Let this process and all that it starts run on the cores only; on all if there are none.

    Raises:
        OSError: none of them may be used.
    """
    if cores:
        try:
            os.sched_setaffinity(0, cores)
        except OSError as error:
            names = ", ".join(map(str, cores))
            raise OSError(f"it cannot run on the cores {names}: {error.strerror}") from error


def _enter_bubblewrap(spec: Spec, output: int, status: int, trouble: int, channel: socket.socket) -> NoReturn:
    path = os.path.join(spec.base, "spec.json")
    with open(path, "wb") as file:
        file.write(spec.dump())
    descriptors = (os.open(path, os.O_RDONLY), output, status, trouble, channel.detach())
    bubblewrap.enter(spec, bubblewrap_init.CODE, descriptors, errors=trouble)


def _wait_as_broker(asked: socket.socket, asking: int, spec: Spec, candidate: int) -> int:
    os.close(asking)
    with asked:
        _, descriptors, _, _ = socket.recv_fds(asked, 1, 1)
    if not descriptors:  # the candidate has failed before it had its filter
        return wait_for(candidate)
    return broker.serve_connections(descriptors[0], (spec.base, spec.working), candidate)
