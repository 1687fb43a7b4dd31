"""The lock of a run's folder: which process runs it, and whether that process lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from aide_local.errors import StoreError

if TYPE_CHECKING:
    from filelock import FileLock


def lock_run(path: Path, run_id: str) -> FileLock:
    """Take the run's lock, which the end of this process releases.

    Raises:
        StoreError: another process has it, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0.3)  # longer than `is_locked` has it
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


def is_locked(path: Path) -> bool:
    """Return whether a living process has the lock that :func:`lock_run` takes.

    The test takes a shared lock for a moment, so that processes that test at once do not see each other. On file
    systems without such locks it returns whether the file is there.
    """
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
