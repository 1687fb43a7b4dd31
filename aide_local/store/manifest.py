"""The list of runs that the layers of :mod:`aide_local.store.history` hold, and its comparison with the disk."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aide_local.home import Home
from aide_local.store.layout import PUBLISHED
from aide_local.store.schema import newest


@dataclass(frozen=True, slots=True)
class Manifest:
    """The runs in each layer: run id → mark of its snapshot.

    ``history`` and ``recent`` are the marks of the layers' own files. ``stale`` runs of the history are left out of
    queries: they changed, or are gone. ``unread`` runs are in no layer, as they could not be read: run id → mark and
    reason; the mark is empty if the next query is to try again.
    """

    version: int = 0
    history: str = ""
    recent: str = ""
    past: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)
    stale: Sequence[str] = ()
    unread: Mapping[str, Sequence[str]] = field(default_factory=dict)


def recent_file(home: Home) -> Path:
    return home.root / "recent.duckdb"


def manifest_file(home: Home) -> Path:
    return home.root / "history.json"


def mark_of(path: Path) -> str:
    """Return a text that changes whenever the file does."""
    state = path.stat()
    return f"{state.st_mtime_ns} {state.st_size}"


def age_of(mark: str) -> float:
    """Return the seconds since the marked file was written."""
    return time.time() - int(mark.split()[0]) / 1e9


def current_marks(home: Home) -> dict[str, str]:
    """Return run id → mark of its snapshot. The mark changes, too, once a forbidden file may be read."""
    found = {}
    for folder in home.runs.iterdir() if home.runs.is_dir() else ():
        if folder.name[0] != ".":
            file = folder / PUBLISHED
            with suppress(FileNotFoundError, NotADirectoryError):  # not published yet, or just deleted
                try:
                    found[folder.name] = mark_of(file) + ("" if os.access(file, os.R_OK) else " forbidden")
                except PermissionError:
                    found[folder.name] = "0 0 forbidden"
    return found


def read_manifest(home: Home) -> Manifest:
    """Return the manifest on disk, or an empty one."""
    try:
        return Manifest(**json.loads(manifest_file(home).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return Manifest()  # none yet, or damaged: the layers are made anew from the runs


def belongs(home: Home, manifest: Manifest) -> bool:
    """Return whether the layers on disk are those of the manifest."""
    try:
        return (manifest.history, manifest.recent) == (mark_of(home.history), mark_of(recent_file(home)))
    except OSError:
        return False


def is_current(known: Manifest, current: Mapping[str, str]) -> bool:
    """Return whether the layers hold the ``current`` snapshots and no others."""
    stale = set(known.stale)
    past = {run: mark for run, mark in known.past.items() if run not in stale}
    unread = {run: mark for run, (mark, _) in known.unread.items()}
    return known.version == newest() and {**past, **known.live, **unread} == current
