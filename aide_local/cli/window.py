"""From a command to the terminal UI. It depends on the engine, never the reverse, so it is found by name."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aide_local.cli import interrupt

if TYPE_CHECKING:
    from aide_local.home import Home


def open_window(home: Home, run_id: str = "", first: tuple[Any, ...] | None = None) -> int:
    """Show the UI until the person leaves it; returns the exit code.

    ``run_id`` is opened at once, ``first`` (task, settings, model, out) begun. Its modules take a second to import, and
    many on a busy machine: a line says so meanwhile, and is wiped off again.
    """
    told = sys.stderr.isatty()
    print("The window is being opened." if told else "", end="", file=sys.stderr, flush=True)
    with interrupt.quits():
        window = import_module("tui.app")
    print("\r\x1b[2K" if told else "", end="", file=sys.stderr, flush=True)
    code: int = window.main(home, run_id, first)
    return code
