"""The supervisor of one execution: starts the candidate, watches its limits, leaves nothing of it behind.

It is a process of its own and a sub-reaper, so that whatever a candidate starts, however it hides, ends up
below it, and the product's other children are never waited for by mistake. It talks over one socket: lines of
JSON, ``{"output": …}`` while the candidate writes and one ``{"end": …}``; a byte from the other side, or its
end, means: cancel.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from functools import partial
from typing import NoReturn

from aide_local.sandbox.inside import broker
from aide_local.sandbox.inside.candidate import restrict_files, start, wait_for
from aide_local.sandbox.inside.watch import Watch, send
from aide_local.sandbox.kernel import bubblewrap, namespaces, privileges
from aide_local.sandbox.kernel.cgroup import Group
from aide_local.sandbox.kernel.processes import kill_all_below
from aide_local.sandbox.kernel.syscalls import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    prctl,
)
from aide_local.sandbox.kernel.trees import Trees
from aide_local.sandbox.spec import End, Spec


def supervise(spec: Spec, connection: socket.socket, groups: str = "", trees: Trees | None = None) -> None:
    """Run the candidate to its end and report; the process should exit afterwards.

    ``groups`` is the folder in which control groups can be made; empty without. ``trees`` is all that can be
    reached of the execution's folders, in a server that is confined; without, they are reached by their paths.
    """
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: _abandon())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output, output_end = os.pipe()
    status, status_end = os.pipe()
    trouble, trouble_end = os.pipe()
    here, there = socket.socketpair()
    try:
        group = Group.of(spec, groups) if groups else None
    except OSError as error:
        send(connection, {"end": End(setup=f"its control group could not be made: {error}").dump()})
        return
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        for descriptor in (output, status, trouble, connection.fileno(), here.fileno()):
            os.close(descriptor)
        _start(spec, output_end, status_end, trouble_end, there, group, trees)
    there.close()
    for descriptor in (output_end, status_end, trouble_end):
        os.close(descriptor)
    prctl(PR_SET_DUMPABLE, 0)
    if trees is not None:
        spec.working = trees.working_path
    watch = Watch(spec, child, connection, output, status, began)
    if spec.level == "strict":
        _, watch.ram, _, _ = socket.recv_fds(here, 1, len(namespaces.IN_RAM))
    try:
        end = watch.until_end()
        end.cpu = max(end.cpu, watch.reaped + kill_all_below(os.getpid()))
        watch.forget_held()
        watch.drain()
        end.wall = time.monotonic() - began
        left = watch.disk()
        end.written = left.size
        if not end.killed and left.passes(spec.disk, spec.files):
            end.killed = "disk"
        if group is not None:
            if group.out_of_memory() and not end.killed:
                end.killed = "memory"
            group.remove()
        end.setup = os.read(trouble, 4000).decode("utf-8", "replace")
        send(connection, {"end": end.dump()})
    except OSError:
        _abandon()


def _abandon() -> None:
    """The product is gone: so is the candidate."""
    kill_all_below(os.getpid())
    os._exit(1)


def _start(
    spec: Spec,
    output: int,
    status: int,
    trouble: int,
    channel: socket.socket,
    group: Group | None,
    trees: Trees | None,
) -> NoReturn:
    """In the supervisor's child: the namespaces and their init, where asked for.

    The exit status of the candidate goes through ``status``, four bytes, for it may pass two parents.
    """
    asking, asked = -1, None
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if group is not None:
            group.enter()
        if spec.bubblewrap:
            bubblewrap.enter(spec, output, status, trouble, channel.detach())
        elif spec.level == "strict":
            namespaces.enter(spec.user, spec.group)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # new credentials have cleared it
            init = os.fork()
            if init:
                for descriptor in (output, status, trouble, channel.detach()):
                    os.close(descriptor)
                os.waitpid(init, 0)
                os._exit(0)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            ram = namespaces.make_root(spec, trees)
            socket.send_fds(channel, [b"r"], [ram])
            os.close(ram)
        elif spec.level == "landlock":
            prctl(PR_SET_CHILD_SUBREAPER, 1)
            privileges.give_up()
            restrict_files(spec)
            broker.ignore_signals()
            asked, other = socket.socketpair()
            asking = other.detach()
        channel.close()
    except OSError as error:
        os.write(trouble, f"{error}".encode())
        os._exit(70)
    if asked is None:
        start(spec, output, status, trouble)
    else:
        start(spec, output, status, trouble, asking, partial(_wait_and_answer, asked, asking, spec))


def _wait_and_answer(asked: socket.socket, asking: int, spec: Spec, candidate: int) -> int:
    os.close(asking)
    with asked:
        _, descriptors, _, _ = socket.recv_fds(asked, 1, 1)
    if not descriptors:  # it has failed before its filter was there
        return wait_for(candidate)
    return broker.serve(descriptors[0], (spec.base, spec.working), candidate)
