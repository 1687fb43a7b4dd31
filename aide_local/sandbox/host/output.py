"""What a candidate prints, kept head and tail: bytes as they come, text as it may be shown."""

from __future__ import annotations

import codecs

from aide_local.basics.text import as_on_a_terminal

HEAD, TAIL = 16 * 1024, 48 * 1024  # characters kept


class Collector:
    """Takes bytes as they come; keeps the head and the tail."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = ""
        self._tail = ""
        self._dropped = 0

    def add(self, content: bytes) -> str:
        """Returns the new text, as it may be shown."""
        text = as_on_a_terminal(self._decoder.decode(content))
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
