"""Texts and names as SQL writes them."""

from __future__ import annotations


def literal(value: object) -> str:
    """Return ``value`` as an SQL text: ``it's`` becomes ``'it''s'``."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return the name of a table or column, quoted so that any characters may be in it."""
    return '"' + name.replace('"', '""') + '"'
