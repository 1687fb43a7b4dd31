"""Ctrl+C while the program's modules are still being imported: a second or more on a busy machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT  # as a shell counts a process that a signal ended


@contextmanager
def quits() -> Iterator[None]:
    """Within, Ctrl+C ends the process at once and without a word.

    An exception would be raised in the middle of some library's import, with its traceback, and libraries take it for
    their own failure. Only the main thread may set handlers, and one that somebody else set is left as it is.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _quit)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _quit(_signal: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
