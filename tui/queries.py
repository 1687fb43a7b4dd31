"""The files of the SQL console in the home folder: queries that were run before, and those that the person saved."""

from __future__ import annotations

import json

from aide_local.basics.files import write_whole
from aide_local.errors import SettingsError
from aide_local.home import Home

MOST_EARLIER = 500  # queries that are read
EARLIER = "queries.jsonl"
SAVED = "queries.json"


def earlier_queries(home: Home) -> list[str]:
    """Return the queries that were run before, the latest last."""
    file = home.root / EARLIER
    if not file.exists():
        return []
    found = []
    for row in file.read_text("utf-8", "replace").splitlines()[-MOST_EARLIER:]:
        try:
            found.append(str(json.loads(row)))
        except ValueError:
            continue  # half a line, of a process that was killed while it wrote
    return found


def remember(home: Home, query: str) -> None:
    """Append a query to those that were run before."""
    home.root.mkdir(parents=True, exist_ok=True)
    with (home.root / EARLIER).open("a", encoding="utf-8") as file:
        file.write(json.dumps(query) + "\n")


def saved_queries(home: Home) -> dict[str, str]:
    """Return the person's own queries, by name.

    Raises:
        SettingsError: their file cannot be read or is not of this form.
    """
    file = home.root / SAVED
    if not file.exists():
        return {}
    try:
        return {str(name): str(query) for name, query in dict(json.loads(file.read_text("utf-8"))).items()}
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}.", "Fix or delete the file.") from error


def write_queries(home: Home, queries: dict[str, str]) -> None:
    """Save these queries in place of those before.

    Raises:
        SettingsError: their file cannot be written.
    """
    file = home.root / SAVED
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(dict(sorted(queries.items())), indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be written: {error.strerror}.", "Make room, or choose another --home."
        ) from error
