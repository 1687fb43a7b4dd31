"""Screenshots for the README, from a real search of the bundled model.

python docs/screenshots.py        # about two minutes; writes docs/images/*.svg
python docs/screenshots.py HOME   # of the latest run in that home folder; none of a live search
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from aide_local.home import Home
from aide_local.store.read import list_runs
from aide_local.tasks.load import load_task
from aide_local.types import RunSettings
from tui.app import AideApp
from tui.live import NO_STREAM
from tui.protocol import NewRun
from tui.results import ResultTable
from tui.run import RunScreen

IMAGES = Path(__file__).parent / "images"
TASK = Path(__file__).parent.parent / "sample_tasks" / "bike_demand"
SIZE = (132, 38)


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    while not condition():
        await pilot.pause(0.1)


async def live(place: Path) -> None:
    """Take a picture of a search while a reply is being written, and let it end."""
    settings = RunSettings(steps=16, seed=1, folds=3)
    app = AideApp(Home(place), new_run=NewRun(load_task(TASK), settings))
    async with app.run_test(size=SIZE) as pilot:
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


async def finished(place: Path) -> None:
    """Take pictures of the best script of the latest run, the list of runs, and a question in SQL."""
    home = Home(place)
    app = AideApp(home, list_runs(home)[0].id)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.node is not None)
        await pilot.press("b", "2")
        await pilot.pause(1.0)
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
    IMAGES.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        asyncio.run(finished(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(live(Path(folder) / "home"))
            asyncio.run(finished(Path(folder) / "home"))
