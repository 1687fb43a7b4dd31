"""Durations and sizes, as people write and read them: ``10m``, ``4g``."""

from __future__ import annotations

import re

from aide_local.errors import SettingsError

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def seconds(text: str | None, option: str) -> float | None:
    """Return the seconds of ``90``, ``90s``, ``10m`` or ``1h30m``.

    Raises:
        SettingsError: it is none of these, or not positive.
    """
    if text is None:
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    whole = "".join(number + unit for number, unit in parts)
    if (
        not parts
        or whole != re.sub(r"\s", "", text.lower())
        or any(unit not in _SECONDS for _, unit in parts)
    ):
        raise SettingsError(f"{option} {text!r} is not a time.", "Write 90s, 10m or 1h30m.")
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if total <= 0:
        raise SettingsError(f"{option} {text!r} is no time at all.", "Give a positive time.")
    return total


def size(text: str, option: str) -> int:
    """Return the bytes of ``4g``, ``512m`` or ``4GiB``.

    Raises:
        SettingsError: it is none of these, or not positive.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", text.strip().lower())
    if not found or float(found[1]) <= 0:
        raise SettingsError(f"{option} {text!r} is not a size.", "Write 512m or 4g.")
    return int(float(found[1]) * _BYTES[found[2]])
