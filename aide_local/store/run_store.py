"""Runs as folders: create, open, find, delete."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.llm.protocol import ModelInfo
from aide_local.store.connection import Row, RunDatabase
from aide_local.store.database import DuckRunStore, machine
from aide_local.store.layout import DATABASE, EXAM, LOCK
from aide_local.store.locks import is_locked, lock_run
from aide_local.store.schema import utc_now
from aide_local.store.trouble import translate_errors
from aide_local.store.values import settings_to_json, task_fingerprint, task_to_json
from aide_local.task import Task
from aide_local.types import RunSettings

if TYPE_CHECKING:
    from filelock import FileLock


def create_run(
    home: Home,
    *,
    task: Task,
    settings: RunSettings,
    model: ModelInfo,
    sandbox: str,
    versions: dict[str, str],
    out: Path | None = None,
    cores: int | None = None,
) -> DuckRunStore:
    """Make a new run's folder and database; the folder appears whole or not at all.

    Raises:
        StoreError: the home folder cannot be written.
    """
    run_id = _new_id(task, EXAM if settings.exam is not None else "")
    with translate_errors(home.root), new_folder(home, run_id) as partial:
        database = RunDatabase(partial / DATABASE)
        row = _run_row(run_id, task, settings, model, sandbox, versions, out, cores)
        database.transaction(lambda: database.insert("runs", [row]))
        database.close()
        partial.rename(home.run(run_id))
    store = DuckRunStore(run_id, home.run(run_id))
    store.put_event("started", {})
    store.publish()
    return store


def _run_row(
    run_id: str,
    task: Task,
    settings: RunSettings,
    model: ModelInfo,
    sandbox: str,
    versions: dict[str, str],
    out: Path | None,
    cores: int | None,
) -> Row:
    return {
        "run_id": run_id,
        "task": task.name,
        "task_fingerprint": task_fingerprint(task),
        "kind": task.kind.value,
        "metric": task.metric,
        "direction": task.direction.value,
        "n_train": task.n_train,
        "n_columns": len(task.columns),
        "model": model.name,
        "model_sha256": model.sha256,
        "model_parameters": model.n_params,
        "model_reference": str(model.path) if model.path else model.name,
        "sandbox": sandbox,
        "seed": settings.seed,
        "policy": settings.policy,
        "settings": settings_to_json(settings),
        "task_definition": task_to_json(task),
        "versions": json.dumps(versions),
        "machine": machine(),
        "out": str(out) if out else None,
        "state": "running",
        "stop_reason": "",
        "created": utc_now(),
        "resumed": 0,
        "seconds_used": 0.0,
        "exam": settings.exam.id if settings.exam is not None else None,
        "cores": cores,
        "writing_seconds": 0.0,
        "executing_seconds": 0.0,
    }


@contextmanager
def new_folder(home: Home, run_id: str) -> Iterator[Path]:
    """Lend a hidden folder in which a run is made; the caller renames it once it is whole, or else it is deleted.

    Its lock is held meanwhile, so that nobody takes it for what a killed process left.

    Raises:
        StoreError: another process makes the same run.
        OSError: the home folder cannot be written.
    """
    home.runs.mkdir(parents=True, exist_ok=True)
    partial = home.runs / f".{run_id}.partial"
    with folders_lock(home):
        if is_locked(partial / LOCK):
            raise StoreError(f"Another process is importing the run {run_id}.", "Wait until it is there.")
        remove_folder(partial)
        partial.mkdir()
        lock = lock_run(partial / LOCK, run_id)
    try:
        yield partial
    finally:
        remove_folder(partial)
        lock.release()


def folders_lock(home: Home) -> FileLock:
    """Return the lock that is held for a moment while such a folder is made, or while leftovers are looked for."""
    from filelock import FileLock

    return FileLock(home.root / "runs.lock", timeout=60)


def remove_folder(folder: Path) -> None:
    """Delete a folder, if it is there; another process may do the same at once.

    Raises:
        OSError: it cannot be deleted.
    """
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _new_id(task: Task, prefix: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "-", task.name.lower()).strip("-")[:30] or "task"
    return f"{prefix}{datetime.now():%Y%m%d-%H%M%S}-{word}-{secrets.token_hex(2)}"


def open_run(home: Home, run_id: str) -> DuckRunStore:
    """Open an earlier run, to go on with it.

    Raises:
        StoreError: there is no such run, its database cannot be read, or a living process holds it.
    """
    folder = home.run(run_id)
    if not (folder / DATABASE).exists():
        raise StoreError(f"There is no run {run_id!r} in {home.runs}.", "`aide-local runs` lists them.")
    store = DuckRunStore(run_id, folder)
    store.count_resumption()
    return store


def find_run(home: Home, text: str) -> str:
    """Return the id of the run that ``text`` names: an id, the beginning or a part of one, or "latest".

    The runs of an exam are looked at only if no search fits.

    Raises:
        StoreError: none fits, or several do.
    """
    ids = sorted(path.name for path in home.runs.glob("*") if (path / DATABASE).exists())
    searches = [one for one in ids if not one.startswith(EXAM)]
    if text == "latest" and searches:
        return searches[-1]
    found = [one for one in ids if one == text] or [one for one in searches if one.startswith(text)]
    found = found or [one for one in searches if text in one] or [one for one in ids if text in one]
    if len(found) == 1:
        return found[0]
    if not found:
        raise StoreError(
            f"There is no run {text!r} in {home.runs}.",
            f"The latest is {searches[-1]}."
            if searches
            else "Nothing has been run yet: aide-local run PATH.",
        )
    raise StoreError(f"{text!r} could be {len(found)} runs: {', '.join(found[-4:])}.", "Give more of the id.")


def delete_run(home: Home, run_id: str) -> None:
    """Delete a run's folder: it disappears from the list at once, whatever happens while its files are deleted.

    Raises:
        StoreError: there is no such run, a living process holds it, or the folder cannot be deleted.
    """
    folder = home.run(run_id)
    if not run_id or not (folder / DATABASE).exists():
        raise StoreError(f"There is no run {run_id!r} in {home.runs}.", "`aide-local runs` lists them.")
    lock = lock_run(folder / LOCK, run_id)
    try:
        with translate_errors(folder):
            gone = folder.with_name(f".{run_id}.deleted")
            remove_folder(gone)
            folder.rename(gone)
            remove_folder(gone)
    finally:
        lock.release()
