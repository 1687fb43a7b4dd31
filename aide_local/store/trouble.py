"""Trouble with a run's files, as something that a person can fix."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aide_local.errors import DiskFull, StoreError

if TYPE_CHECKING:
    from filelock import FileLock


def hold(path: Path, run_id: str) -> FileLock:
    """A lock that ends with the process. Raises StoreError where another process has it."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0.3)  # longer than `held` has it
    try:
        lock.acquire(poll_interval=0.02)
    except Timeout:
        raise StoreError(
            f"The run {run_id} is held by another process.",
            "It is still running: look at it with `aide-local show`, or stop that process first.",
        ) from None
    except OSError as error:
        raise StoreError(
            f"The run's folder {path.parent} cannot be written: {error.strerror}.", "Fix its permissions."
        ) from error
    return lock


def held(path: Path) -> bool:
    """Whether a living process has the lock that :func:`hold` takes; where that cannot be told, whether the file is
    there. It is asked by taking a shared lock for a moment, so that those who ask at once do not see each other."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # held; or there are no such locks here, and filelock lets the file itself be the lock
        return True
    finally:
        os.close(descriptor)  # releases it
    return False


@contextlib.contextmanager
def told(folder: Path, fix: str = "") -> Iterator[None]:
    """Trouble with the disk, as something that a person can fix: ``fix``, or what fixes a run's folder."""
    import duckdb

    try:
        yield
    except OSError as error:
        raise (DiskFull if is_full(error) else StoreError)(
            f"{folder} cannot be written: {error.strerror or error}.",
            fix or "Make room there or fix its permissions, or choose another folder with --home.",
        ) from error
    except sqlite3.Error as error:
        raise (DiskFull if is_full(error) else StoreError)(
            f"{folder} cannot be written by SQLite: {error}.",
            fix or "Make room there or fix its permissions.",
        ) from error
    except (duckdb.OperationalError, duckdb.FatalException, duckdb.OutOfMemoryException) as error:
        first = str(error).splitlines()[0]
        raise (DiskFull if is_full(error) else StoreError)(
            f"The database in {folder} cannot be read or written: {first}.",
            fix
            or "Make room on the disk or fix the folder's permissions, then continue with `aide-local resume`;"
            " no finished node is lost.",
        ) from error


def is_full(error: Exception) -> bool:
    """No room on the disk, or none within the person's quota. The databases tell it in words only."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return any(word in str(error) for word in ("No space left", "quota exceeded", "disk is full"))


def open_elsewhere(error: Exception) -> StoreError | None:
    """Where DuckDB does not open a file because another program has it open for writing: which file, and who."""
    found = re.search(
        r'Could not set lock on file "(.+?)": Conflicting lock is held in (.+?)\. See', str(error)
    )
    if found is None:
        return None
    return StoreError(
        f"{found[1]} is held by another program, which has it open for writing: {found[2]}.",
        "Close it there, or open it there for reading only: duckdb -readonly; read_only=True in Python;"
        " access_mode = READ_ONLY in DBeaver.",
    )
