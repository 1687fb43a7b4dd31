"""Text from scripts and their files, made fit for an error message."""

from __future__ import annotations


def printable(text: str, longest: int = 500) -> str:
    """Control, escape and bidirectional characters as Python escapes; cut at ``longest`` characters."""
    safe = "".join(
        sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in text[:longest]
    )
    return safe[:longest]


def quoted(text: str) -> str:
    """As a Python literal, at most about 60 characters."""
    return repr(text if len(text) <= 60 else text[:59] + "…")
