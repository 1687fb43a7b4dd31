"""Queries that were run before, and those that the person saved under a name: kept in the home folder."""

from __future__ import annotations

import json

from aide_local.basics.files import write_whole
from aide_local.errors import SettingsError
from aide_local.home import Home

HISTORY = 500  # queries kept
SAVED = "queries.json"


def history(home: Home) -> list[str]:
    file = home.root / "queries.jsonl"
    if not file.exists():
        return []
    found = []
    for row in file.read_text("utf-8", "replace").splitlines()[-HISTORY:]:
        try:
            found.append(str(json.loads(row)))
        except ValueError:
            continue  # half a line, of a process that was killed while it wrote
    return found


def remember(home: Home, query: str) -> None:
    home.root.mkdir(parents=True, exist_ok=True)
    with (home.root / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(query) + "\n")


def saved_queries(home: Home) -> dict[str, str]:
    """The person's own, by name. Raises SettingsError where the file is not what it should be."""
    file = home.root / SAVED
    if not file.exists():
        return {}
    try:
        return {str(name): str(query) for name, query in dict(json.loads(file.read_text("utf-8"))).items()}
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}.", "Fix or delete the file.") from error


def keep(home: Home, queries: dict[str, str]) -> None:
    """In place of those before. Raises SettingsError where the file cannot be written."""
    file = home.root / SAVED
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(dict(sorted(queries.items())), indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be written: {error.strerror}.", "Make room, or choose another --home."
        ) from error
