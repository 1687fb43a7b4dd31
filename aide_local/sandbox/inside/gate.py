"""Confine the warm server itself: what it imports is others' code, and none of it needs the machine's files.

At level strict there are two processes. The *gate*, which imports the standard library and this package only, stays
where it sees the machine's files, in a user namespace of its own. The *server*, its child, is the init of new
namespaces (mount, PID, network, IPC, UTS) with a private root, without capabilities and under a filter of calls. For
each execution the gate sends it that execution's folders as detached mounts (open_tree(2)), and the fork that
becomes the candidate attaches them in a root of its own. Landlock is not used there: a process under it may not mount
(landlock(7)), and the forks must. The server stays in the gate's cgroup namespace, because it makes groups beside its
own (cgroup_namespaces(7)).

At level landlock there is one process, under Landlock with the folders of the run: see :func:`confine`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import tempfile
from typing import NoReturn

from aide_local.sandbox.inside.candidate import restrict_server, set_fixed_limits
from aide_local.sandbox.inside.watchdog import send
from aide_local.sandbox.kernel import namespaces, privileges, seccomp
from aide_local.sandbox.kernel.mounts import DetachedMounts
from aide_local.sandbox.kernel.syscalls import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl, unshare
from aide_local.sandbox.spec import End, ServerSpec, Spec

# The name of root in the gate's namespace: a process without capabilities cannot map a user 0 of the namespace above
# (user_namespaces(7), CAP_SETFCAP, Linux 5.12), and the server, which has none, lets its forks make namespaces.
_NOT_ROOT = 1
_OWN = namespaces.NEW_NS | namespaces.NEW_NET | namespaces.NEW_IPC | namespaces.NEW_UTS


def start(server: ServerSpec, connection: socket.socket, groups: str) -> tuple[socket.socket, str]:
    """Fork the server; this process becomes the gate and never returns.

    In the server, return the socket by which the gate sends executions, and why it could not be confined, or nothing.

    Raises:
        OSError: the machine gives no user namespace; nothing was forked.
    """
    user = os.geteuid() or _NOT_ROOT
    namespaces.enter(user, os.getegid(), namespaces.NEW_NS)
    unshare(namespaces.NEW_PID)  # it takes effect for children
    place = tempfile.mkdtemp(prefix="aide-server-")
    entered, entering = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    child = os.fork()
    if child:
        theirs.close()
        os.close(entering)
        os.read(entered, 1)  # returns nothing as soon as the child has left the place or is gone
        os.rmdir(place)
        _run_gate(connection, ours, child)
    connection.close()
    ours.close()
    os.close(entered)
    try:
        unshare(_OWN)
        namespaces.make_server_root(place, server.readable, groups)
        os.close(entering)
        tempfile.tempdir = None
        confine(server, groups)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # all of the namespace ends with its init
    except OSError as error:
        return theirs, f"the server could not be confined: {error}"
    return theirs, ""


def confine(server: ServerSpec, groups: str) -> None:
    """Drop all capabilities, set the fixed limits and a filter of calls, for this process and all that it starts.

    At level landlock apply Landlock, too, with all that the forks need together: the system, the interpreter, the
    places of executions, /dev/shm, the folder of control ``groups``; no TCP (ABI 4), no signals and abstract sockets
    to processes outside (ABI 6).

    Raises:
        OSError: the kernel refused.
    """
    privileges.drop_capabilities()
    set_fixed_limits()
    strict = server.level == "strict"
    if not strict:
        restrict_server(server.readable, [*server.places, *([groups] if groups else [])])
    if seccomp.is_available():
        seccomp.install(seccomp.program(namespaces=strict, server=True))


def _run_gate(connection: socket.socket, server: socket.socket, child: int) -> NoReturn:
    """Forward every execution with its folders, until either side is gone."""
    prctl(PR_SET_DUMPABLE, 0)
    with selectors.DefaultSelector() as selector:
        ended = os.pidfd_open(child)
        selector.register(ended, selectors.EVENT_READ)
        selector.register(connection, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if ended in ready or not _forward(connection, server):
                break
    connection.close()
    server.close()  # the server ends after the executions it has begun
    os.waitpid(child, 0)
    os._exit(0)


def _forward(connection: socket.socket, server: socket.socket) -> bool:
    """Forward one execution; return False when there are no more."""
    try:
        content, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 1)
    except OSError:
        return False
    if not content:
        return False
    with socket.socket(fileno=descriptors[0]) as own:
        try:
            mounts = DetachedMounts.clone(Spec.load(content))
        except OSError as error:
            with contextlib.suppress(OSError):  # the main process is gone
                send(own, {"end": End(setup=str(error)).dump()})
            return True
        try:
            socket.send_fds(server, [content], [own.fileno(), *mounts.descriptors])
        except OSError:
            return False
        finally:
            mounts.close()
    return True
