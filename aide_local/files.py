"""Two things that are done with files in many places, done once."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Hexadecimal checksum of the file's content. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, text: str, *, errors: str = "strict") -> None:
    """Whole or not at all: a reader never sees half a file. Raises OSError where it cannot be written."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", errors=errors)
    partial.replace(path)
