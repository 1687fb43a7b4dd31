"""A text that comes in is followed until the reader scrolls up; what candidates use is told apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import Static

from tui.live import NO_STREAM
from tui.meter import Meter, Reading
from tui.pane import Pane


class One(App[None]):
    def compose(self) -> ComposeResult:
        yield Pane("plan")


def text(lines: int) -> Text:
    return Text("\n".join(f"line {n}" for n in range(lines)))


@pytest.mark.asyncio
async def test_a_reader_who_scrolled_up_is_told_how_much_more_there_is() -> None:
    app = One()
    async with app.run_test(size=(40, 10)) as pilot:
        pane = app.query_one(Pane)
        pane.show(text(3))
        pane.focus()
        await pilot.pause()
        assert not pane.holds(3)
        pane.follow(text(50), 50)
        await pilot.pause()
        assert pane.at_end
        assert not pane.holds(60), "at the end it goes on"
        await pilot.press("k", "k", "k")
        await pilot.pause()
        more = app.query_one(".more", Static)
        assert pane.holds(70)
        await pilot.pause()
        assert more.display
        assert "+20 lines" in str(more.render())
        await pilot.press("G")
        await pilot.pause()
        assert not pane.holds(71)
        assert not more.display


def test_a_stream_counts_all_lines_and_keeps_the_end() -> None:
    stream = NO_STREAM
    for _ in range(3):
        stream = stream.plus("x" * 30_000 + "\n")
    assert stream.lines == 3
    assert len(stream.text) == 40_000


@pytest.fixture
def candidate() -> Iterator[None]:
    """A process as the sandbox starts it, with a busy one below."""
    busy = "import time; data = bytearray(50_000_000)\nwhile True: sum(range(10000))"
    server = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", server, "aide_local.sandbox.server"], start_new_session=True
    )
    yield
    import os
    import signal

    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_memory_and_cores_of_a_candidate_are_told_apart(candidate: None) -> None:
    import time

    meter = Meter()
    reading = Reading()
    ends = time.monotonic() + 60
    while not (reading.executing and reading.candidate_memory > 50_000_000 and reading.busy > 0):
        assert time.monotonic() < ends, reading
        time.sleep(0.2)
        reading = meter.read()
    assert reading.memory > reading.candidate_memory
    assert "candidate" in reading.in_words()
