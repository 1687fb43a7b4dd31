"""Values of options, and files that options name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aide_local.basics.units import parse_duration as seconds
from aide_local.basics.units import parse_size as size
from aide_local.errors import SettingsError

__all__ = ["at_least", "seconds", "size", "writing"]


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Raises SettingsError where the file that ``--out`` names cannot be written."""
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"{out} cannot be written: {error.strerror or error}.", "Choose another file with --out."
        ) from error


def at_least(value: int | None, least: int, option: str) -> None:
    """Raises SettingsError where a number is too small."""
    if value is not None and value < least:
        raise SettingsError(f"{option} {value} is too small.", f"Give {least} or more.")
