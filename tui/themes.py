"""Colours: a theme that is safe for colour-blind people, and what colour names mean on each ground."""

from __future__ import annotations

from rich.terminal_theme import TerminalTheme
from textual.theme import Theme

# Blue and orange are told apart with every common colour blindness (Okabe and Ito, 2008).
COLOUR_BLIND = Theme(
    name="okabe-ito",
    primary="#0072B2",
    secondary="#56B4E9",
    accent="#E69F00",
    success="#0072B2",
    warning="#E69F00",
    error="#D55E00",
    dark=True,
)

# The same palette for colours by name, in the order of ANSI: black, red, green, yellow, blue, magenta, cyan, white.
_SAFE = [
    (0, 0, 0), (213, 94, 0), (86, 180, 233), (230, 159, 0), (0, 114, 178), (204, 121, 167), (0, 158, 115), (217, 217, 217),
]  # fmt: skip
COLOUR_BLIND_NAMED = TerminalTheme((18, 18, 18), (224, 224, 224), _SAFE, _SAFE)

# Dark enough to be read on a light ground.
_ON_LIGHT = [
    (0, 0, 0), (170, 0, 0), (0, 105, 0), (130, 85, 0), (0, 70, 160), (130, 0, 130), (0, 95, 110), (90, 90, 90),
]  # fmt: skip
LIGHT_NAMED = TerminalTheme((224, 224, 224), (31, 31, 31), _ON_LIGHT, _ON_LIGHT)
