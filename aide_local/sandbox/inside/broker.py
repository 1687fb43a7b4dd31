"""Make the connections to local sockets that a candidate asks for, at the level without namespaces.

Landlock does not cover sockets that lie in the file system, and one of them may be the session bus, through which
programs can be started outside. connect(2) passes its address by pointer, which a filter cannot follow, so the filter
asks (seccomp_unotify(2)). After an answer "go on" the candidate could still exchange the address; therefore the broker
connects the candidate's own descriptor itself, to the very socket that it has checked.

The broker is the candidate's parent, and Landlock restricts it as it restricts the candidate: sockets without a name
in the file system are out of its reach unless they are the candidate's own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
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


def serve_connections(listener: int, allowed: tuple[str, ...], candidate: int) -> int:
    """Answer until ``candidate``, a child, has ended; return its status as waitpid(2) does.

    Sockets below the ``allowed`` folders may be connected to. Other children, orphans of the candidate's, are
    reaped as they end.
    """
    folders = tuple(os.path.realpath(folder) for folder in allowed)
    with select.epoll() as events:
        events.register(os.pidfd_open(candidate), select.EPOLLIN)
        events.register(listener, select.EPOLLIN)
        while True:
            for ready, event in events.poll(_REAP_EVERY):
                # It hangs up when the last process under the filter ends, a while before that can be waited for.
                if ready == listener and (event & select.EPOLLHUP or not _receive(listener, folders)):
                    events.unregister(listener)
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == candidate:
                    return ended[1]


def _receive(listener: int, folders: tuple[str, ...]) -> bool:
    """Receive one request and answer it in a thread of its own, because a connection may have to wait.

    Return whether there can be more.
    """
    buffer = bytearray(_REQUEST.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.EINTR)  # the asking thread is gone
    identity, pid, _, _, _, _, descriptor, address, length, *_ = _REQUEST.unpack(buffer)
    arguments = (listener, identity, pid, descriptor & 0xFFFFFFFF, address, length & 0xFFFFFFFF, folders)
    threading.Thread(target=_answer, args=arguments, daemon=True).start()
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
        process = _process_of(pid)
        handle = os.pidfd_open(process)
        try:
            own = raw("pidfd_getfd", handle, descriptor, 0)
        finally:
            os.close(handle)
        with socket.socket(fileno=own) as asked:
            fcntl.ioctl(listener, _STILL_VALID, struct.pack("=Q", identity))
            _connect(asked, content, process, folders)
    except OSError as failed:
        error = failed.errno or errno.EACCES
    try:
        fcntl.ioctl(listener, _ANSWER, _REPLY.pack(identity, 0, -error, 0))
    except OSError:
        return  # the asking thread has been killed


def _connect(asked: socket.socket, content: bytes, process: int, folders: tuple[str, ...]) -> None:
    """Connect to the address if it lies in one of the folders.

    Raises:
        OSError: EACCES if it lies elsewhere, else as connect(2).
    """
    if struct.unpack_from("=H", content)[0] != socket.AF_UNIX:
        raise OSError(errno.EAFNOSUPPORT, "family")
    name = content[2:]
    if name.startswith(b"\0"):
        asked.connect(name)  # abstract: Landlock checks whose it is
        return
    name = name.split(b"\0", 1)[0]
    if not name.startswith(b"/"):
        name = b"/proc/%d/cwd/" % process + name
    place = os.open(name, os.O_PATH | os.O_CLOEXEC)
    try:
        real = os.readlink(f"/proc/self/fd/{place}")
        if not any(real.startswith(folder + "/") for folder in folders):
            raise OSError(errno.EACCES, "outside")
        asked.connect(f"/proc/self/fd/{place}")
    finally:
        os.close(place)


def _process_of(thread: int) -> int:
    """Return the process that a thread belongs to."""
    with open(f"/proc/{thread}/status", "rb") as file:
        for line in file:
            if line.startswith(b"Tgid:"):
                return int(line.split()[1])
    raise ProcessLookupError(errno.ESRCH, "thread")


def ignore_signals() -> None:
    """Ignore what the candidate may send to its parent: all but SIGKILL, which ends the candidate, too.

    Call it before the candidate is forked, which might be quicker.
    """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)
