"""Make text of a model or a script harmless: valid UTF-8, no control, escape or bidirectional characters.

There is one set of unwanted characters and two uses. Text that must be read as it was written (code, plans, files,
messages) shows them as escapes, so that nothing is hidden. In what a candidate prints they are dropped, as a terminal
would drop them.
"""

from __future__ import annotations

import re
import unicodedata

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")
_UNWANTED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format (bidi too), surrogates, separators


def neutralise(text: str) -> str:
    """Return ``text`` with a Python escape for every unwanted character but line ends; a tab is four spaces."""
    return _clean(text.replace("\r\n", "\n"), escaped=True)


def terminal_text(text: str) -> str:
    """Return what a terminal would show: no escape sequences, and the last state of a line that was written over."""
    text = _ESCAPE.sub("", text.replace("\r\n", "\n"))
    if "\r" in text:
        text = "\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n"))
    return _clean(text, escaped=False)


def _clean(text: str, *, escaped: bool) -> str:
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(sign if sign == "\n" or sign.isprintable() else _stand_in(sign, escaped) for sign in text)


def _stand_in(sign: str, escaped: bool) -> str:
    if sign == "\t":
        return "    "
    if unicodedata.category(sign) not in _UNWANTED:
        return " "
    return repr(sign)[1:-1] if escaped else ""


def printable(text: str, longest: int = 500) -> str:
    """Return ``text`` as :func:`neutralise` does, cut to ``longest`` characters, for an error message."""
    return neutralise(text[:longest])[:longest]


def quoted(text: str) -> str:
    """Return ``text`` as a Python literal of at most about 60 characters."""
    return repr(text if len(text) <= 60 else text[:59] + "…")
