"""The text of a reply as it grows, from the bytes of its tokens."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class ReplyText:
    """Bytes of tokens become text without ever splitting a character; the text ends before a stop string."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = stop
        self._longest = max((len(text) for text in stop), default=0)
        self._shown = 0
        self.whole = ""
        self.stopped = False

    def add(self, piece: bytes) -> str:
        """Return what can be shown since the last call: what may yet become a stop string is kept back."""
        before = len(self.whole)
        self.whole += self._decoder.decode(piece)
        for stop in self._stop:
            place = self.whole.find(stop, max(0, before - len(stop)))
            if place >= 0:
                self.whole = self.whole[:place]
                self.stopped = True
        return self._show(len(self.whole) if self.stopped else len(self.whole) - max(0, self._longest - 1))

    def flush(self) -> str:
        """Return what was kept back; nothing may be added after."""
        if not self.stopped:
            self.whole += self._decoder.decode(b"", final=True)
        return self._show(len(self.whole))

    def _show(self, end: int) -> str:
        new = self.whole[self._shown : end]
        self._shown = max(self._shown, end)
        return new
