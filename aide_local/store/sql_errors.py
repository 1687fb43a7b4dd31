"""Errors of DuckDB with their place in the query.

DuckDB's own text counts lines from the statement, not from the query, and puts the caret beside the place if tabs or
empty lines come before it. As JSON (setting ``errors_as_json``) an error names the byte instead.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any

from aide_local.errors import SettingsError

WIDTH = 110  # characters of the query's line that are shown around the place


class QueryError(SettingsError):
    """A query that does not work; ``position`` is the character at fault, None if it is not known."""

    def __init__(self, message: str, fix: str = "", position: int | None = None) -> None:
        super().__init__(message, fix)
        self.position = position


@dataclass(frozen=True, slots=True)
class Place:
    """DuckDB's message, and the characters of the query that it is about."""

    message: str
    start: int | None = None
    length: int = 1


def parse(error: str, query: str) -> Place:
    """Read DuckDB's error, which is JSON after its kind, or plain text."""
    kind, brace, rest = error.partition(": {")
    if not brace:
        return Place(error)
    try:
        found: dict[str, Any] = json.loads("{" + rest)
    except ValueError:
        return Place(error)
    message = f"{kind}: {found.get('exception_message', '')}"
    if not str(found.get("position", "")).isdecimal():
        return Place(message)
    raw, start = query.encode("utf-8", "replace"), int(found["position"])
    if start > len(raw):
        return Place(message)
    end = start + _length(str(found.get("location", "")))
    before = raw[:start].decode("utf-8", "ignore")
    return Place(message, len(before), max(1, len(raw[start:end].decode("utf-8", "ignore"))))


def _length(location: str) -> int:
    """Return the length of ``[start,length]``, in bytes."""
    length = location.strip("[]").partition(",")[2]
    return int(length) if length.isdecimal() else 1


def render(place: Place, query: str) -> str:
    """Return the message, the query's line and carets under the place."""
    if place.start is None:
        return place.message
    first = query.rfind("\n", 0, place.start) + 1
    line = query[first:].split("\n", 1)[0].replace("\t", " ")
    at = place.start - first
    cut = max(0, at - WIDTH // 2)
    excerpt = ("…" if cut else "") + line[cut : cut + WIDTH] + ("…" if len(line) > cut + WIDTH else "")
    head = f"LINE {query.count(chr(10), 0, place.start) + 1}: "
    carets = "^" * max(1, _cells(line[at : min(at + place.length, cut + WIDTH)]))
    indent = " " * (len(head) + bool(cut) + _cells(line[cut:at]))
    return f"{place.message}\n\n{head}{excerpt}\n{indent}{carets}"


def _cells(text: str) -> int:
    """Return the columns of a terminal that ``text`` takes (UAX #11: wide characters two, combining ones none)."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )
