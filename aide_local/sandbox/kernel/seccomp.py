"""Refuse the system calls that candidates have no business with (seccomp(2), BPF).

The filter is a deny-list: what numerical Python needs is too wide to list. Programs of another architecture are
killed. x32 calls, clone3(2) and openat2(2) answer that they do not exist, because a filter cannot check their arguments.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Sequence

from aide_local.sandbox.kernel.numbers import (
    ARCHITECTURES,
    FAKED,
    NEEDED_BY_BROKER,
    NEEDED_BY_FORKS,
    REFUSED,
    REFUSED_IN_LANDLOCK,
    numbers,
)
from aide_local.sandbox.kernel.syscalls import MACHINE, raw

_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_STREAM, _SEQPACKET = 1, 5
_TCP, _UDP = 6, 17
# TIOCSTI and TIOCLINUX type into a terminal; FS_IOC_SETFLAGS, its 32-bit form, FSSETXATTR and SETVERSION change
# attributes of a file through a descriptor that may only read it.
_REQUESTS = (0x5412, 0x541C, 0x40086602, 0x40046602, 0x401C5820, 0x40087602)
_SET_DUMPABLE = 4
_SET_ID_BITS = 0o6000
_X32 = 0x40000000
# Which argument holds the mode of the file that is made or changed.
_MODES = {"open": 2, "openat": 3, "creat": 1, "mknod": 1, "mknodat": 2, "mkdir": 1, "mkdirat": 2}
_CHANGES_OF_MODE = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2}

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_ALLOW, _KILL, _ERROR, _NOTIFY = 0x7FFF0000, 0x80000000, 0x00050000, 0x7FC00000
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_NEW_LISTENER = 1 << 3


def is_available() -> bool:
    """Whether the numbers of this processor's system calls are known."""
    return MACHINE in ARCHITECTURES


class _Filter:
    """A BPF program under construction. Invariant: between two rules the call's number is loaded."""

    def __init__(self) -> None:
        self.code: list[tuple[int, int, int, int]] = []
        self._numbers = numbers()
        self._emit(_LOAD, _ARCHITECTURE)
        self._emit(_EQUAL, ARCHITECTURES[MACHINE], 1, 0)
        self._emit(_RETURN, _KILL)
        self._emit(_LOAD, _NUMBER)
        if MACHINE == "x86_64":
            self._emit(_AT_LEAST, _X32, 0, 1)
            self._emit(_RETURN, _ERROR | errno.ENOSYS)

    def _emit(self, operation: int, value: int, yes: int = 0, no: int = 0) -> None:
        self.code.append((operation, yes, no, value))

    def answer(self, name: str, action: int) -> None:
        """Answer ``name`` with ``action`` instead of executing it; no rule if this machine does not have it."""
        if name in self._numbers:
            self._emit(_EQUAL, self._numbers[name], 0, 1)
            self._emit(_RETURN, action)

    def require(
        self,
        name: str,
        argument: int,
        values: Sequence[int],
        *,
        mask: int = 0xFFFFFFFF,
        error: int = errno.EPERM,
    ) -> None:
        """Refuse ``name`` unless an argument, masked, has one of the values. The kernel reads its low 32 bits only."""
        self._emit(_EQUAL, self._numbers[name], 0, 3 + len(values))
        self._emit(_LOAD, 16 + 8 * argument)
        self._emit(_AND, mask)
        for at, value in enumerate(values):
            self._emit(_EQUAL, value, len(values) - at, 0)
        self._emit(_RETURN, _ERROR | error)
        self._emit(_LOAD, _NUMBER)

    def forbid(self, name: str, argument: int, value: int) -> None:
        """Refuse ``name`` if an argument has the value."""
        self._emit(_EQUAL, self._numbers[name], 0, 4)
        self._emit(_LOAD, 16 + 8 * argument)
        self._emit(_EQUAL, value, 0, 1)
        self._emit(_RETURN, _ERROR | errno.EPERM)
        self._emit(_LOAD, _NUMBER)

    def forbid_bits(self, name: str, argument: int, bits: int) -> None:
        """Refuse ``name`` if an argument has any of the bits set."""
        if name in self._numbers:
            self._emit(_EQUAL, self._numbers[name], 0, 4)
            self._emit(_LOAD, 16 + 8 * argument)
            self._emit(_ANY_BIT, bits, 0, 1)
            self._emit(_RETURN, _ERROR | errno.EPERM)
            self._emit(_LOAD, _NUMBER)

    def assemble(self) -> bytes:
        """Allow every other call and return the program as struct sock_filter[]."""
        self._emit(_RETURN, _ALLOW)
        return b"".join(struct.pack("=HBBI", *instruction) for instruction in self.code)


def program(*, namespaces: bool, server: bool = False) -> bytes:
    """Return the filter. Without namespaces it does some of their work, too.

    - Sockets: local ones; inside a network namespace of its own also IP and routing. Families are allowed by
      name, never denied by name: AF_VSOCK, for one, ignores network namespaces.
    - Without namespaces, changes of mode, owner, times and attributes succeed and change nothing: Landlock does not
      cover them, and plain refusals break shutil and joblib. Connections of local sockets are passed to the broker
      (:mod:`aide_local.sandbox.inside.broker`); datagram sockets, which need no connection, are refused.
    - For the ``server`` that candidates are forked from, the calls are left out with which its forks confine
      themselves: new namespaces, mounts, being dumpable; without namespaces, those that the broker needs.
    """
    made = _Filter()
    for name in ("clone3", "openat2"):
        made.answer(name, _ERROR | errno.ENOSYS)
    needed = (NEEDED_BY_FORKS if namespaces else NEEDED_BY_BROKER) if server else ()
    for name in sorted({*REFUSED} - {*needed}):
        made.answer(name, _ERROR | errno.EPERM)
    for name in ("clone", "unshare"):
        if name not in needed:
            made.require(name, 0, [0], mask=_NEW_NAMESPACES)
    families = [_AF_UNIX, *([_AF_INET, _AF_INET6, _AF_NETLINK] if namespaces else [])]
    made.require("socket", 0, families, error=errno.EAFNOSUPPORT)
    made.require("socket", 2, [0, 1, _TCP, _UDP], error=errno.EPROTONOSUPPORT)
    made.require("socketpair", 0, [_AF_UNIX], error=errno.EAFNOSUPPORT)
    for request in _REQUESTS:
        made.forbid("ioctl", 1, request)
    if not server:
        made.forbid("prctl", 0, _SET_DUMPABLE)
    made.require("prlimit64", 0, [0])
    for name, argument in (_MODES | (_CHANGES_OF_MODE if namespaces or server else {})).items():
        made.forbid_bits(name, argument, _SET_ID_BITS)
    if not namespaces and not server:
        for name in FAKED:
            made.answer(name, _ERROR | 0)
        for name in REFUSED_IN_LANDLOCK:
            made.answer(name, _ERROR | errno.EPERM)
        for name in ("socket", "socketpair"):
            made.require(name, 1, [_STREAM, _SEQPACKET], mask=0xF, error=errno.EPROTONOSUPPORT)
        # These arguments say which process is meant; 0 is the caller.
        for name in ("sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"):
            made.require(name, 0, [0])
        for name in ("setpriority", "ioprio_set"):
            made.require(name, 1, [0])
        made.require("setpriority", 0, [0])
        made.require("ioprio_set", 0, [1])
        made.answer("connect", _NOTIFY)
    return made.assemble()


def install(filter_: bytes, *, listen: bool = False) -> int:
    """Apply the filter to this process and all that it starts. Needs no_new_privs.

    With ``listen``, return a descriptor that reports the calls that wait for an answer (seccomp_unotify(2)).

    Raises:
        OSError: the kernel refused.
    """

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(filter_, len(filter_))
    made = Program(len(filter_) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    return raw("seccomp", 1, _NEW_LISTENER if listen else 0, bytes(made))
