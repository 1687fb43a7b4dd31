"""A check that a screen can still be drawn on: threads and timers reach it before it is composed and after it is left."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen


def is_open(screen: Screen[Any]) -> bool:
    """Return whether the widgets of ``screen`` exist and its person has not left it.

    It is False from the key on that leaves the screen or the program. Textual removes the widgets first and the screen
    last; in between the screen is still attached and its timers run, but its widgets are gone.
    """
    app = screen.app
    composed = len(screen.children) > 0
    return composed and screen.is_attached and app.is_running and screen in app.screen_stack
