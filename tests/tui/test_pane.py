"""A text that comes in is followed until the reader scrolls up; what candidates use is shown apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console, RenderableType
from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import Static

from aide_local.search.tree import Tree
from aide_local.task import Direction
from aide_local.types import FoldScore
from tests.factories import valid
from tui.gpu import Gpu, VideoMemory
from tui.live import NO_STREAM
from tui.meter import Meter, Reading
from tui.pane import Pane
from tui.tab_content import Tab, TabContent, render


class One(App[None]):
    def compose(self) -> ComposeResult:
        yield Pane("plan")


def text(lines: int) -> Text:
    return Text("\n".join(f"line {n}" for n in range(lines)))


@pytest.mark.asyncio
async def test_a_reader_who_scrolled_up_sees_how_much_more_there_is() -> None:
    app = One()
    async with app.run_test(size=(40, 10)) as pilot:
        pane = app.query_one(Pane)
        pane.show(text(3))
        pane.focus()
        await pilot.pause()
        assert not pane.stands_still(3)
        pane.follow(text(50), 50)
        await pilot.pause()
        assert pane.at_end
        assert not pane.stands_still(60), "at the end it goes on"
        await pilot.press("k", "k", "k")
        await pilot.pause()
        more = app.query_one(".more", Static)
        assert pane.stands_still(70)
        await pilot.pause()
        assert more.display
        assert "+20 lines" in str(more.render())
        await pilot.press("G")
        await pilot.pause()
        assert not pane.stands_still(71)
        assert not more.display


def test_a_stream_counts_all_lines_and_keeps_the_end() -> None:
    stream = NO_STREAM
    for _ in range(3):
        stream = stream.plus("x" * 30_000 + "\n")
    assert stream.lines == 3
    assert len(stream.text) == 40_000


@pytest.fixture
def candidate() -> Iterator[None]:
    """Start a process as the sandbox does, with a busy child."""
    busy = "import time; data = bytearray(50_000_000)\nwhile True: sum(range(10000))"
    server = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", server, "aide_local.sandbox.inside.server"], start_new_session=True
    )
    yield
    import os
    import signal

    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_memory_and_cores_of_a_candidate_are_shown_apart(candidate: None) -> None:
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


def fake_smi(place: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program of that name on the path that counts how often it is asked; return the file with the count."""
    program = place / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho x >> {place}/asked\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    return place / "asked"


def test_video_memory_of_all_cards_is_in_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fake_smi(tmp_path, "echo '1024, 81559'; echo '0, 81559'", monkeypatch)
    meter = Meter()
    assert "VRAM 1,024/163,118 MiB" in meter.read().in_words()
    assert meter.read().video == VideoMemory(1024, 163_118)
    assert asked.read_text() == "x\n", "one question serves some seconds"


@pytest.mark.parametrize("script", ["echo '[N/A], [N/A]'", "echo 'No devices were found'; exit 6", ""])
def test_a_card_that_reports_nothing_is_neither_shown_nor_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    asked = fake_smi(tmp_path, script, monkeypatch)
    monkeypatch.setattr("tui.gpu.ASK_EVERY", 0.0)
    meter = Meter()
    assert [meter.read().video for _ in range(2)] == [None, None]
    assert "VRAM" not in meter.read().in_words()
    assert asked.read_text() == "x\n"


def test_without_the_program_nothing_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Gpu().read() is None


def test_folds_have_means_with_errors_and_are_paired_with_the_best() -> None:
    scores = {0: (0.80, 0.82, 0.84), 1: (0.70, 0.76, 0.79)}
    tree = Tree.of(
        (
            valid(node, 0.8 - node / 10, folds=tuple(FoldScore(n, one) for n, one in enumerate(values)))
            for node, values in scores.items()
        ),
        Direction.MAXIMIZE,
    )
    shown = printed(render(TabContent(Tab.FOLDS, tree, tree[1])))
    assert "0.75 ± 0.026" in shown
    assert "0.82 ± 0.012" in shown
    assert "-0.07 ± 0.015" in shown, "the spread of the differences, not of the scores"
    assert "same folds" in shown
    best = printed(render(TabContent(Tab.FOLDS, tree, tree[0])))
    assert "0.82 ± 0.012" in best
    assert "same folds" not in best, "it is the best itself"


def test_a_node_stopped_early_is_compared_on_the_folds_it_has() -> None:
    best = valid(0, 0.8, folds=(FoldScore(0, 0.8), FoldScore(1, 0.9)))
    behind = valid(1, 0.5, complete=False, folds=(FoldScore(0, 0.5),))
    tree = Tree.of((best, behind), Direction.MAXIMIZE)
    lines = printed(render(TabContent(Tab.FOLDS, tree, behind))).splitlines()
    assert [line.split() for line in lines[3:6]] == [
        ["mean", "0.5"],
        ["best", "#0", "0.85", "±", "0.05"],
        ["better", "by", "-0.3"],
    ]


def printed(content: RenderableType) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(content)
    return capture.get()
