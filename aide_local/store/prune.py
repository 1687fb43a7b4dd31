"""Delete runs that are no longer wanted, and say how much room that makes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store.read import list_runs
from aide_local.store.run_store import delete_run


@dataclass(frozen=True, slots=True)
class Pruned:
    """``size`` is what its folder takes on the disk, in bytes; ``kept`` says why it was left, if it was."""

    run_id: str
    size: int
    kept: str = ""


def choose(home: Home, ids: Iterable[str], *, older_than: float | None, keep: int | None) -> tuple[str, ...]:
    """The named runs, and of the others those older than so many seconds and beyond the ``keep`` latest (both, where
    both are given). Runs that are going on are never chosen by age or number."""
    named = tuple(dict.fromkeys(ids))
    if older_than is None and keep is None:
        return named
    now = time.time()
    others = [
        info.id
        for rank, info in enumerate(list_runs(home))
        if info.state not in ("running", "paused")
        and (older_than is None or now - info.created > older_than)
        and (keep is None or rank >= keep)
    ]
    return tuple(dict.fromkeys((*named, *others)))


def prune(home: Home, ids: Iterable[str], *, dry: bool = False) -> tuple[Pruned, ...]:
    """Delete the runs; one that a living process holds is left and told. ``dry``: only say what would be deleted."""
    done = []
    for run_id in ids:
        size = size_of(home.run(run_id))
        try:
            if not dry:
                delete_run(home, run_id)
        except StoreError as error:
            done.append(Pruned(run_id, 0, str(error)))
        else:
            done.append(Pruned(run_id, size))
    return tuple(done)


def size_of(folder: Path) -> int:
    """Bytes on the disk of all files below; one that is linked from elsewhere takes nothing."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            state = Path(where, name).lstat()
            total += state.st_blocks * 512 if state.st_nlink == 1 else 0
    return total
