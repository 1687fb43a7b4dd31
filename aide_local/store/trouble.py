"""Errors of disks and databases, translated into something that a person can fix."""

from __future__ import annotations

import contextlib
import errno
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from aide_local.errors import DiskFull, StoreError


@contextlib.contextmanager
def translate_errors(folder: Path, fix: str = "") -> Iterator[None]:
    """Raise errors of the disk and of databases below ``folder`` as StoreError.

    Args:
        folder: What the message names.
        fix: What to do; by default, what repairs a run's folder.

    Raises:
        DiskFull: there is no room, or the person's quota is used up.
        StoreError: any other such error.
    """
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
    """Return whether the disk, or the person's quota, has no room left. Databases report it in words only."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return any(word in str(error) for word in ("No space left", "quota exceeded", "disk is full"))


def open_elsewhere(error: Exception) -> StoreError | None:
    """Return which file another program has open for writing, and which program; None for any other error."""
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
