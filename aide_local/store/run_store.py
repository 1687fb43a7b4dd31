"""Runs as folders: create, open, find, delete."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.llm.protocol import ModelInfo
from aide_local.store.database import DATABASE, EXAM, LOCK, DuckRunStore, connect_to, machine
from aide_local.store.schema import migrate, utc_now
from aide_local.store.trouble import held, hold, told
from aide_local.store.values import fingerprint, settings_to_json, task_to_json
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
    """A new run's folder and database; the folder appears whole or not at all.

    Raises:
        StoreError: the home folder cannot be written.
    """
    now = utc_now()
    run_id, folder = _new_folder(home, task, now, EXAM if settings.exam is not None else "")
    with told(home.root), begun(home, run_id) as partial:
        connection = connect_to(partial / DATABASE)
        migrate(connection, partial / DATABASE)
        connection.execute(
            f"INSERT INTO runs VALUES ({', '.join(['?'] * 34)})",
            [
                run_id,
                task.name,
                fingerprint(task),
                task.kind.value,
                task.metric,
                task.direction.value,
                task.n_train,
                len(task.columns),
                model.name,
                model.sha256,
                model.n_params,
                str(model.path) if model.path else model.name,
                sandbox,
                settings.seed,
                settings.policy,
                settings_to_json(settings),
                task_to_json(task),
                json.dumps(versions),
                machine(),
                str(out) if out else None,
                "running",
                "",
                now,
                0,
                0.0,
                None,
                settings.exam.id if settings.exam is not None else None,
                None,
                cores,
                *[None] * 3,  # estimate, interval
                0.0,
                0.0,
            ],
        )
        connection.close()
        partial.rename(folder)
    store = DuckRunStore(run_id, folder)
    store.put_event("started", {})
    store.publish()
    return store


@contextmanager
def begun(home: Home, run_id: str) -> Iterator[Path]:
    """A hidden folder in which a run is made, to be renamed when it is whole, or else it is deleted. Its lock, which
    is held meanwhile, tells it from what a killed process left.

    Raises:
        StoreError: another process makes the same run.
        OSError: the home folder cannot be written.
    """
    home.runs.mkdir(parents=True, exist_ok=True)
    partial = home.runs / f".{run_id}.partial"
    with beginning(home):
        if held(partial / LOCK):
            raise StoreError(f"Another process is importing the run {run_id}.", "Wait until it is there.")
        remove(partial)
        partial.mkdir()
        lock = hold(partial / LOCK, run_id)
    try:
        yield partial
    finally:
        remove(partial)
        lock.release()


def beginning(home: Home) -> FileLock:
    """Held, for a moment, by who makes such a folder and by who looks for those that were left."""
    from filelock import FileLock

    return FileLock(home.root / "runs.lock", timeout=60)


def remove(folder: Path) -> None:
    """Delete it, if it is there; another process may be at the same. Raises OSError."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _new_folder(home: Home, task: Task, now: datetime, prefix: str) -> tuple[str, Path]:
    word = re.sub(r"[^a-z0-9]+", "-", task.name.lower()).strip("-")[:30] or "task"
    run_id = f"{prefix}{now.replace(tzinfo=UTC).astimezone():%Y%m%d-%H%M%S}-{word}-{secrets.token_hex(2)}"
    return run_id, home.run(run_id)


def open_run(home: Home, run_id: str) -> DuckRunStore:
    """An earlier run, to go on with it.

    Raises:
        StoreError: there is no such run, its database cannot be read, or a living process holds it.
    """
    folder = home.run(run_id)
    if not (folder / DATABASE).exists():
        raise StoreError(f"There is no run {run_id!r} in {home.runs}.", "`aide-local runs` lists them.")
    store = DuckRunStore(run_id, folder)
    store.resumed()
    return store


def find_run(home: Home, text: str) -> str:
    """The id of the run that ``text`` names: an id, the beginning or a part of one, or "latest".

    Parts of examinations are found where no search fits.

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
    lock = hold(folder / LOCK, run_id)
    try:
        with told(folder):
            gone = folder.with_name(f".{run_id}.deleted")
            remove(gone)
            folder.rename(gone)
            remove(gone)
    finally:
        lock.release()
