"""Highlight scripts and compare them with their parent's, as plain numbers and text without markup."""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any

# Classes of spans in the page's style sheet; spans name them by their place in this tuple.
CLASSES = ("", "keyword", "text", "comment", "number", "name", "operator", "decorator")
LONGEST = 100_000  # characters; beyond them a script is shown plain

_OF_TOKEN = (
    ("Token.Keyword", "keyword"),
    ("Token.Operator.Word", "keyword"),
    ("Token.Literal.String", "text"),
    ("Token.Literal.Number", "number"),
    ("Token.Comment", "comment"),
    ("Token.Name.Decorator", "decorator"),
    ("Token.Name.Function", "name"),
    ("Token.Name.Class", "name"),
    ("Token.Name.Builtin", "name"),
    ("Token.Operator", "operator"),
)


def spans(code: str) -> list[int]:
    """Return length and class of each stretch of ``code`` in turn: ``[6, 1, 7, 0, …]``; empty if it stays plain.

    Lengths count UTF-16 units, as a browser does.
    """
    if len(code) > LONGEST:
        return []
    found: list[int] = []
    for _, token, text in _lexer().get_tokens_unprocessed(code):
        length, kind = _units(text), _class_of(str(token))
        if found and found[-1] == kind:
            found[-2] += length
        else:
            found += [length, kind]
    return found


@cache
def _lexer() -> Any:
    from pygments.lexers.python import PythonLexer

    return PythonLexer()


@cache
def _class_of(token: str) -> int:
    return next((CLASSES.index(name) for prefix, name in _OF_TOKEN if token.startswith(prefix)), 0)


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def diff(old: str, new: str) -> list[str]:
    """Return the lines of a unified diff without its two file names; empty if nothing differs."""
    return list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm=""))[2:]
