"""Remove a tree that hostile code wrote: any depth, any modes, any names; links are never followed.

``shutil.rmtree`` recurses, and stops at folders without permissions; here one loop holds at most two
descriptors: deep folders are moved up to the top before they are emptied.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602  # FS_IOC_GETFLAGS, FS_IOC_SETFLAGS: ioctl_iflags(2)
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20


def remove_tree(path: Path) -> None:
    """Remove ``path`` and all below it; nothing happens where it does not exist.

    A file is unlinked, a link is unlinked without a look at where it leads.

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
    if os.path.ismount(path):
        _empty(path)
        return
    _empty(path)
    _in_parent(path, os.rmdir)


def _empty(path: Path) -> None:
    top = _open_folder(os.fspath(path), None)
    try:
        # Depth is taken away instead of walked: a folder's folders are renamed into ``top`` under fresh
        # names, so that each is emptied at depth one and no path and no stack grows.
        serial = 0
        while True:
            with os.scandir(top) as entries:
                names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            if not names:
                return
            for name, is_folder in names:
                if not is_folder:
                    _removed(os.unlink, name, top)
                    continue
                serial = _flatten(name, top, serial)
                _removed(os.rmdir, name, top)
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
                _removed(os.unlink, child, here)
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
        # To move a folder is to rewrite its "..": its own mode must allow that, too.
        os.close(_open_folder(child, here))
        _unlock(here)
        os.rename(child, fresh, src_dir_fd=here, dst_dir_fd=top)


def _open_folder(name: str, at: int | None) -> int:
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=at)
    except PermissionError:
        # fchmodat(2) follows links; between the check and this call nobody else is left to swap it.
        os.chmod(name, 0o700, dir_fd=at)
        descriptor = os.open(name, _FOLDER, dir_fd=at)
    if os.fstat(descriptor).st_mode & 0o700 != 0o700:
        _unlock(descriptor)
    return descriptor


def _removed(remove: object, name: str, at: int) -> None:
    call = os.rmdir if remove is os.rmdir else os.unlink
    try:
        call(name, dir_fd=at)
    except FileNotFoundError:
        return
    except PermissionError:
        _unlock(at)
        _unlock_entry(name, at)
        call(name, dir_fd=at)


def _in_parent(path: Path, call: object) -> None:
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _removed(call, path.name, parent)
    finally:
        os.close(parent)


def _unlock(descriptor: int) -> None:
    """Give the owner all permissions and take the immutable and append-only flags away."""
    _clear_flags(descriptor)
    os.fchmod(descriptor, 0o700)


def _unlock_entry(name: str, at: int) -> None:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except OSError:
        return  # a link, a socket or an unreadable file: none can carry the flags an owner may set
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
