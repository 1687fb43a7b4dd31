"""Remove a tree that hostile code wrote: any depth, any modes, any names; links are never followed.

``shutil.rmtree`` recurses, and stops at folders without permissions. Here one loop needs at most two descriptors:
deep folders are moved up to the top before they are emptied.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Protocol

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602  # FS_IOC_GETFLAGS, FS_IOC_SETFLAGS: ioctl_iflags(2)
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20


def remove_tree(path: Path) -> None:
    """Remove ``path`` and all below it; do nothing if it does not exist.

    A file is unlinked; so is a link, wherever it leads.

    Raises:
        OSError: something below belongs to another user, or to a read-only file system.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        path.unlink()
        return
    _empty(path)
    if os.path.ismount(path):
        return
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _remove_entry(os.rmdir, path.name, parent)
    finally:
        os.close(parent)


def _empty(path: Path) -> None:
    top = _open_folder(os.fspath(path), None)
    try:
        # The tree is flattened instead of walked: a folder's folders are renamed into ``top`` under fresh names, so
        # that each is emptied at depth one and neither a path nor a stack grows.
        serial = 0
        while True:
            with os.scandir(top) as entries:
                names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            if not names:
                return
            for name, is_folder in names:
                if not is_folder:
                    _remove_entry(os.unlink, name, top)
                    continue
                serial = _flatten(name, top, serial)
                _remove_entry(os.rmdir, name, top)
    finally:
        os.close(top)


def _flatten(name: str, top: int, serial: int) -> int:
    """Empty ``top/name`` of its files and move its folders up into ``top``."""
    here = _open_folder(name, top)
    try:
        with os.scandir(here) as entries:
            below = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for child, is_folder in below:
            if not is_folder:
                _remove_entry(os.unlink, child, here)
                continue
            serial += 1
            _move_up(child, here, f".removing-{os.getpid()}-{serial}", top)
    finally:
        os.close(here)
    return serial


def _move_up(child: str, here: int, fresh: str, top: int) -> None:
    try:
        os.rename(child, fresh, src_dir_fd=here, dst_dir_fd=top)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM):
            raise
        # Moving a folder rewrites its "..", which its own mode must allow, too.
        os.close(_open_folder(child, here))
        _unlock(here)
        os.rename(child, fresh, src_dir_fd=here, dst_dir_fd=top)


def _open_folder(name: str, at: int | None) -> int:
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=at)
    except PermissionError:
        # fchmodat(2) follows links, but nobody is left who could swap it between the check and this call.
        os.chmod(name, 0o700, dir_fd=at)
        descriptor = os.open(name, _FOLDER, dir_fd=at)
    if os.fstat(descriptor).st_mode & 0o700 != 0o700:
        _unlock(descriptor)
    return descriptor


class _Remove(Protocol):
    """os.rmdir or os.unlink."""

    def __call__(self, path: str, *, dir_fd: int) -> None: ...


def _remove_entry(remove: _Remove, name: str, at: int) -> None:
    try:
        remove(name, dir_fd=at)
    except FileNotFoundError:
        return
    except PermissionError:
        _unlock(at)
        _unlock_entry(name, at)
        remove(name, dir_fd=at)


def _unlock(descriptor: int) -> None:
    """Give the owner all permissions and clear the immutable and append-only flags."""
    _clear_flags(descriptor)
    os.fchmod(descriptor, 0o700)


def _unlock_entry(name: str, at: int) -> None:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except OSError:
        return  # a link, a socket or an unreadable file: none of them has the flags that an owner may set
    try:
        _clear_flags(descriptor)
    finally:
        os.close(descriptor)


def _clear_flags(descriptor: int) -> None:
    if sys.platform != "linux":
        return
    import fcntl
    import struct

    try:
        flags = struct.unpack("i", fcntl.ioctl(descriptor, _GET_FLAGS, b"\0" * 4))[0]
        if flags & (_IMMUTABLE | _APPEND_ONLY):
            fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("i", flags & ~(_IMMUTABLE | _APPEND_ONLY)))
    except OSError as error:
        # No such flags on this file system, or not ours to change: then nothing was locked by them.
        if error.errno not in (errno.ENOTTY, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES, errno.EINVAL):
            raise
