"""What the screens look like, at two sizes, on a run that was recorded once.

`python -m pytest tests/tui/test_snapshots.py --snapshot-update` draws them anew; look at the pictures before they are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from tests.store.earlier import unpack
from tui.app import AideApp

SIZES = ((80, 24), (120, 40))
# screen -> keys from the list of runs
WAYS = {
    "home": (),
    "plan": ("enter", "b", "1"),
    "code": ("enter", "b", "2"),
    "diff": ("enter", "b", "3"),
    "output": ("enter", "b", "4"),
    "error": ("enter", "e", "5"),
    "prompt": ("enter", "b", "6"),
    "folds": ("enter", "b", "7"),
    "lineage": ("enter", "b", "8"),
    "compare": ("enter", "b", "m", "]", "="),
    "new": ("n",),
    "sql": ("s",),
    "help": ("enter", "?"),
    "settings": (",",),
}


async def _settled(pilot: Pilot[None]) -> None:
    """Until two looks in a row show the same: workers have brought what they read."""
    before = ""
    for _ in range(100):
        await pilot.pause(0.1)
        now = pilot.app.export_screenshot(simplify=True)
        if now == before:
            return
        before = now
    raise AssertionError("the screen changes all the time")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", WAYS)
def test_the_screen_looks_as_it_did(
    screen: str,
    size: tuple[int, int],
    tmp_path: Path,
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.chdir(tmp_path)  # the list shows where the home folder is
    home = unpack(Path("home"), 2)

    async def walk(pilot: Pilot[None]) -> None:
        await _settled(pilot)
        for key in WAYS[screen]:
            await pilot.press(key)
            await _settled(pilot)
        for field in pilot.app.screen.query(
            "Input, TextArea"
        ):  # the screen is up now, however slow the machine
            field.cursor_blink = False  # type: ignore[attr-defined]
        await _settled(pilot)

    app: App[None] = AideApp(home)
    assert snap_compare(app, terminal_size=size, run_before=walk)
