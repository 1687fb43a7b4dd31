"""The real program in a real terminal: a sample task with the bundled model, steered by keyboard, found again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_local.home import Home
from aide_local.store.read import list_runs, read_run
from aide_local.types import Node, NodeState, Operator

SAMPLE = Path(__file__).parent.parent.parent / "sample_tasks" / "bike_demand"
PROGRAM = Path(sys.executable).with_name("aide-local")

pytestmark = [
    pytest.mark.skipif(
        shutil.which("tmux") is None, reason="tmux, the terminal of this test, is not installed"
    ),
    pytest.mark.timeout(600),
]


class Terminal:
    """A tmux server of its own with one window."""

    def __init__(self, place: Path, command: list[str], width: int = 120, height: int = 40) -> None:
        self._socket = str(place / "tmux")
        shell = f"{' '.join(command)}; echo left with $?; sleep 600"
        environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "OMP_WAIT_POLICY": "passive",
            "LANG": "C.UTF-8",
        }
        environment.pop("TMUX", None)
        subprocess.run(
            ["tmux", "-S", self._socket, "-u", "new-session", "-d", "-x", str(width), "-y", str(height), shell],
            check=True,
            env=environment,
        )  # fmt: skip

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], check=False)

    @property
    def text(self) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, "capture-pane", "-p"], capture_output=True, text=True, check=True
        )
        return done.stdout

    def keys(self, *names: str) -> None:
        for name in names:
            subprocess.run(["tmux", "-S", self._socket, "send-keys", name], check=True)
            time.sleep(0.25)

    def type(self, text: str) -> None:
        subprocess.run(["tmux", "-S", self._socket, "send-keys", "-l", text], check=True)
        time.sleep(0.5)

    def until(self, part: str, seconds: float = 60.0) -> None:
        ends = time.monotonic() + seconds
        while part not in self.text:
            assert time.monotonic() < ends, f"{part!r} did not come within {seconds:.0f} s:\n{self.text}"
            time.sleep(0.2)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(tmp_path, [str(PROGRAM), "--home", str(tmp_path / "home")]) as made:
        yield made


@pytest.mark.slow  # a whole search with the playbook; its screens and keys have tests of their own
def test_a_session_by_keyboard_alone(terminal: Terminal, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    terminal.until("Welcome")
    terminal.keys("n")
    terminal.until("A new run")
    terminal.type(str(SAMPLE))
    terminal.until("regression")
    terminal.keys("F5")
    terminal.until("step 2/20", 120)
    terminal.keys("Space")
    terminal.until("paused")
    terminal.until("valid", 120)
    ends = time.monotonic() + 120
    while not any(node.complete for node in _nodes(home)):
        assert time.monotonic() < ends, terminal.text
        time.sleep(0.5)
    terminal.keys("b", "2")
    terminal.until("import pandas")
    terminal.keys("i")
    terminal.until("How?")
    terminal.type("add logs")
    terminal.keys("Enter")
    terminal.until("1 asked for")
    terminal.keys("E")
    terminal.until("yours becomes its child")
    terminal.type("seen = 1")
    terminal.keys("Enter", "C-s")
    terminal.until("2 asked for")
    terminal.keys("Space")
    ends = time.monotonic() + 180
    while not {"hint", "human"} <= _made(home):
        assert time.monotonic() < ends, terminal.text
        time.sleep(0.5)
    terminal.keys("Escape", "s")
    terminal.until("SQL over all runs")
    terminal.keys("F2")
    terminal.until("Questions")
    terminal.type("operator gains")
    terminal.keys("Enter", "F5")
    terminal.until("4 columns")  # the answer's line: the column's name stands in the query, too
    terminal.keys("F2")
    terminal.until("Questions")
    terminal.type("operator fare")  # gains are of nodes scored in full; this one counts all
    terminal.keys("Enter", "F5")
    terminal.until("human", 60)
    terminal.keys("Escape", "q")
    terminal.until("Leave?")
    terminal.keys("y")
    terminal.until("left with 0", 90)
    listed = subprocess.run(
        [str(PROGRAM), "--home", str(home.root), "runs"], capture_output=True, text=True, check=True
    ).stdout
    assert "bike_demand" in listed
    assert "stopped" in listed
    nodes = _nodes(home)
    assert [node.hint for node in nodes if node.hint] == ["add logs"]
    human = next(node for node in nodes if node.operator is Operator.HUMAN)
    assert human.code.startswith("seen = 1\n")
    assert human.state is not NodeState.PENDING


def test_a_terminal_that_is_closed_loses_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with Terminal(
        tmp_path, [str(PROGRAM), "--home", str(home.root), "run", str(SAMPLE), "--tui"], 80, 24
    ) as terminal:
        terminal.until("step 3/20", 120)
        terminal.until("best", 60)
        ends = time.monotonic() + 60
        while not any(node.complete for node in _nodes(home)):
            assert time.monotonic() < ends
            time.sleep(0.5)
    before = {node.id for node in _nodes(home) if node.complete}
    done = subprocess.run(
        [str(PROGRAM), "--home", str(home.root), "resume", "latest", "--steps", "6", "--plain"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert before <= {node.id for node in _nodes(home) if node.complete}


def _nodes(home: Home) -> list[Node]:
    runs = list_runs(home)
    if not runs or not (home.run(runs[0].id) / "published.duckdb").exists():
        return []
    return list(read_run(home, runs[0].id).tree.nodes)


def _made(home: Home) -> set[str]:
    """Return which of the two things that the person asked for are finished: a hint, a script by hand."""
    finished = [node for node in _nodes(home) if node.state is not NodeState.PENDING]
    made = {"hint"} if any(node.hint for node in finished) else set()
    return made | ({"human"} if any(node.operator is Operator.HUMAN for node in finished) else set())
