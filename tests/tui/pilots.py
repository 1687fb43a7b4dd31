"""Helpers of the tests of screens: ways to press, wait and look, and a run that goes on while a test steers it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input, Static, TabbedContent

from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import start
from aide_local.tasks.load import load_task
from aide_local.types import NodeState, RunSettings, Sampling
from tests.runs import good, make_csvs, reply_with
from tui.app import AideApp, Notice
from tui.run import RunScreen

SETTINGS = RunSettings.paper(
    steps=4, seed=1, folds=2, sandbox="limits", timeout=60.0, num_drafts=3, racing=False
)


def app_of(pilot: Pilot[None]) -> AideApp:
    """Return the app, which has more than Textual's."""
    assert isinstance(pilot.app, AideApp)
    return pilot.app


def run_screen(pilot: Pilot[None]) -> RunScreen:
    """Return the screen in sight, which is a run's."""
    assert isinstance(pilot.app.screen, RunScreen)
    return pilot.app.screen


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Wait until the condition is true; fail after 30 s."""
    for _ in range(600):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come about within 30 s")


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys and let the screen follow each of them."""
    for one in keys:
        await pilot.press(one)
        await pilot.pause()
        await pilot.pause()


def type_into(pilot: Pilot[None], where: str, text: str) -> None:
    """Replace what stands in an input line of the screen in sight."""
    pilot.app.screen.query_one(where, Input).value = text


def static_text(pilot: Pilot[None], where: str) -> str:
    """Return the text of a part of the screen in sight."""
    return str(pilot.app.screen.query_one(where, Static).render())


def last_notice(pilot: Pilot[None]) -> Notice:
    """Return the latest message to the person."""
    return app_of(pilot).notices[-1]


@asynccontextmanager
async def open_run(
    home: Home, run_id: str, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[Pilot[None], RunScreen]]:
    """Show a run that was recorded, with the cursor on a node."""
    app = AideApp(home, run_id)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.node is not None)
        yield pilot, run_screen(pilot)


def pane_text(screen: RunScreen) -> str:
    """Return what the tab in sight shows."""
    tab = screen.query_one(TabbedContent).active.removeprefix("tab-")
    shown = screen.query_one(f"#pane-{tab}", Static)
    return "\n".join(
        "".join(segment.text for segment in line) for line in shown.render_lines(shown.size.region)
    )


def node_at(screen: RunScreen) -> int:
    """Return the id of the node under the cursor."""
    assert screen.node is not None
    return screen.node.id


async def go_to(pilot: Pilot[None], screen: RunScreen, node: int) -> None:
    """Put the cursor on a node and wait until it is there."""
    screen.go_to(node)
    await until(pilot, lambda: screen.node is not None and screen.node.id == node)


class Gate:
    """A model whose fourth reply waits: three nodes are there, and the run goes on."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.count = 0

    def reply(self, prompt: str, sampling: Sampling) -> str:
        self.count += 1
        if self.count == 2:
            return reply_with("raise ValueError('no')", "a failure")
        if self.count >= 4:
            assert self.open.wait(60)
        return good(2 + self.count / 50)


@asynccontextmanager
async def live_run(place: Path) -> AsyncIterator[tuple[Pilot[None], RunScreen, Gate]]:
    """Start a run with three finished nodes, 0 valid, 1 buggy, 2 valid; the fourth is being written."""
    gate = Gate()
    app = AideApp(Home(place / "home"))
    task = load_task(make_csvs(place / "task"))
    async with app.run_test(size=(120, 40)) as pilot:
        app._launch(
            lambda: start(
                task, SETTINGS, home=app.home, make_model=lambda settings: ScriptedModel(gate.reply)
            )
        )
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        screen = run_screen(pilot)
        await until(pilot, lambda: sum(n.state is not NodeState.PENDING for n in screen.solution.nodes) == 3)
        try:
            yield pilot, screen, gate
        finally:
            gate.open.set()
            if screen.live is not None:
                screen.live.run.stop(now=True)
                screen.live.wait(30)


async def finish(pilot: Pilot[None], screen: RunScreen, gate: Gate) -> None:
    """Let the model reply, and wait for the run's end."""
    gate.open.set()
    live = screen.live
    assert live is not None
    await until(pilot, lambda: live.ended)
    await pilot.pause(0.3)
