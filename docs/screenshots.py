"""Screenshots for the README, from a real search of the bundled model.

python docs/screenshots.py        # about two minutes; writes docs/images/*.svg
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from aide_local.home import Home
from aide_local.tasks.load import load_task
from aide_local.types import RunSettings
from tui.app import AideApp
from tui.live import NO_STREAM
from tui.results import ResultTable
from tui.run import RunScreen

IMAGES = Path(__file__).parent / "images"
TASK = Path(__file__).parent.parent / "sample_tasks" / "bike_demand"


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    while not condition():
        await pilot.pause(0.1)


async def take(place: Path) -> None:
    IMAGES.mkdir(exist_ok=True)
    home = Home(place)
    settings = RunSettings(steps=16, seed=1, folds=3)
    app = AideApp(home, first=(load_task(TASK), settings, None, None))
    async with app.run_test(size=(132, 38)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        screen = app.screen
        assert isinstance(screen, RunScreen)
        live = screen.live
        assert live is not None
        await until(pilot, lambda: len(screen.solution) > 9 and screen.node is not None)
        screen.go_to(screen.solution.nodes[-1].id)
        await pilot.press("1")
        await until(
            pilot, lambda: live.streams.get(len(screen.solution) - 1, NO_STREAM).lines > 12 or live.ended
        )
        screen.go_to(screen.solution.nodes[-1].id)
        await pilot.pause(0.3)
        app.save_screenshot("live.svg", str(IMAGES))
        await until(pilot, lambda: live.ended)
        await pilot.pause(0.5)
        await pilot.press("b", "2")
        await pilot.pause(0.5)
        app.save_screenshot("code.svg", str(IMAGES))
        await pilot.press("escape")
        await pilot.pause(0.5)
        app.save_screenshot("runs.svg", str(IMAGES))
        await pilot.press("s", "f2")
        await pilot.pause(0.3)
        await pilot.press(*"operator gains", "enter", "f5")
        await until(pilot, lambda: app.screen.query(ResultTable))
        await pilot.pause(0.5)
        app.save_screenshot("sql.svg", str(IMAGES))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(take(Path(folder) / "home"))
