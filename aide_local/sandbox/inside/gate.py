"""The warm server's own confinement: what it imports is others' code, and none of it needs the machine's files.

At level strict two processes are made. The *gate*, which imports nothing but the standard library and this
package, stays where it sees the machine's files, in a user namespace of its own. The *server*, its child, is
init of new namespaces (mount, PID, network, IPC, UTS) with a private root, without capabilities and under a
filter of calls; for each execution the gate hands it the folders of that one as mounts (open_tree(2)), and the
fork that becomes the candidate puts them into its own root. Landlock is not used there: a process under it may
not mount (landlock(7)), and the forks must. The control groups' namespace stays that of the gate, for groups
are made beside it (cgroup_namespaces(7)).

At level landlock there is one process, under Landlock with the folders of the run: see :func:`fence`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import tempfile
from typing import NoReturn

from aide_local.sandbox.inside.candidate import fixed_limits, restrict_server
from aide_local.sandbox.inside.watch import send
from aide_local.sandbox.kernel import namespaces, privileges, seccomp
from aide_local.sandbox.kernel.syscalls import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl, unshare
from aide_local.sandbox.kernel.trees import Trees
from aide_local.sandbox.spec import End, Server, Spec

# What root is called in the gate's namespace: who has no capability cannot map a user 0 of the namespace above
# (user_namespaces(7), CAP_SETFCAP, Linux 5.12), and the server, which has none, lets its forks make namespaces.
_NOT_ROOT = 1
_OWN = namespaces.NEW_NS | namespaces.NEW_NET | namespaces.NEW_IPC | namespaces.NEW_UTS


def divide(server: Server, connection: socket.socket, groups: str) -> tuple[socket.socket, str]:
    """Become gate and server. Only the server returns: with the socket by which the gate hands it executions,
    and why it could not be confined, or nothing.

    Raises:
        OSError: no user namespace is to be had; nothing was divided.
    """
    user = os.geteuid() or _NOT_ROOT
    namespaces.enter(user, os.getegid(), namespaces.NEW_USER | namespaces.NEW_NS)
    unshare(namespaces.NEW_PID)  # counts for children
    place = tempfile.mkdtemp(prefix="aide-server-")
    entered, entering = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    child = os.fork()
    if child:
        theirs.close()
        os.close(entering)
        os.read(entered, 1)  # nothing comes: the child has left the place, or is gone
        os.rmdir(place)
        _keep(connection, ours, child)
    connection.close()
    ours.close()
    os.close(entered)
    try:
        unshare(_OWN)
        namespaces.make_server_root(place, server.readable, groups)
        os.close(entering)
        tempfile.tempdir = None
        fence(server, groups)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # and with its init all of the namespace ends
    except OSError as error:
        return theirs, f"the server could not be confined: {error}"
    return theirs, ""


def fence(server: Server, groups: str) -> None:
    """No capability, fixed limits, a filter of calls: for this process and all it starts.

    At level landlock also Landlock, with all that its forks need together: the system, the interpreter, the places
    of executions, /dev/shm, its control ``groups``; no TCP (ABI 4), no signals and abstract sockets to processes
    outside (ABI 6).

    Raises:
        OSError: the kernel refused.
    """
    privileges.give_up()
    fixed_limits()
    strict = server.level == "strict"
    if not strict:
        restrict_server(server.readable, [*server.places, *([groups] if groups else [])])
    if seccomp.available():
        seccomp.install(seccomp.program(namespaces=strict, server=True))


def _keep(connection: socket.socket, server: socket.socket, child: int) -> NoReturn:
    """The gate: pass on every execution with its folders, until either side is gone."""
    prctl(PR_SET_DUMPABLE, 0)
    with selectors.DefaultSelector() as selector:
        ended = os.pidfd_open(child)
        selector.register(ended, selectors.EVENT_READ)
        selector.register(connection, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if ended in ready or not _pass_on(connection, server):
                break
    connection.close()
    server.close()  # the server ends after the executions it has begun
    os.waitpid(child, 0)
    os._exit(0)


def _pass_on(connection: socket.socket, server: socket.socket) -> bool:
    """One execution; False when there are no more."""
    try:
        content, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 1)
    except OSError:
        return False
    if not content:
        return False
    with socket.socket(fileno=descriptors[0]) as own:
        try:
            trees = Trees.take(Spec.load(content))
        except OSError as error:
            with contextlib.suppress(OSError):  # who asked is gone
                send(own, {"end": End(setup=str(error)).dump()})
            return True
        try:
            socket.send_fds(server, [content], [own.fileno(), *trees.descriptors])
        except OSError:
            return False
        finally:
            trees.close()
    return True
