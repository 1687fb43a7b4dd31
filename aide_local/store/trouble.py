"""Trouble with a run's files, as something that a person can mend."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aide_local.errors import DiskFull, StoreError

if TYPE_CHECKING:
    from filelock import FileLock


def hold(path: Path, run_id: str) -> FileLock:
    """A lock that ends with the process. Raises StoreError where another process has it."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"The run {run_id} is held by another process.",
            "It is still running: look at it with `aide-local show`, or stop that process first.",
        ) from None
    except OSError as error:
        raise StoreError(
            f"The run's folder {path.parent} cannot be written: {error.strerror}.", "Mend its permissions."
        ) from error
    return lock


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """Trouble with the disk, as something that a person can mend."""
    import duckdb

    try:
        yield
    except OSError as error:
        raise (DiskFull if is_full(error) else StoreError)(
            f"{folder} cannot be written: {error.strerror or error}.",
            "Make room there or mend its permissions, or choose another folder with --home.",
        ) from error
    except (duckdb.OperationalError, duckdb.FatalException, duckdb.OutOfMemoryException) as error:
        first = str(error).splitlines()[0]
        raise (DiskFull if "No space left" in str(error) else StoreError)(
            f"The database in {folder} cannot be read or written: {first}.",
            "Make room on the disk or mend the folder's permissions, then continue with `aide-local resume`;"
            " no finished node is lost.",
        ) from error


def is_full(error: OSError) -> bool:
    """No room on the disk, or none within the person's quota."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
