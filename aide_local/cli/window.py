"""The one door from the command line to the terminal UI, which is loaded only when a person opens it.

No other module of ``aide_local`` may import ``tui``; the import contracts name this exception.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aide_local.cli import interrupt

if TYPE_CHECKING:
    from aide_local.home import Home
    from aide_local.task import Task
    from aide_local.types import RunSettings
    from tui.protocol import NewRun


def open_window(home: Home, run_id: str = "") -> int:
    """Show the UI, at the run ``run_id`` if one is given, until the person leaves it; return the exit code."""
    return _open(home, run_id, None)


def run_in_window(
    home: Home, task: Task, settings: RunSettings, model: str | None = None, out: Path | None = None
) -> int:
    """Start a run in the UI and show it until the person leaves; return the exit code."""
    from tui.protocol import NewRun

    return _open(home, "", NewRun(task, settings, model, out))


def _open(home: Home, run_id: str, new_run: NewRun | None) -> int:
    """Load the UI and run it.

    Its modules take a second to import, and many on a busy machine: a line says so meanwhile, and is wiped off again.
    """
    at_a_terminal = sys.stderr.isatty()
    print("The window is being opened." if at_a_terminal else "", end="", file=sys.stderr, flush=True)
    with interrupt.quits():
        from tui.app import main
    print("\r\x1b[2K" if at_a_terminal else "", end="", file=sys.stderr, flush=True)
    return main(home, run_id, new_run)


def list_keys(*, markdown: bool) -> str:
    """Return the keys of the UI, as docs/keys.md or as lines of columns."""
    from tui.keys import as_markdown, as_text

    return as_markdown() if markdown else as_text() + "\n"
