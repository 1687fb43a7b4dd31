"""Text that a model or a script wrote, made harmless: valid UTF-8, no control or escape characters.

One set of unwanted characters, and two readers: what is to be read as it was written (code, plans, files) shows
them as escapes, so that nothing is hidden; of what a candidate prints they go, as they would on a terminal.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

HEAD, TAIL = 16 * 1024, 48 * 1024  # characters kept

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")
_UNWANTED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format (bidi too), surrogates, separators


def neutralise(text: str) -> str:
    """Every unwanted character but line ends is shown as its Python escape; a tab is four spaces."""
    return _clean(text.replace("\r\n", "\n"), escaped=True)


def _printed(text: str) -> str:
    """Escape sequences go; a line that was written over shows its last state; unwanted characters go."""
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


class Collector:
    """Takes bytes as they come; keeps the head and the tail."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = ""
        self._tail = ""
        self._dropped = 0

    def add(self, content: bytes) -> str:
        """Returns the new text, as it may be shown."""
        text = _printed(self._decoder.decode(content))
        room = HEAD - len(self._head)
        self._head += text[:room] if room > 0 else ""
        self._tail += text[max(0, room) :]
        if len(self._tail) > 2 * TAIL:
            self._dropped += len(self._tail) - TAIL
            self._tail = self._tail[-TAIL:]
        return text

    @property
    def text(self) -> str:
        extra = max(0, len(self._tail) - TAIL)
        dropped = self._dropped + extra
        gap = f"\n[… {dropped:,} characters left out …]\n" if dropped else ""
        return self._head + gap + self._tail[extra:]
