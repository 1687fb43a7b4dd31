"""Whether a screen is open: threads and timers come to it before it is composed and after a person has left."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen


def is_open(screen: Screen[Any]) -> bool:
    """False from the key that leaves it on, or leaves the program: Textual removes what is in a screen first and the
    screen last, and between the two it is attached, runs its timers, and its widgets are gone."""
    app = screen.app
    composed = len(screen.children) > 0
    return composed and screen.is_attached and app.is_running and screen in app.screen_stack
