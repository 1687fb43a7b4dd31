"""Text that a model or a script wrote, made harmless for a terminal."""

from __future__ import annotations

import re

# All controls but tab and line end (escape sequences begin with one), and what reverses the direction of text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """Control characters as Python escapes; everything else as it is."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)
