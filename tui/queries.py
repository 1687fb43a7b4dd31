"""Queries that were run before, kept in the home folder."""

from __future__ import annotations

import json

from aide_local.home import Home

HISTORY = 500  # queries kept


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
