"""Collect what a candidate prints: bytes as they arrive, text as it may be shown, head and tail only."""

from __future__ import annotations

import codecs

from aide_local.basics.text import terminal_text

HEAD, TAIL = 16 * 1024, 48 * 1024  # characters kept


class OutputCollector:
    """Takes bytes as they arrive; keeps the head and the tail of the text."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = ""
        self._tail = ""
        self._dropped = 0

    def add(self, content: bytes) -> str:
        """Return the new text, as it may be shown."""
        text = terminal_text(self._decoder.decode(content))
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
