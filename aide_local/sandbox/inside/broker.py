"""Connections of local sockets at the level without namespaces: asked about, and made for the candidate.

Landlock does not cover sockets that lie in the file system, and one of them may be the session bus, by which
programs can be started outside. connect(2) hands over its address by pointer, which a filter cannot look at,
so the filter asks (seccomp_unotify(2)). An answer "go on" would let the address be exchanged in the meantime; so
the connection is made here, to the very socket that was looked at, on the candidate's own descriptor.

The process that answers is the candidate's parent. It is restricted by Landlock as the candidate is: sockets
without a name in the file system are out of its reach unless they are the candidate's own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import selectors
import signal
import socket
import struct
import threading

from aide_local.sandbox.kernel.syscalls import raw

_RECEIVE, _ANSWER, _STILL_VALID = 0xC0502100, 0xC0182101, 0x40082102  # seccomp_unotify(2)
_REQUEST = struct.Struct("=QIIiIQ6Q")  # id, pid, flags, number, architecture, instruction, arguments
_REPLY = struct.Struct("=Qqii")  # id, value, error, flags
_LONGEST_ADDRESS = 110  # sockaddr_un
_REAP_EVERY = 0.1  # seconds


def serve(listener: int, allowed: tuple[str, ...], candidate: int) -> int:
    """Answer until ``candidate``, a child, has ended; returns its status as waitpid(2) gives it.

    Sockets below the ``allowed`` folders may be connected to. Other children, orphans of the candidate's, are
    waited for as they end.
    """
    folders = tuple(os.path.realpath(folder) for folder in allowed)
    with selectors.DefaultSelector() as selector:
        selector.register(os.pidfd_open(candidate), selectors.EVENT_READ)
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, events in selector.select(_REAP_EVERY):
                if key.fd == listener and not (events & selectors.EVENT_READ and _receive(listener, folders)):
                    selector.unregister(listener)
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == candidate:
                    return ended[1]


def _receive(listener: int, folders: tuple[str, ...]) -> bool:
    """Take one question and answer it in a thread of its own, for a connection may have to wait."""
    buffer = bytearray(_REQUEST.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.EINTR)  # who asked is gone
    identity, pid, _, _, _, _, descriptor, address, length, *_ = _REQUEST.unpack(buffer)
    given = (listener, identity, pid, descriptor & 0xFFFFFFFF, address, length & 0xFFFFFFFF, folders)
    threading.Thread(target=_answer, args=given, daemon=True).start()
    return True


def _answer(
    listener: int,
    identity: int,
    pid: int,
    descriptor: int,
    address: int,
    length: int,
    folders: tuple[str, ...],
) -> None:
    error = 0
    try:
        if not 2 < length <= _LONGEST_ADDRESS:
            raise OSError(errno.EINVAL, "address")
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            content = os.pread(memory.fileno(), length, address)
        leader = _leader(pid)
        handle = os.pidfd_open(leader)
        try:
            own = raw("pidfd_getfd", handle, descriptor, 0)
        finally:
            os.close(handle)
        with socket.socket(fileno=own) as asked:
            fcntl.ioctl(listener, _STILL_VALID, struct.pack("=Q", identity))
            _connect(asked, content, leader, folders)
    except OSError as failed:
        error = failed.errno or errno.EACCES
    try:
        fcntl.ioctl(listener, _ANSWER, _REPLY.pack(identity, 0, -error, 0))
    except OSError:
        return  # who asked has been killed


def _connect(asked: socket.socket, content: bytes, leader: int, folders: tuple[str, ...]) -> None:
    """Raises OSError: EACCES for what lies elsewhere, else as connect(2)."""
    if struct.unpack_from("=H", content)[0] != socket.AF_UNIX:
        raise OSError(errno.EAFNOSUPPORT, "family")
    name = content[2:]
    if name.startswith(b"\0"):
        asked.connect(name)  # abstract: Landlock knows whose it is
        return
    name = name.split(b"\0", 1)[0]
    if not name.startswith(b"/"):
        name = b"/proc/%d/cwd/" % leader + name
    place = os.open(name, os.O_PATH | os.O_CLOEXEC)
    try:
        real = os.readlink(f"/proc/self/fd/{place}")
        if not any(real.startswith(folder + "/") for folder in folders):
            raise OSError(errno.EACCES, "outside")
        asked.connect(f"/proc/self/fd/{place}")
    finally:
        os.close(place)


def _leader(pid: int) -> int:
    """The process that a thread belongs to."""
    with open(f"/proc/{pid}/status", "rb") as file:
        for line in file:
            if line.startswith(b"Tgid:"):
                return int(line.split()[1])
    raise ProcessLookupError(errno.ESRCH, "thread")


def ignore_signals() -> None:
    """The candidate may send them to its parent; only SIGKILL is left, which ends the candidate, too.

    To be called before there is a candidate, which might be quicker.
    """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)
