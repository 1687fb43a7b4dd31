"""Delete runs that are no longer wanted, and say how much room that makes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store import history
from aide_local.store.layout import LOCK
from aide_local.store.locks import is_locked
from aide_local.store.read import list_runs
from aide_local.store.run_store import delete_run, folders_lock, remove_folder
from aide_local.store.trouble import translate_errors
from aide_local.types import RunInfo


@dataclass(frozen=True, slots=True)
class Removal:
    """A run, or other things under one name, that was deleted or left.

    ``size`` is what it took on the disk, in bytes; ``kept`` says why it was left, if it was.
    """

    name: str
    size: int
    kept: str = ""


def choose(home: Home, ids: Iterable[str], *, older_than: float | None, keep: int | None) -> tuple[str, ...]:
    """Return the named runs, and of the others those that are old and not among the latest.

    Args:
        home: The home folder.
        ids: Runs to choose in any case.
        older_than: Age in seconds; None for any.
        keep: How many of the latest searches to keep; None if their number does not matter. With both, a run must
            be older and beyond that number. Runs that go on are never chosen so; runs of exams by age alone.
    """
    named = tuple(dict.fromkeys(ids))
    if older_than is None and keep is None:
        return named
    now = time.time()
    others = [
        info.id
        for rank, info in enumerate(list_runs(home))
        if _old(info, now if older_than is None else now - older_than) and (keep is None or rank >= keep)
    ]
    if keep is None and older_than is not None:
        others += [info.id for info in list_runs(home, exams=True) if _old(info, now - older_than)]
    return tuple(dict.fromkeys((*named, *others)))


def _old(info: RunInfo, moment: float) -> bool:
    return info.state not in ("running", "paused") and info.created < moment


def prune(home: Home, ids: Iterable[str], *, dry: bool = False) -> tuple[Removal, ...]:
    """Delete the runs, but for those that a living process holds; ``dry``: only report what would be deleted."""
    done = []
    for run_id in ids:
        size = size_of(home.run(run_id))
        try:
            if not dry:
                delete_run(home, run_id)
        except StoreError as error:
            done.append(Removal(run_id, 0, str(error)))
        else:
            done.append(Removal(run_id, size))
    return tuple(done)


def sweep(home: Home, *, dry: bool = False) -> tuple[Removal, ...]:
    """Delete what killed deletions, imports and beginnings of runs left; those that go on hold a lock.

    Then write the history without the runs that are gone; with ``dry``, how much that would free is not known.

    Raises:
        StoreError: the home folder cannot be written.
    """
    if not home.runs.is_dir():
        return ()
    found = 0
    with translate_errors(home.runs), folders_lock(home):
        for leftover in (*home.runs.glob(".*.deleted"), *home.runs.glob(".*.partial")):
            if not is_locked(leftover / LOCK):
                found += size_of(leftover)
                if not dry:
                    remove_folder(leftover)
    swept = (Removal("leftovers of killed processes", found),) if found else ()
    if dry:
        return swept
    try:
        freed = history.forget(home)
    except StoreError as error:
        return (*swept, Removal(home.history.name, 0, str(error)))
    return (*swept, Removal(home.history.name, freed)) if freed else swept


def size_of(folder: Path) -> int:
    """Return the bytes on the disk of all files below; a file that is linked from elsewhere takes nothing."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):  # another process deletes it, too
                state = Path(where, name).lstat()
                total += state.st_blocks * 512 if state.st_nlink == 1 else 0
    return total
