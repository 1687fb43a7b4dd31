"""The looks of the screens at two sizes, on a run that was recorded once.

`python -m pytest tests/tui/test_snapshots.py --snapshot-update` draws them anew; look at the pictures before they are kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from aide_local.home import Home
from aide_local.llm.registry import ModelEntry
from tests.llm.tiny import make_gguf
from tests.store.earlier import unpack
from tui.app import AideApp, Notice

SIZES = ((80, 24), (120, 40))
# screen -> keys from the list of runs, and a word that is there once all is shown
PATHS: dict[str, tuple[tuple[str, ...], str]] = {
    "welcome": ((), "Welcome"),
    "home": ((), "finished"),
    "plan": (("enter", "b", "1"), "metric"),
    "code": (("enter", "b", "2"), "import"),
    "diff": (("enter", "G", "3"), "+++ this"),
    "output": (("enter", "b", "4"), "printed nothing"),
    "error": (("enter", "e", "5"), "KeyError"),
    "prompt": (("enter", "b", "6"), "attempt 1"),
    "folds": (("enter", "G", "7"), "better by  -"),
    "lineage": (("enter", "b", "8"), "draft,"),
    "compare": (("enter", "b", "m", "]", "="), "folds"),
    "new": (("n",), "Type a path"),
    "sql": (("s",), "LIMIT 50"),
    "result": (("s", "f5", "f6"), "columns, 0.00 s"),
    "models": (("m",), "context of 2,048"),
    "help": (("enter", "?"), "Keys that work here"),
    "settings": ((",",), "theme (f10):"),
    "log": (("f12",), "what a person was told"),
}


@pytest.fixture(autouse=True)
def everywhere_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Leave out what differs between two machines or moments: cursor, motion, clock, zone, colours, folders."""
    for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    for field in (Input, TextArea):
        monkeypatch.setattr(field.cursor_blink, "_default", False)
    monkeypatch.setattr("tui.sql.time", SimpleNamespace(monotonic=float, perf_counter=float))
    monkeypatch.setattr("tui.models.list_models", lambda home: (_model(home.root),))
    monkeypatch.chdir(tmp_path)  # the list shows where the home folder is
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def _model(folder: Path) -> ModelEntry:
    return ModelEntry(name="tiny", path=folder / "tiny.gguf", description="A model for tests.", default=True)


def _screen_text(pilot: Pilot[None]) -> str:
    screen = pilot.app.screen
    lines = screen._compositor.render_strips(screen.size)
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


async def _settle(pilot: Pilot[None], word: str = "") -> None:
    """Wait until ``word`` is there, two looks in a row show the same and our threads have ended.

    Textual's list of files has a worker that never ends, ``_loader``.
    """
    before = ""
    for _ in range(200):
        await pilot.pause(0.05)
        now = _screen_text(pilot)
        reading = any(one.is_running for one in pilot.app.workers if one.name != "_loader")
        if now == before and word in now and not reading:
            return
        before = now
    raise AssertionError(f"{word!r} did not come, or the screen changes all the time:\n{before}")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", PATHS)
def test_the_screen_looks_as_it_did(
    screen: str, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    home = Home(Path("home")) if screen == "welcome" else unpack(Path("home"), 2)
    if screen == "models":
        make_gguf(home.root / "tiny.gguf")
    keys, word = PATHS[screen]

    async def walk(pilot: Pilot[None]) -> None:
        await _settle(pilot)
        for key in keys:
            await pilot.press(key)
            await _settle(pilot)
        await _settle(pilot, word)

    app = AideApp(home)
    if screen == "log":
        app.notices.append(Notice("warning", "what a person was told"))
    assert snap_compare(app, terminal_size=size, run_before=walk)
