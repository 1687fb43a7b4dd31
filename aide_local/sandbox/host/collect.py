"""Read one file from a folder that hostile code wrote: no link is followed, nothing blocks, nothing is huge."""

from __future__ import annotations

import errno
import os
import stat
import sys
from enum import StrEnum
from pathlib import Path


class ArtefactProblem(StrEnum):
    """Why an artefact is not read."""

    MISSING = "missing"
    SYMLINK = "symlink"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"
    DIRECTORY = "directory"
    HARD_LINK = "hard link"
    TOO_LARGE = "too large"
    BAD_NAME = "bad name"
    UNREADABLE = "unreadable"


class ArtefactError(Exception):
    """``problem`` says why an artefact is not read; the message names the file, too."""

    def __init__(self, problem: ArtefactProblem, relative: str, detail: str) -> None:
        super().__init__(f"{relative!a} {detail}")
        self.problem = problem
        self.relative = relative


_SHAPES = (
    (stat.S_ISLNK, ArtefactProblem.SYMLINK, "is a symbolic link"),
    (stat.S_ISDIR, ArtefactProblem.DIRECTORY, "is a directory"),
    (stat.S_ISFIFO, ArtefactProblem.FIFO, "is a named pipe"),
    (stat.S_ISSOCK, ArtefactProblem.SOCKET, "is a socket"),
    (stat.S_ISCHR, ArtefactProblem.DEVICE, "is a device"),
    (stat.S_ISBLK, ArtefactProblem.DEVICE, "is a device"),
)


def read_artefact(base: Path, relative: str, cap: int) -> bytes:
    """Return the content of ``base/relative`` if it is an ordinary file with one name and at most ``cap`` bytes.

    ``base`` itself is trusted to be the right folder; every part below it is opened without following links, so that
    what is checked is what is read.

    Raises:
        ArtefactError: it is missing, is something else, has a second name, or is too large.
        OSError: ``base`` cannot be opened.
    """
    parts = _checked_parts(relative)
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        descriptor = _open_beneath(folder, parts, relative)
    finally:
        os.close(folder)
    try:
        return _read_checked(descriptor, relative, cap)
    finally:
        os.close(descriptor)


def _checked_parts(relative: str) -> list[str]:
    parts = relative.split("/")
    odd = (not part or part in (".", "..") or len(os.fsencode(part)) > 255 for part in parts)
    # Control characters and lone surrogates (undecodable bytes) reach terminals and logs through the name.
    if len(parts) > 64 or any(odd) or not relative.isprintable():
        raise ArtefactError(ArtefactProblem.BAD_NAME, relative, "is not a plain relative path")
    return parts


def _open_beneath(folder: int, parts: list[str], relative: str) -> int:
    try:
        if sys.platform == "linux":
            descriptor = _openat2(folder, parts)
            if descriptor is not None:
                return descriptor
        return _open_stepwise(folder, parts)
    except OSError as error:
        raise _explain(error, folder, parts, relative) from error


def _openat2(folder: int, parts: list[str]) -> int | None:
    """Return None if the kernel, or a container's filter, has no openat2(2)."""
    from aide_local.sandbox.kernel import syscalls

    resolve = syscalls.RESOLVE_BENEATH | syscalls.RESOLVE_NO_SYMLINKS | syscalls.RESOLVE_NO_MAGICLINKS
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW
    try:
        return syscalls.openat2(folder, os.fsencode("/".join(parts)), flags, resolve)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM):
            return None
        raise


def _open_stepwise(folder: int, parts: list[str]) -> int:
    """Do the same by openat(2) with O_NOFOLLOW for each part."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    here = os.dup(folder)
    try:
        for part in parts[:-1]:
            below = os.open(part, flags | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        return os.open(parts[-1], flags, dir_fd=here)
    finally:
        os.close(here)


def _explain(error: OSError, folder: int, parts: list[str], relative: str) -> ArtefactError:
    """Return the error that says what could not be opened; it is looked at again only for the message."""
    path = ""
    for part in parts:
        path = f"{path}/{part}" if path else part
        try:
            mode = os.lstat(path, dir_fd=folder).st_mode if sys.platform == "linux" else None
        except OSError:
            break
        if mode is not None and stat.S_ISLNK(mode):
            return ArtefactError(ArtefactProblem.SYMLINK, relative, "is, or lies behind, a symbolic link")
        if mode is not None and path == "/".join(parts):
            for matches, problem, detail in _SHAPES:
                if matches(mode):
                    return ArtefactError(problem, relative, detail)
    if error.errno in (errno.ELOOP, errno.EXDEV):
        return ArtefactError(ArtefactProblem.SYMLINK, relative, "is, or lies behind, a symbolic link")
    if error.errno == errno.ENXIO:
        return ArtefactError(ArtefactProblem.SOCKET, relative, "is a socket")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return ArtefactError(ArtefactProblem.MISSING, relative, "does not exist")
    return ArtefactError(ArtefactProblem.UNREADABLE, relative, f"cannot be opened: {error.strerror}")


def _read_checked(descriptor: int, relative: str, cap: int) -> bytes:
    found = os.fstat(descriptor)
    for matches, problem, detail in _SHAPES:
        if matches(found.st_mode):
            raise ArtefactError(problem, relative, detail)
    if found.st_nlink != 1:
        detail = f"has {found.st_nlink} names (hard links)"
        raise ArtefactError(ArtefactProblem.HARD_LINK, relative, detail)
    if found.st_size > cap:
        detail = f"has {found.st_size} bytes; at most {cap} are taken"
        raise ArtefactError(ArtefactProblem.TOO_LARGE, relative, detail)
    pieces: list[bytes] = []
    left = cap + 1  # it may grow while it is read
    while left > 0:
        piece = os.read(descriptor, min(left, 2**20))
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        left -= len(piece)
    raise ArtefactError(ArtefactProblem.TOO_LARGE, relative, f"has more than {cap} bytes")
