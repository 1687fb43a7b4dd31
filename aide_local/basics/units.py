"""Durations and sizes, as people write them and as they are shown to people."""

from __future__ import annotations

import re
from typing import overload

from aide_local.errors import SettingsError

KIB, MIB, GIB = 2**10, 2**20, 2**30  # bytes

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "b": 1, "k": KIB, "m": MIB, "g": GIB, "t": 2**40}


@overload
def parse_duration(text: str, option: str) -> float: ...
@overload
def parse_duration(text: str | None, option: str) -> float | None: ...
def parse_duration(text: str | None, option: str) -> float | None:
    """Return the seconds of ``90``, ``90s``, ``10m`` or ``1h30m``; None for None.

    Raises:
        SettingsError: it is none of these, or not positive; the message names ``option``.
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


def parse_size(text: str, option: str) -> int:
    """Return the bytes of ``4g``, ``512m`` or ``4GiB``.

    Raises:
        SettingsError: it is none of these, or not positive; the message names ``option``.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", text.strip().lower())
    if not found or float(found[1]) <= 0:
        raise SettingsError(f"{option} {text!r} is not a size.", "Write 512m or 4g.")
    return int(float(found[1]) * _BYTES[found[2]])


def format_mib(size: float, digits: int = 0) -> str:
    """Return bytes as ``1,234 MiB``."""
    return f"{size / MIB:,.{digits}f} MiB"


def format_gib(size: float, digits: int = 1) -> str:
    """Return bytes as ``4.0 GiB``."""
    return f"{size / GIB:,.{digits}f} GiB"


def format_duration(seconds: float) -> str:
    """Return ``12.3 s``, ``4 min 5 s`` or ``2 h 3 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole % 60} s"
