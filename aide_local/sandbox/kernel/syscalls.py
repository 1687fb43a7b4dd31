"""System calls that Python has no function for, by number, with errors raised as OSError.

Each is documented in section 2 of the Linux manual under its own name. Structures are little-endian
or native as the kernel's headers lay them out.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_X86_64 = {
    "capset": 126,
    "pivot_root": 155,
    "seccomp": 317,
    "open_tree": 428,
    "move_mount": 429,
    "close_range": 436,
    "openat2": 437,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}
_AARCH64 = _X86_64 | {"capset": 91, "pivot_root": 41, "seccomp": 277}

MACHINE = platform.machine()
NUMBERS: dict[str, int] = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(MACHINE, {})

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

AT_FDCWD = -100
_AT_EMPTY_PATH, _AT_RECURSIVE = 0x1000, 0x8000
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH = 1, 4
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def raw(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Call ``name``; bytes travel as a pointer to them.

    Raises:
        OSError: the kernel refused (ENOSYS also where this machine's number is unknown).
    """
    number = NUMBERS.get(name)
    if number is None:
        raise OSError(38, f"{name}: system call number unknown on {MACHINE}")
    converted = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def prctl(option: int, *arguments: int) -> int:
    """prctl(2).

    Raises:
        OSError: the kernel refused.
    """
    padded = [ctypes.c_ulong(item) for item in (*arguments, 0, 0, 0, 0)[:4]]
    result: int = _libc.prctl(ctypes.c_int(option), *padded)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")
    return result


def unshare(flags: int) -> None:
    """unshare(2).

    Raises:
        OSError: the kernel refused.
    """
    if _libc.unshare(ctypes.c_int(flags)) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"unshare: {os.strerror(error)}")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2).

    Raises:
        OSError: the kernel refused.
    """
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if _libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"mount {target}: {os.strerror(error)}")


def umount_detached(target: str) -> None:
    """umount2(2) with MNT_DETACH.

    Raises:
        OSError: the kernel refused.
    """
    if _libc.umount2(os.fsencode(target), ctypes.c_int(2)) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"umount {target}: {os.strerror(error)}")


def take_mount(path: str, attributes: int, *, recursive: bool = False) -> int:
    """open_tree(2): a copy of the mount at ``path``, nowhere yet, with more attributes (mount_setattr(2), Linux 5.12).

    Needs CAP_SYS_ADMIN over the caller's mount namespace. Returns a descriptor; when nobody holds it and it was
    put nowhere, the copy is gone.

    Raises:
        OSError: there is no such path, or the kernel refused.
    """
    below = _AT_RECURSIVE if recursive else 0
    name = os.fsencode(path) + b"\0"
    taken = raw("open_tree", AT_FDCWD, name, _OPEN_TREE_CLONE | os.O_CLOEXEC | below)
    try:
        wanted = struct.pack("=QQQQ", attributes, 0, 0, 0)
        raw("mount_setattr", taken, b"\0", _AT_EMPTY_PATH | below, wanted, len(wanted))
    except OSError:
        os.close(taken)
        raise
    return taken


def put_mount(taken: int, target: str) -> None:
    """move_mount(2): what :func:`take_mount` gave is from now on to be seen at ``target``.

    Raises:
        OSError: the kernel refused.
    """
    where = os.fsencode(target) + b"\0"
    raw("move_mount", taken, b"\0", AT_FDCWD, where, _MOVE_MOUNT_F_EMPTY_PATH)


def close_from(first: int) -> None:
    """Close every descriptor from ``first`` on (close_range(2), Linux 5.9)."""
    try:
        raw("close_range", first, 0xFFFFFFFF, 0)
    except OSError:
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def openat2(folder: int, path: bytes, flags: int, resolve: int) -> int:
    """openat2(2) (Linux 5.6): a descriptor, the path resolved under ``resolve``.

    Raises:
        OSError: as openat2(2); ELOOP for a link, EXDEV for a way out of ``folder``.
    """
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, resolve)
    return raw("openat2", folder, path, how, len(how))
