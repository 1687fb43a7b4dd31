"""Make the system calls that Python has no function for; errors are raised as OSError.

Section 2 of the Linux manual documents each under its own name. Structures are laid out as in the kernel's headers.
"""

from __future__ import annotations

import ctypes
import errno
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
    """Make the system call ``name`` and return its result; bytes are passed as a pointer to them.

    Raises:
        OSError: the kernel refused (ENOSYS also if the call's number is not known for this machine).
    """
    number = NUMBERS.get(name)
    if number is None:
        raise OSError(errno.ENOSYS, f"{name}: its system call number is not known on {MACHINE}")
    converted = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        raise _last_error(name)
    return result


def _last_error(call: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{call}: {os.strerror(number)}")


def prctl(option: int, *arguments: int) -> int:
    """Call prctl(2) and return its result.

    Raises:
        OSError: the kernel refused.
    """
    padded = [ctypes.c_ulong(item) for item in (*arguments, 0, 0, 0, 0)[:4]]
    result: int = _libc.prctl(ctypes.c_int(option), *padded)
    if result < 0:
        raise _last_error(f"prctl({option})")
    return result


def unshare(flags: int) -> None:
    """Call unshare(2).

    Raises:
        OSError: the kernel refused.
    """
    if _libc.unshare(ctypes.c_int(flags)) < 0:
        raise _last_error("unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Call mount(2).

    Raises:
        OSError: the kernel refused.
    """
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if _libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]) < 0:
        raise _last_error(f"mount {target}")


def detach_mount(target: str) -> None:
    """Call umount2(2) with MNT_DETACH.

    Raises:
        OSError: the kernel refused.
    """
    if _libc.umount2(os.fsencode(target), ctypes.c_int(2)) < 0:
        raise _last_error(f"umount {target}")


def clone_mount(path: str, attributes: int, *, recursive: bool = False) -> int:
    """Return a descriptor of a copy of the mount at ``path``, with ``attributes`` added, attached nowhere yet.

    open_tree(2), mount_setattr(2), Linux 5.12. Needs CAP_SYS_ADMIN over the caller's mount namespace. If the copy is
    attached nowhere, it ends with the last descriptor.

    Raises:
        OSError: there is no such path, or the kernel refused.
    """
    below = _AT_RECURSIVE if recursive else 0
    name = os.fsencode(path) + b"\0"
    clone = raw("open_tree", AT_FDCWD, name, _OPEN_TREE_CLONE | os.O_CLOEXEC | below)
    try:
        attribute_set = struct.pack("=QQQQ", attributes, 0, 0, 0)
        raw("mount_setattr", clone, b"\0", _AT_EMPTY_PATH | below, attribute_set, len(attribute_set))
    except OSError:
        os.close(clone)
        raise
    return clone


def attach_mount(clone: int, target: str) -> None:
    """Attach what :func:`clone_mount` returned at ``target`` (move_mount(2)).

    Raises:
        OSError: the kernel refused.
    """
    name = os.fsencode(target) + b"\0"
    raw("move_mount", clone, b"\0", AT_FDCWD, name, _MOVE_MOUNT_F_EMPTY_PATH)


def close_from(first: int) -> None:
    """Close every descriptor from ``first`` on (close_range(2), Linux 5.9)."""
    try:
        raw("close_range", first, 0xFFFFFFFF, 0)
    except OSError:
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def openat2(folder: int, path: bytes, flags: int, resolve: int) -> int:
    """Return a descriptor of ``path``, resolved by the rules ``resolve`` (openat2(2), Linux 5.6).

    Raises:
        OSError: as openat2(2); ELOOP for a link, EXDEV for a way out of ``folder``.
    """
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, resolve)
    return raw("openat2", folder, path, how, len(how))
