"""What a candidate printed, made harmless: head and tail, valid UTF-8, no control or escape characters."""

from __future__ import annotations

import codecs
import re
import unicodedata

HEAD, TAIL = 16 * 1024, 48 * 1024  # characters kept

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")
_UNWANTED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format (bidi too), surrogates, separators


def neutralise(text: str) -> str:
    """Escape sequences go; a line that was written over shows its last state; other control characters go."""
    text = _ESCAPE.sub("", text.replace("\r\n", "\n"))
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    lines = [line.rsplit("\r", 1)[-1] if "\r" in line else line for line in text.split("\n")]
    return "\n".join("".join(map(_shown, line)) for line in lines)


def _shown(sign: str) -> str:
    if sign.isprintable():
        return sign
    if sign == "\t":
        return "    "
    return "" if unicodedata.category(sign) in _UNWANTED else " "


class Collector:
    """Takes bytes as they come; keeps the head and the tail."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = ""
        self._tail = ""
        self._dropped = 0

    def add(self, content: bytes) -> str:
        """Returns the new text, neutralised."""
        text = neutralise(self._decoder.decode(content))
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
