"""Every theme can be read: text stands out from its ground, and no colour is needed to know a state."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.style import Style
from textual.color import Color
from textual.pilot import Pilot

from aide_local.home import Home
from tests.store.earlier import unpack
from tui.app import AideApp

pytestmark = pytest.mark.asyncio
LEAST = 3.0  # contrast (WCAG 2.2, 1.4.11, for what is not running text); dim text only repeats something
WALK = (
    "enter",
    "b",
    "2",
    "G",
    "3",
    "question_mark",
    "escape",
    "escape",
    "s",
    "f5",
    "f6",
    "escape",
    "n",
    "escape",
    "m",
)


@pytest.fixture
def recorded(tmp_path: Path) -> Home:
    return unpack(tmp_path, 2)


def segments(pilot: Pilot[None]) -> list[tuple[str, Style]]:
    screen = pilot.app.screen
    return [
        (segment.text, segment.style)
        for strip in screen._compositor.render_strips(screen.size)
        for segment in strip
        if segment.style is not None and segment.text.strip()
    ]


def contrast(style: Style) -> float:
    """Return (L1 + 0.05) / (L2 + 0.05) of the relative luminances (WCAG 2.2)."""
    assert style.color is not None
    assert style.bgcolor is not None
    levels = sorted(_luminance(Color.from_rich_color(one)) for one in (style.color, style.bgcolor))
    return (levels[1] + 0.05) / (levels[0] + 0.05)


def _luminance(colour: Color) -> float:
    parts = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


async def walk(pilot: Pilot[None]) -> list[tuple[str, Style]]:
    """Return all that is painted on a way through the screens."""
    await pilot.pause(0.3)  # long enough for a thread that reads
    seen = segments(pilot)
    for key in WALK:
        await pilot.press(key)
        await pilot.pause(0.2)
        seen += segments(pilot)
    return seen


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "okabe-ito"])
async def test_text_stands_out_from_its_ground(recorded: Home, theme: str) -> None:
    app = AideApp(recorded)
    async with app.run_test(size=(120, 40)) as pilot:
        app.theme = theme
        painted = await walk(pilot)
    words = " ".join(text for text, _ in painted)
    for state in ("finished", "buggy", "best path", "UNCONFINED", "draft", "improve", "debug", "minimize"):
        assert state in words, "states are shown in words"
    letters = [(text, style) for text, style in painted if any(one.isalpha() for one in text)]
    assert len(letters) > 500
    faint = {
        f"{text.strip()[:40]!r} {contrast(style):.1f} {style}"
        for text, style in letters
        if not style.dim and contrast(style) < LEAST
    }
    assert faint == set()


@pytest.mark.parametrize(
    ("theme", "environment"), [("ansi-dark", {}), ("ansi-light", {}), ("textual-dark", {"NO_COLOR": "1"})]
)
async def test_with_the_terminals_colours_or_none_the_chosen_line_is_shown_by_more_than_colour(
    recorded: Home, theme: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app = AideApp(recorded)
    async with app.run_test(size=(120, 40)) as pilot:
        app.theme = theme
        await pilot.pause(0.3)
        for key, chosen in (
            ("", "finished"),
            ("enter", "#0 draft"),
            ("escape", "finished"),
            ("comma", "theme (f10):"),
        ):
            if key:
                await pilot.press(key)
                await pilot.pause(0.4)
            assert any(
                (style.reverse or style.underline) and chosen in text for text, style in segments(pilot)
            ), chosen
        if environment:
            painted = segments(pilot)
            colours = {one for _, style in painted for one in (style.color, style.bgcolor) if one is not None}
            assert {one.name for one in colours} <= {"default"}, "no colour at all is sent"
