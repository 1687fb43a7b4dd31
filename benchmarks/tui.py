"""How fast the terminal UI answers with a tree of 5,000 nodes, while nodes are added and while 100,000 tokens are streamed;
and how its memory grows over an hour.

    python -m benchmarks.tui

Key to paint is the time from a key until the screen is laid out and drawn anew, without a terminal, paired with
the same for an app that shows a line of text. Targets: open below 1 s; p95 of a key below 50 ms above the empty
app's; p95 of a new node below 150 ms; streaming below one core.

The hour is simulated: a node every six seconds with its reply and output, as fast as the window takes them, while keys are
pressed. A window without a leak grows by what its nodes need (some KiB each: script, plan, label, line of the tree), and by
nothing for the tokens and lines that passed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from aide_local import events
from aide_local.home import Home
from aide_local.search.tree import Tree
from aide_local.task import Direction
from aide_local.types import Node, NodeState, Operator, RunSettings, Step
from benchmarks.overhead import result
from tui.app import AideApp, calm_collector
from tui.live import LiveRun
from tui.run import RunScreen

KEYS = ("down", "down", "up", "right_square_bracket", "e", "b", "J", "2", "3", "1", "pagedown", "pageup")


class Empty(App[None]):
    """An app that shows what Textual itself needs."""

    def compose(self) -> ComposeResult:
        yield Static("nothing")


class Scripted:
    """A run whose events the benchmark makes."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.settings = RunSettings.paper(steps=10_000)
        self.waiting = ()
        self.run_id = "benchmark"

    def elapsed(self) -> float:
        return 0.0


async def paint(pilot: Pilot[Any]) -> None:
    """Wait until what is due is laid out and drawn."""
    done = asyncio.Event()
    pilot.app.screen.call_after_refresh(done.set)
    await done.wait()


async def press(pilot: Pilot[Any], keys: Sequence[str], count: int) -> list[float]:
    """Press keys in turn; return the milliseconds from each key to its paint."""
    taken = []
    for number in range(count):
        began = time.perf_counter()
        pilot.app.simulate_key(keys[number % len(keys)])
        await paint(pilot)
        taken.append(1000 * (time.perf_counter() - began))
    return taken


def print_times(name: str, milliseconds: Sequence[float]) -> None:
    ordered = sorted(milliseconds)
    print(
        f"{name:<42} median {statistics.median(ordered):6.1f} ms   p95 {ordered[int(0.95 * len(ordered))]:6.1f} ms"
    )


async def measure(count: int, size: int, tokens: int, place: Path) -> None:
    """Print the times of keys, new nodes and streaming."""
    empty = Empty()
    async with empty.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        print_times("key, empty app", await press(pilot, KEYS, count))

    run = Scripted(Tree.of((result(node) for node in range(size)), Direction.MAXIMIZE))
    live = LiveRun(run)  # type: ignore[arg-type]
    app = AideApp(Home(place))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        began = time.perf_counter()
        screen = RunScreen(app, "benchmark", live)
        await app.push_screen(screen)
        while screen.node is None:
            await paint(pilot)
            await asyncio.sleep(0.005)
        print(f"{'open a tree of ' + format(size, ',') + ' nodes':<42} {time.perf_counter() - began:.2f} s")
        print_times(f"key, {size:,} nodes", await press(pilot, KEYS, count))
        print_times("a node added while browsing", await add_nodes(pilot, screen, run, max(20, count // 5)))
        await stream(pilot, screen, run, tokens)
        print(f"{'memory of the app at the end':<42} {psutil.Process().memory_info().rss / 2**20:.0f} MiB")


def put(screen: RunScreen, event: events.Event) -> None:
    """Let an event come to the screen as from the run's thread."""
    assert screen.live is not None
    screen.live._queue.put(event)


async def add_nodes(pilot: Pilot[Any], screen: RunScreen, run: Scripted, count: int) -> list[float]:
    """Add nodes one by one; return the milliseconds from each node to its paint."""
    taken = []
    for number in range(len(run.tree), len(run.tree) + count):
        node = result(number)
        began = time.perf_counter()
        run.tree = run.tree.tell(node)
        put(screen, events.NodeFinished(0.0, node))
        screen._look()
        await paint(pilot)
        taken.append(1000 * (time.perf_counter() - began))
        await press(pilot, ["down"], 1)
    return taken


async def stream(pilot: Pilot[Any], screen: RunScreen, run: Scripted, tokens: int) -> None:
    """Stream the reply of a new node; print the cores that it takes and the times of keys meanwhile."""
    last = len(run.tree)
    pending = Node(
        id=last, operator=Operator.IMPROVE, parent=random.Random(0).randrange(last), state=NodeState.PENDING
    )
    run.tree = run.tree.tell(pending)
    screen._look()
    screen.go_to(last)
    await paint(pilot)
    process = psutil.Process()
    cpu, began, times = sum(process.cpu_times()[:2]), time.perf_counter(), []
    rate = 500  # tokens a second, faster than a model on a workstation
    for start in range(0, tokens, rate // 10):
        for token in range(start, start + rate // 10):
            text = f"token_{token} = {token}\n" if token % 9 == 0 else "x "
            put(screen, events.TokensStreamed(0.0, last, text))
        tick = time.perf_counter()
        if start % rate == 0:
            times += await press(pilot, ["down" if start % (2 * rate) else "up"], 1)
        await asyncio.sleep(max(0.0, 0.02 - (time.perf_counter() - tick)))
    seconds = time.perf_counter() - began
    used = sum(process.cpu_times()[:2]) - cpu
    print(
        f"{'streaming ' + format(tokens, ',') + ' tokens':<42} {used / seconds:.2f} cores"
        f" at {tokens / seconds:,.0f} tokens/s"
    )
    print_times("key while streaming", times)


NODE_EVERY = 6.0  # simulated seconds
REPLY, PRINTED = 400, 60  # tokens and lines of a node


def events_of_a_node(number: int) -> list[events.Event]:
    """Return what a run reports of one node, from its proposal to its end."""
    node = result(number)
    made: list[events.Event] = [events.NodeProposed(0.0, number, Step(node.operator, node.parent))]
    made += [
        events.TokensStreamed(0.0, number, f"token_{one}\n" if one % 9 == 0 else "x ") for one in range(REPLY)
    ]
    made.append(events.ExecutionStarted(0.0, number))
    made += [events.OutputStreamed(0.0, number, 0, f"epoch {one}: {one / 7:.4f}\n") for one in range(PRINTED)]
    return [*made, events.NodeFinished(0.0, node)]


async def keep_going(minutes: float, place: Path) -> None:
    """Print how the memory grows between the first sixth of the time and its end."""
    nodes = int(60 * minutes / NODE_EVERY)
    run = Scripted(Tree((), Direction.MAXIMIZE))
    live = LiveRun(run)  # type: ignore[arg-type]
    app = AideApp(Home(place))
    process, measured = psutil.Process(), []
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        screen = RunScreen(app, "benchmark", live)
        await app.push_screen(screen)
        for number in range(nodes):
            *earlier, last = events_of_a_node(number)
            pending = replace(
                result(number), state=NodeState.PENDING, metric=None, complete=False, error=None
            )
            run.tree = run.tree.tell(pending)
            for event in earlier:
                put(screen, event)
            screen._look()
            await press(pilot, ["G", KEYS[number % len(KEYS)]], 2)
            run.tree = run.tree.tell(result(number))
            put(screen, last)
            screen._look()
            await paint(pilot)
            if number in (nodes // 6, nodes - 1):
                gc.collect()
                measured.append((process.memory_info().rss / 2**20, number))
    (early, before), (late, after) = measured
    print(
        f"{f'{minutes:g} simulated minutes, {nodes:,} nodes':<42} {early:.0f} MiB after a sixth, {late:.0f} MiB at the end:"
        f" {1024 * (late - early) / (after - before):.1f} KiB for each node"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=240)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=60.0, help="of the simulated run; 0 leaves it out")
    given = parser.parse_args()
    calm_collector()
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(measure(given.keys, given.nodes, given.tokens, Path(place)))
        if given.minutes:
            asyncio.run(keep_going(given.minutes, Path(place)))


if __name__ == "__main__":
    main()
