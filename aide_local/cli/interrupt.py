"""Ctrl+C while modules are still being imported, which takes a second or more on a busy machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = (
    128 + signal.SIGINT
)  # the exit code of a process that this signal ended, by the custom of shells


@contextmanager
def quits() -> Iterator[None]:
    """End the process at once and silently on Ctrl+C inside the ``with`` block.

    An exception would surface in the middle of some library's import, with its traceback, and libraries take it for a
    failure of their own. Only the main thread may set handlers; a handler that somebody else set stays.
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
